"""One linear pass over an edit in exact fractions: where every clip and gap lies, and what is over it.

OTIO's own range calls are quadratic and wrong under trimmed nests (otio.md §3.3, §5); none is used here.
Record positions are frames at the edit's rate, from its start timecode.

An address is `TRACK:CHILD`, the indexes of a track in the timeline and of an item in that track; inside a
nest `/TRACK:CHILD` follows. A nested track's own index is 0, and so is that of a clip lying bare in a stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import opentimelineio as otio

from otio_bridge.errors import RefusedInput
from otio_bridge.model.value import exact
from otio_bridge.timeline.lanes import Item, Lane, Survey, item_at
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.times import frames

__all__ = ["Item", "Lane", "Survey", "find", "item_at", "speed_of", "survey", "walk"]

_ZERO = Fraction(0)


def walk(edit: Edit) -> tuple[Item, ...]:
    """Every picture clip and gap that shows, bottom track first, each track in record order."""
    return tuple(survey(edit).items)


def survey(edit: Edit) -> Survey:
    """`walk`, with tracks to look things up in. Raises RefusedInput for times that cannot be."""
    walker = _Walker(edit)
    try:
        walker.stack(edit.timeline.tracks, _Place(Fraction(edit.start), None, None, "", -1, "", True))
        walker.hang_markers()
    except ValueError as exc:
        raise RefusedInput(f"the timeline holds a time that cannot be ({exc})", value=edit.path) from exc
    return walker.found


def find(edit: Edit, address: str) -> otio.core.Item:
    """The object at an address. Raises RefusedInput where there is none (the edit is another one)."""
    here: otio.core.Composable = edit.timeline.tracks
    try:
        for step in address.split("/"):
            track, child = (int(number) for number in step.split(":"))
            if isinstance(here, otio.schema.Stack):
                here = here[track]
            if isinstance(here, otio.schema.Track):
                here = here[child]
    except (ValueError, IndexError, TypeError) as exc:
        raise RefusedInput("the edit has nothing at this place", value=address) from exc
    if not isinstance(here, otio.core.Item):
        raise RefusedInput("the edit has no clip at this place", value=address)
    return here


def speed_of(item: otio.core.Item) -> Fraction | None:
    """The product of an item's linear time warps; None where it has none."""
    scalar: Fraction | None = None
    for effect in item.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            scalar = (1 if scalar is None else scalar) * _scalar(effect.time_scalar)
    return scalar


