"""Gaps through which black shows: what a selection by `gaps` means."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from otio_bridge.timeline.walk import Item, Survey


def black_gaps(survey: Survey) -> Iterator[Item]:
    """The timeline's own gaps through which black shows: of gaps over each other, the lowest."""
    lanes = [lane for lane in survey.lanes if lane.prefix.count(":") == 1]
    taken: list[Item] = []
    for lane in lanes:
        for item in lane.items:
            if not item.gap or not item.enabled:
                continue
            over = [
                (max(other.start, item.start), min(other.end, item.end))
                for other_lane in survey.lanes
                if other_lane is not lane
                for other in other_lane.within(item.start, item.end)
                if other.enabled and not other.gap
            ]
            over += [(max(t.start, item.start), min(t.end, item.end)) for t in taken if _meet(t, item)]
            if _length(over) < item.duration:
                taken.append(item)
                yield item


def _meet(one: Item, other: Item) -> bool:
    return one.start < other.end and other.start < one.end


def _length(spans: list[tuple[Fraction, Fraction]]) -> Fraction:
    """How much of a line some spans cover together."""
    total, reached = Fraction(0), None
    for start, end in sorted(spans):
        begin = start if reached is None else max(start, reached)
        total += max(Fraction(0), end - begin)
        reached = end if reached is None else max(reached, end)
    return total
