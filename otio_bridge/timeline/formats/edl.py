"""Reading EDLs: CMX 3600 through the adapter, with its faults mended first (otio.md §1.4, §6.4).

The events are read here (edl_events). What the adapter is given is the same list written plainly: in record
order, source lengths equal to record lengths, no speed lines. What it leaves out or gets wrong (source ins,
M2 speeds, freezes, record timecode, reels with spaces) is then put in from the events.
"""

from __future__ import annotations

import re
from fractions import Fraction

import opentimelineio as otio
from otio_cmx3600_adapter import cmx_3600  # type: ignore[import-untyped]

from otio_bridge.errors import RefusedInput
from otio_bridge.model.shot import Severity, ShotNote
from otio_bridge.model.time import timecode
from otio_bridge.timeline.formats.edl_events import Event, EventList, Notes, parse, tracks_of
from otio_bridge.timeline.times import otio_range, otio_time


def read(raw: bytes, rate: Fraction | None) -> tuple[otio.schema.Timeline, list[ShotNote], bool]:
    """The timeline, what was mended, and whether its timecode drops. Raises RefusedInput."""
    notes = Notes()
    found = parse(raw, rate, notes)
    timeline = cmx_3600.read_from_string(_plain(found), rate=float(found.rate))
    _restore(timeline, found, notes)
    _record_start(timeline, found.rate)
    return timeline, list(notes), found.drop


def _plain(found: EventList) -> str:
    """The list as the adapter reads it without fault; event numbers are positions in the list."""
    rows = [f"TITLE: {found.title}"]
    for index, event in enumerate(found.events, 1):
        reel = re.sub(r"\s+", "_", event.reel)
        codes = [timecode(frame, found.rate, drop=found.drop) for frame in (0, event.duration, *event.record)]
        if event.kind != "C":
            begin = " ".join([codes[0], codes[0], codes[2], codes[2]])
            rows.append(f"{index:06d} {reel} {event.channel} C {begin}")
            rows.append(
                f"{index:06d} {reel} {event.channel} {event.kind} {event.length:03d} {' '.join(codes)}"
            )
        else:
            rows.append(f"{index:06d} {reel} {event.channel} C {' '.join(codes)}")
        rows += event.comments
    return "\n".join(rows) + "\n"


def _restore(timeline: otio.schema.Timeline, found: EventList, notes: Notes) -> None:
    """Give each clip its event's source in, speed, reel and number; every event must have its clip."""
    for track in timeline.tracks:
        events = [event for event in found.events if track.name in tracks_of(event)]
        clips = [child for child in track if isinstance(child, otio.schema.Clip)]
        if len(clips) != len(events):
            raise RefusedInput(f"{len(events)} events became {len(clips)} clips on track {track.name}")
        for event, clip in zip(events, clips, strict=True):
            _restore_clip(event, clip, found.rate)
        if track.kind == otio.schema.TrackKind.Video:
            for event in events:
                if event.speed is not None and not event.freeze:
                    percent = float(event.speed * 100)
                    notes.add(
                        Severity.NOTE, "edl-speed", f"{event.where} runs at {percent:.4g} % (its M2 line)"
                    )


def _restore_clip(event: Event, clip: otio.schema.Clip, rate: Fraction) -> None:
    clip.source_range = otio_range(event.source[0], event.duration, rate)
    if re.fullmatch(r"\d{6}", clip.name or "") and not any("CLIP NAME" in row for row in event.comments):
        clip.name = event.number
    if " " in event.reel:
        clip.metadata.setdefault("cmx_3600", {})["reel"] = event.reel
    reference = clip.media_reference
    if isinstance(reference, otio.schema.ImageSequenceReference):
        reference.available_range = otio_range(event.source[0], event.source[1] - event.source[0], rate)
    if event.freeze:
        clip.effects.append(otio.schema.FreezeFrame())
        clip.name = (clip.name or "").removesuffix(" FF")
    elif event.speed is not None and event.speed != 1:
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(event.speed)))


def _record_start(timeline: otio.schema.Timeline, rate: Fraction) -> None:
    """Record timecode out of the tracks' negative source ranges into `global_start_time` (core #1385)."""
    starts = {track.name: _start(track) for track in timeline.tracks}
    first = min(starts.values())
    timeline.global_start_time = otio_time(first, rate)
    for track in timeline.tracks:
        track.source_range = None
        late = starts[track.name] - first
        if late:
            track.insert(0, otio.schema.Gap(source_range=otio_range(0, late, rate)))


def _start(track: otio.schema.Track) -> int:
    return round(-track.source_range.start_time.value) if track.source_range is not None else 0
