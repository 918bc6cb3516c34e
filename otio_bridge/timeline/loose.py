"""A timeline that is already in memory, as an edit: for OpenTimelineIO's own tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import opentimelineio as otio

from otio_bridge.settings import Settings
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.mend import edit_rate
from otio_bridge.timeline.url import PathMaps


@contextmanager
def loose_edit(root: Any, *, settings: Settings, maps: PathMaps) -> Iterator[Edit]:
    """An edit of what is in memory: a stack, a track or a clip that has no parent.

    It is put under a timeline for the while and taken out again. Which file it came from and its start
    timecode are not known: it begins at frame 0, and relative addresses count from the current folder.
    """
    timeline = otio.schema.Timeline()
    track = None
    if isinstance(root, otio.schema.Stack):
        timeline.tracks = root
    else:
        track = timeline.tracks
        if not isinstance(root, otio.schema.Track):
            track = otio.schema.Track(kind=otio.schema.TrackKind.Video)
            timeline.tracks.append(track)
        track.append(root)
    rate, notes = edit_rate(timeline, settings.project.rate)
    try:
        yield Edit(
            path=Path.cwd() / "timeline.otio",
            format="otio",
            timeline=timeline,
            cut=str(root.name),
            rate=rate,
            drop=False,
            start=0,
            notes=tuple(notes),
            sha256="",
            convention=settings.project.retime_convention,
            base=Path.cwd(),
            maps=maps,
            roots=tuple(settings.media.roots),
        )
    finally:
        if track is not None:
            del track[:]
