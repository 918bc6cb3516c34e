"""What a walk finds: items, and the lanes they lie in, to look up what shows at a record position."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction

import opentimelineio as otio

_ZERO = Fraction(0)


@dataclass(slots=True)
class Item:
    """A picture clip or a gap, as far as it shows."""

    address: str
    node: otio.schema.Clip | otio.schema.Gap
    #: The top-level track: its index from the bottom (audio tracks counted), and the name of the own one.
    track: int
    track_name: str
    start: Fraction
    duration: Fraction
    #: It and everything around it is switched on.
    enabled: bool
    gap: bool
    #: Record frames shown beyond the cut, inside transitions.
    head: Fraction = _ZERO
    tail: Fraction = _ZERO
    #: Record frames a nest's window cuts off.
    trim_head: Fraction = _ZERO
    trim_tail: Fraction = _ZERO
    #: Markers of the timeline, of tracks and nests that mean this item.
    over: list[otio.schema.Marker] = field(default_factory=list)
    #: Name of a nest around it that is itself retimed.
    warped: str | None = None
    #: Name of an item before it that states no length, so that its place is unknown.
    lost: str | None = None

    @property
    def end(self) -> Fraction:
        """The first record position after it."""
        return self.start + self.duration

    @property
    def depth(self) -> int:
        """Nests around it."""
        return self.address.count("/")


@dataclass
class Lane:
    """The items of one track, in record order; `prefix` is the track's own address."""

    prefix: str
    items: list[Item] = field(default_factory=list)
    starts: list[Fraction] = field(default_factory=list)

    def at(self, position: Fraction) -> Item | None:
        """The item showing at a record position."""
        index = bisect_right(self.starts, position) - 1
        return self.items[index] if index >= 0 and position < self.items[index].end else None

    def within(self, start: Fraction, end: Fraction) -> list[Item]:
        """The items that show in some part of a record range."""
        first = max(0, bisect_right(self.starts, start) - 1)
        last = bisect_right(self.starts, end)
        return [item for item in self.items[first:last] if item.start < end and start < item.end]


@dataclass
class Survey:
    """Everything one pass finds: lanes from the bottom up, and markers of the timeline over nothing."""

    items: list[Item] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    orphans: list[tuple[otio.schema.Marker, Fraction]] = field(default_factory=list)


def item_at(found: Survey, position: Fraction, prefix: str = "") -> Item | None:
    """The topmost enabled picture clip at a record position (below an address), else the lowest gap."""
    gap: Item | None = None
    for lane in reversed(found.lanes):
        if not lane.prefix.startswith(prefix):
            continue
        item = lane.at(position)
        if item is None or not item.enabled:
            continue
        if not item.gap:
            return item
        # A nest's gaps show what is below the nest; the timeline's own are what an editor means.
        if gap is None or item.depth <= gap.depth:
            gap = item
    return gap