def _scalar(value: float) -> Fraction:
    """A written float as the fraction meant: 1.9833333333333334 is 119/60."""
    said = exact(value)
    near = said.limit_denominator(10_000)
    return near if abs(near - said) < Fraction(1, 10**9) else said


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a composition lies: the record position of its time zero, and the window it shows through."""

    zero: Fraction
    first: Fraction | None
    end: Fraction | None
    prefix: str
    track: int
    name: str
    enabled: bool
    warped: str | None = None
    lost: str | None = None


class _Walker:
    def __init__(self, edit: Edit) -> None:
        self.edit = edit
        self.rate = edit.rate
        self.found = Survey()
        self.markers: list[tuple[otio.schema.Marker, Fraction, str, _Place]] = []

    def stack(self, stack: otio.schema.Stack, place: _Place) -> Fraction:
        """Walk a stack; returns its length."""
        place, length = self.window(stack, place)
        self.note_markers(stack, place)
        longest = _ZERO
        for index, child in enumerate(stack):
            top = index if place.track < 0 else place.track
            inner = _moved(place, prefix=f"{place.prefix}{index}:", track=top)
            if isinstance(child, otio.schema.Track):
                if child.kind == otio.schema.TrackKind.Audio:
                    continue
                longest = max(longest, self.track(child, _moved(inner, name=child.name or "")))
            else:
                lane = self.lane(inner.prefix)
                step = _moved(inner, prefix=f"{inner.prefix}0")
                longest = max(longest, self.child(child, step, lane, place.zero, (_ZERO, _ZERO)))
        return longest if length is None else length

    def track(self, track: otio.schema.Track, place: _Place) -> Fraction:
        """Walk a track; returns its length."""
        place, length = self.window(track, place)
        enabled = place.enabled and track.enabled
        self.note_markers(track, place)
        lane = self.lane(place.prefix)
        children = list(track)
        at, lost = place.zero, place.lost
        for index, child in enumerate(children):
            if isinstance(child, otio.schema.Transition):
                continue
            hang = (
                self.hang(children[index - 1] if index else None, "in_offset"),
                self.hang(children[index + 1] if index + 1 < len(children) else None, "out_offset"),
            )
            step = _moved(place, prefix=f"{place.prefix}{index}", enabled=enabled, lost=lost)
            took = self.child(child, step, lane, at, hang)
            if took < 0:
                lost = lost or child.name or "an item"
                took = _ZERO
            at += took
        return at - place.zero if length is None else length

    def child(
        self,
        child: otio.core.Composable,
        place: _Place,
        lane: Lane,
        at: Fraction,
        hang: tuple[Fraction, Fraction],
    ) -> Fraction:
        """One item at record position `at`; returns its length, or -1 where it states none."""
        if isinstance(child, otio.schema.Stack | otio.schema.Track):
            warped = place.warped or ((child.name or "a nest") if _retimed(child) else None)
            enabled = place.enabled and child.enabled
            inner = _moved(place, zero=at, prefix=f"{place.prefix}/", enabled=enabled, warped=warped)
            if isinstance(child, otio.schema.Stack):
                return self.stack(child, inner)
            if child.kind == otio.schema.TrackKind.Audio:
                return self.window(child, inner)[1] or _ZERO
            return self.track(
                child, _moved(inner, prefix=f"{place.prefix}/0:", name=child.name or place.name)
            )
        if not isinstance(child, otio.core.Item):
            return _ZERO
        length = self.length(child)
        if length is not None and isinstance(child, otio.schema.Clip | otio.schema.Gap):
            self.add(child, place, lane, at, length, hang)
        return Fraction(-1) if length is None else length

    def add(
        self,
        node: otio.schema.Clip | otio.schema.Gap,
        place: _Place,
        lane: Lane,
        at: Fraction,
        length: Fraction,
        hang: tuple[Fraction, Fraction],
    ) -> None:
        first = at if place.first is None else max(at, place.first)
        end = at + length if place.end is None else min(at + length, place.end)
        if first >= end:
            return
        item = Item(
            address=place.prefix,
            node=node,
            track=place.track,
            track_name=place.name,
            start=first,
            duration=end - first,
            enabled=place.enabled and node.enabled,
            gap=isinstance(node, otio.schema.Gap),
            head=hang[0] if first == at else _ZERO,
            tail=hang[1] if end == at + length else _ZERO,
            trim_head=first - at,
            trim_tail=at + length - end,
            warped=place.warped,
            lost=place.lost,
        )
        self.found.items.append(item)
        lane.items.append(item)
        lane.starts.append(first)

    def lane(self, prefix: str) -> Lane:
        lane = Lane(prefix)
        self.found.lanes.append(lane)
        return lane

    def window(self, item: otio.core.Item, place: _Place) -> tuple[_Place, Fraction | None]:
        """The place of what is inside, cut to the item's source range; and the length that range states."""
        span = item.source_range
        if span is None:
            return place, None
        length = frames(span.duration, self.rate)
        first, end = place.zero, place.zero + length
        return (
            _moved(
                place,
                zero=place.zero - frames(span.start_time, self.rate),
                first=first if place.first is None else max(first, place.first),
                end=end if place.end is None else min(end, place.end),
            ),
            length,
        )

    def length(self, item: otio.core.Item) -> Fraction | None:
        """Record frames an item takes; None where it states no length."""
        span = item.source_range
        if span is None and isinstance(item, otio.schema.Clip) and item.media_reference is not None:
            span = item.media_reference.available_range
        if span is None:
            return None
        length = frames(span.duration, self.rate)
        if self.edit.convention == "source" and item.effects:
            # The other convention in circulation: the range counts media frames.
            scalar = speed_of(item)
            return length / abs(scalar) if scalar else length
        return length

    def hang(self, neighbour: otio.core.Composable | None, side: str) -> Fraction:
        """Overhang a transition beside an item gives it."""
        if not isinstance(neighbour, otio.schema.Transition):
            return _ZERO
        offset = getattr(neighbour, side)
        return _ZERO if offset is None else max(_ZERO, frames(offset, self.rate))

    def note_markers(self, owner: otio.core.Item, place: _Place) -> None:
        for marker in owner.markers:
            at = place.zero + frames(marker.marked_range.start_time, self.rate)
            self.markers.append((marker, at, place.prefix, place))

    def hang_markers(self) -> None:
        """Give each marker of a timeline, track or nest to the item it means."""
        for marker, at, prefix, place in self.markers:
            item = item_at(self.found, at, prefix)
            if item is not None:
                item.over.append(marker)
            elif place.first is None or (place.first <= at and (place.end is None or at < place.end)):
                self.found.orphans.append((marker, at))


def _retimed(nest: otio.core.Item) -> bool:
    return any(isinstance(effect, otio.schema.TimeEffect) for effect in nest.effects)


def _moved(place: _Place, **changes: object) -> _Place:
    values = {name: getattr(place, name) for name in _Place.__slots__}
    return _Place(**{**values, **changes})
