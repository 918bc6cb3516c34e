"""Takes on a track directly above their clip's, at its record position; the clip below is untouched.

A track of ours per track of the editor's, so that titles above stay above. Its gaps are rebuilt whenever a
take is put there; clips the editor laid there stay.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from otio_bridge.model.relink import METADATA
from otio_bridge.timeline import ours
from otio_bridge.timeline.times import frames, otio_range

_Laid = tuple[Fraction, Fraction, Any]


@dataclass
class _Layer:
    """Our track above one of the editor's: new, or there from an earlier relink."""

    below: Any
    track: Any | None
    #: Start and length in frames, and the clip: what lies there already, in order, and what is added.
    there: list[_Laid] = field(default_factory=list)
    added: list[_Laid] = field(default_factory=list)
    #: Takes of an earlier relink that make room, by identity.
    replaced: set[int] = field(default_factory=set)

    def meeting(self, start: Fraction, length: Fraction) -> list[_Laid]:
        """What lies there already at these frames; the clips of one track do not overlap."""
        first = bisect_right(self.there, start, key=lambda laid: laid[0] + laid[1])
        return self.there[first : bisect_left(self.there, start + length, key=lambda laid: laid[0])]


class Above:
    """The tracks above of one relink; nothing changes before `write`."""

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        #: By the track's identity; the track is held so that it stays this one's.
        self._starts: dict[int, tuple[Any, list[Fraction]]] = {}
        self._layers: dict[int, _Layer] = {}

    def put(self, node: Any, clip: Any, index: int, hidden: Fraction) -> str:
        """Note `clip` for the place above `node`, child `index` of its track; why not, where it cannot be.

        `hidden` frames at its head are cut off by a nest's window: the clip lies above what shows.
        """
        track = node.parent()
        if not isinstance(track, otio.schema.Track) or not isinstance(track.parent(), otio.schema.Stack):
            return "what it lies in has no tracks to put a take above"
        try:
            if id(track) not in self._starts:
                self._starts[id(track)] = track, starts_of(track, self._rate)
            start = self._starts[id(track)][1][index] + hidden
            length = frames(clip.source_range.duration, self._rate)
        except (otio.exceptions.OTIOError, ValueError):
            return "its place cannot be told: something before it has no length"
        layer = self._layers.get(id(track)) or self._layers.setdefault(id(track), self._layer(track))
        there = layer.meeting(start, length)
        for _, _, other in there:
            if not ours.note(other):
                return f"the editor placed {other.name!r} on the track above"
        layer.replaced.update(id(laid[2]) for laid in there)
        layer.added.append((start, length, clip))
        return ""

    def write(self) -> None:
        """Put the tracks into the edit."""
        for layer in self._layers.values():
            stack = layer.below.parent()
            if layer.track is None:
                layer.track = _track(layer.below, {track.name for track in stack})
                stack.insert(stack.index(layer.below) + 1, layer.track)
            kept = [laid for laid in layer.there if id(laid[2]) not in layer.replaced]
            fill(layer.track, kept + layer.added, self._rate)

    def _layer(self, below: Any) -> _Layer:
        stack = below.parent()
        place = stack.index(below) + 1
        above = stack[place] if place < len(stack) else None
        plain = above is not None and ours.is_our_track(above)
        if above is None or not plain or any(isinstance(child, otio.schema.Transition) for child in above):
            return _Layer(below, None)
        starts = starts_of(above, self._rate)
        clips = [
            (start, frames(child.duration(), self._rate), child)
            for start, child in zip(starts, above, strict=True)
            if not isinstance(child, otio.schema.Gap)
        ]
        return _Layer(below, above, clips)


def fill(track: Any, clips: list[_Laid], rate: Fraction) -> None:
    """Lay clips on a track at their places, gaps between."""
    del track[:]
    end = Fraction(0)
    for start, length, clip in sorted(clips, key=lambda entry: entry[0]):
        if start > end:
            track.append(otio.schema.Gap(source_range=otio_range(0, start - end, rate)))
        track.append(clip)
        end = start + length


def starts_of(track: Any, rate: Fraction) -> list[Fraction]:
    """Where each child of a track begins, in frames: one pass (asking OTIO per child is quadratic)."""
    starts, at = [], Fraction(0)
    for child in track:
        starts.append(at)
        if not isinstance(child, otio.schema.Transition):
            at += frames(child.duration(), rate)
    return starts


def _track(below: Any, names: set[str]) -> Any:
    name = next(
        name
        for n in range(1, len(names) + 2)
        if (name := f"{ours.TRACK} {n}" if n > 1 else ours.TRACK) not in names
    )
    track = otio.schema.Track(name=name, kind=below.kind, metadata={METADATA: {"above": below.name}})
    track.source_range = below.source_range
    return track
