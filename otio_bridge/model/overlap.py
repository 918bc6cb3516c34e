"""Clips assigned to shots by the frames they share: best overlap first, one to one, ties told apart or told.

A clip and a shot are each some stretches of frames on lines (a piece of media, a track of a cut); only
stretches on one line can meet. Near-linear: stretches of a line are sorted and looked up by bisection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import NamedTuple

from otio_bridge.model.time import FrameRange


class Stretch(NamedTuple):
    """Frames on one line. Of two lines that tell the same, the higher `strength` is believed."""

    line: Hashable
    frames: FrameRange
    strength: int = 0
    #: Where in a cut it plays; breaks ties between equal frames.
    place: tuple[Hashable, FrameRange] | None = None
    #: What a plate holds around what was shown: it is met only by clips that lie wholly inside.
    plate: bool = False


class _Score(NamedTuple):
    """How well a clip fits a shot, compared field by field."""

    strength: int
    overlap: int
    #: Minus the frames only one of them has.
    alike: int
    same_place: bool
    inside: bool


def assign(clips: Sequence[Sequence[Stretch]], shots: Sequence[Sequence[Stretch]]) -> list[tuple[int, ...]]:
    """The shot of each clip by index: one, none, or several where nobody could tell them apart.

    Best fits are taken first, each shot once; a clip left over is a further clip of the shot it fits best.
    A clip that lies inside its best shot is not pushed to a lesser one, unless that one played at its place.
    The order of clips and shots does not matter: fits that are equally good are settled together.
    """
    lines = _lines(shots)
    scores = [_scores(stretches, lines) for stretches in clips]
    pairs = sorted(
        ((score, clip, shot) for clip, fits in enumerate(scores) for shot, score in fits.items()),
        reverse=True,
    )
    given: dict[int, tuple[int, ...]] = {}
    taken: set[int] = set()
    for score, equal in groupby(pairs, key=lambda pair: pair[0]):
        open_ = [(c, s) for _, c, s in equal if c not in given and s not in taken and _may(scores[c], score)]
        for some_clips, some_shots in _tangles(open_):
            taken |= some_shots
            for clip in some_clips:
                given[clip] = tuple(sorted(shot for shot in some_shots if scores[clip].get(shot) == score))
    return [given.get(clip) or _best(fits) for clip, fits in enumerate(scores)]


def _may(fits: dict[int, _Score], score: _Score) -> bool:
    """Whether a clip may be given a shot it fits so, though it may fit another better."""
    best = max(fits.values())
    return score == best or score.same_place or not best.inside


def _best(fits: dict[int, _Score]) -> tuple[int, ...]:
    """The shots a clip fits best."""
    best = max(fits.values(), default=None)
    return tuple(shot for shot, score in sorted(fits.items()) if score == best)


def _tangles(pairs: Sequence[tuple[int, int]]) -> list[tuple[set[int], set[int]]]:
    """Clips and shots that hang together: a clip in two pairs joins their shots, and the other way round."""
    of_clip: dict[int, list[int]] = defaultdict(list)
    of_shot: dict[int, list[int]] = defaultdict(list)
    for clip, shot in pairs:
        of_clip[clip].append(shot)
        of_shot[shot].append(clip)
    found, done = [], set[int]()
    for first in of_clip:
        if first in done:
            continue
        clips, shots, pending = {first}, set[int](), [first]
        while pending:
            for shot in of_clip[pending.pop()]:
                if shot not in shots:
                    shots.add(shot)
                    pending += [clip for clip in of_shot[shot] if clip not in clips]
                    clips.update(of_shot[shot])
        done |= clips
        found.append((clips, shots))
    return found


class _Line:
    """The stretches of all shots on one line, by first frame."""

    def __init__(self, entries: list[tuple[int, int, Stretch]]) -> None:
        self.entries = sorted(entries, key=lambda entry: entry[:2])
        self.starts = [entry[0] for entry in self.entries]
        self.longest = max(entry[2].frames.duration for entry in entries)

    def meeting(self, frames: FrameRange) -> list[tuple[int, int, Stretch]]:
        """The stretches that may share frames with these."""
        first = bisect_left(self.starts, frames.start - self.longest)
        return self.entries[first : bisect_left(self.starts, frames.end)]


def _lines(shots: Sequence[Sequence[Stretch]]) -> dict[Hashable, _Line]:
    entries: dict[Hashable, list[tuple[int, int, Stretch]]] = defaultdict(list)
    for shot, stretches in enumerate(shots):
        for stretch in stretches:
            entries[stretch.line].append((stretch.frames.start, shot, stretch))
    return {line: _Line(found) for line, found in entries.items()}


def _scores(stretches: Sequence[Stretch], lines: dict[Hashable, _Line]) -> dict[int, _Score]:
    """How well the clip fits each shot it fits at all: they share half the frames of the shorter, or
    the clip lies inside a plate."""
    scores: dict[int, _Score] = {}
    for mine in stretches:
        if mine.line not in lines:
            continue
        for _, shot, theirs in lines[mine.line].meeting(mine.frames):
            overlap = mine.frames.overlap(theirs.frames)
            lengths = mine.frames.duration, theirs.frames.duration
            inside = overlap > 0 and theirs.frames.contains(mine.frames)
            if theirs.plate:
                fits, score = inside, _Score(theirs.strength, 0, 0, False, inside)
            else:
                fits = overlap > 0 and 2 * overlap >= min(lengths)
                place = _same_place(mine, theirs)
                score = _Score(theirs.strength, overlap, 2 * overlap - sum(lengths), place, inside)
            if fits:
                old = scores.get(shot, score)
                scores[shot] = max(old, score)._replace(inside=old.inside or score.inside)
    return scores


def _same_place(one: Stretch, other: Stretch) -> bool:
    if one.place is None or other.place is None or one.place[0] != other.place[0]:
        return False
    return one.place[1].overlap(other.place[1]) > 0
