"""What every file becomes after reading: one timeline, with the rate it counts in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import opentimelineio as otio

from otio_bridge.errors import RefusedInput
from otio_bridge.model.shot import Severity, ShotNote
from otio_bridge.model.time import rate_text
from otio_bridge.timeline.times import rate_of


def as_timeline(
    root: object, *, name: str, sequence: str | None = None
) -> tuple[otio.schema.Timeline, bool, list[ShotNote]]:
    """The timeline a file holds, whether it was wrapped in one, and what was passed over.

    A clip, a track or a stack is wrapped; of several timelines `sequence` chooses by name, else the first
    with pictures is taken and the others are told. Clips of a bin become one track. Raises RefusedInput.
    """
    if isinstance(root, otio.schema.Timeline):
        return root, False, []
    if isinstance(root, otio.schema.SerializableCollection):
        timelines = [child for child in root if isinstance(child, otio.schema.Timeline)]
        if timelines:
            return _one_of(timelines, sequence)
        return _wrapped([child for child in root if isinstance(child, otio.core.Composable)], name)
    if isinstance(root, otio.schema.Stack):
        timeline = otio.schema.Timeline(name=root.name or name)
        timeline.tracks = root
        return timeline, True, []
    if isinstance(root, otio.core.Composable):
        return _wrapped([root], name)
    raise RefusedInput("the file holds no timeline", value=type(root).__name__)


def _one_of(
    timelines: list[otio.schema.Timeline], sequence: str | None
) -> tuple[otio.schema.Timeline, bool, list[ShotNote]]:
    names = [timeline.name or "(no name)" for timeline in timelines]
    if sequence is not None:
        if sequence not in names:
            raise RefusedInput("the file holds no such sequence", value=sequence, allowed=names)
        return timelines[names.index(sequence)], False, []
    if len(timelines) == 1:
        return timelines[0], False, []
    chosen = next((one for one in timelines if any(len(track) for track in one.video_tracks())), timelines[0])
    text = (
        f"the file holds {len(names)} sequences ({', '.join(names)}); {chosen.name or 'the first'} was read"
    )
    return chosen, False, [ShotNote(severity=Severity.WARN, code="sequences", text=text)]


def _wrapped(
    parts: list[otio.core.Composable], name: str
) -> tuple[otio.schema.Timeline, bool, list[ShotNote]]:
    if not parts:
        raise RefusedInput("the file holds no timeline and no clips")
    timeline = otio.schema.Timeline(name=parts[0].name if len(parts) == 1 and parts[0].name else name)
    tracks = [part for part in parts if isinstance(part, otio.schema.Track)]
    others = [part for part in parts if not isinstance(part, otio.schema.Track)]
    for track in tracks:
        timeline.tracks.append(_loose(track))
    if others:
        track = otio.schema.Track(name="Video 1", kind=otio.schema.TrackKind.Video)
        timeline.tracks.append(track)
        for part in others:
            track.append(_loose(part))
    return timeline, True, []


def _loose(part: otio.core.Composable) -> otio.core.Composable:
    """The part itself, or a copy where something else holds it."""
    return part.clone() if part.parent() is not None else part


def edit_rate(timeline: otio.schema.Timeline, fallback: Fraction | None) -> tuple[Fraction, list[ShotNote]]:
    """The rate the timeline counts in: its start time's, else what most of its items are written in.

    `fallback` (the project's rate) is used where nothing says one. Raises RefusedInput where nobody knows.
    """
    start = timeline.global_start_time
    if start is not None and start.rate <= 1000:
        return rate_of(start.rate), []
    counted = Counter(rates := list(_rates(timeline)))
    if not counted:
        if fallback is not None:
            return fallback, []
        raise RefusedInput("the timeline states no rate", next="say --rate, or set [project] rate")
    most = max(counted.values())
    candidates = [rate for rate in counted if counted[rate] == most]
    rate = fallback if fallback in candidates else min(candidates, key=rates.index)
    notes = []
    if len(counted) > 1:
        text = (
            f"the timeline states no rate and its items are in {', '.join(map(rate_text, counted))}; "
            f"read at {rate_text(rate)}"
        )
        notes.append(ShotNote(severity=Severity.WARN, code="rate", text=text))
    return rate, notes


def _rates(timeline: otio.schema.Timeline) -> Iterator[Fraction]:
    for track in timeline.tracks:
        if isinstance(track, otio.schema.Track) and track.kind == otio.schema.TrackKind.Audio:
            continue
        for item in track if isinstance(track, otio.schema.Track) else [track]:
            if not isinstance(item, otio.core.Item):
                continue
            span = item.source_range
            if span is None and isinstance(item, otio.schema.Clip) and item.media_reference is not None:
                span = item.media_reference.available_range
            if span is not None and 0 < span.duration.rate <= 1000:
                yield rate_of(span.duration.rate)
