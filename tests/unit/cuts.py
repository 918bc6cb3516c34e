"""Small OTIO edits for tests of walking and finding shots."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from otio_bridge.timeline.load import Convention, Edit
from otio_bridge.timeline.times import otio_range, otio_time

R24 = Fraction(24)
NTSC = Fraction(24000, 1001)


def clip(
    name: str = "A",
    start: Any = 86410,
    n: Any = 48,
    *,
    rate: Fraction = R24,
    media: tuple[int, int] | None = (86400, 240),
    media_rate: Fraction | None = None,
    url: str | None = None,
    speed: float | None = None,
    marks: Sequence[str] = (),
    enabled: bool = True,
) -> otio.schema.Clip:
    """A clip of `/m/NAME.mov` (TC-absolute), n record frames from source frame `start`."""
    available = None if media is None else otio_range(media[0], media[1], media_rate or rate)
    reference = otio.schema.ExternalReference(url or f"/m/{name}.mov", available)
    made = otio.schema.Clip(name=name, media_reference=reference, source_range=otio_range(start, n, rate))
    made.enabled = enabled
    if speed is not None:
        made.effects.append(otio.schema.LinearTimeWarp(time_scalar=speed))
    for text in marks:
        made.markers.append(marker(text))
    return made


def gap(n: int, rate: Fraction = R24) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=otio_range(0, n, rate))


def marker(text: str, at: int = 0, *, note: str = "", colour: str = "GREEN", rate: Fraction = R24) -> Any:
    return otio.schema.Marker(name=text, comment=note, color=colour, marked_range=otio_range(at, 1, rate))


def dissolve(before: int, after: int, rate: Fraction = R24) -> otio.schema.Transition:
    return otio.schema.Transition(
        transition_type="SMPTE_Dissolve", in_offset=otio_time(before, rate), out_offset=otio_time(after, rate)
    )


def track(*children: Any, name: str = "Video 1", kind: str = "Video", **more: Any) -> otio.schema.Track:
    return otio.schema.Track(name=name, kind=kind, children=list(children), **more)


def edit(
    *tracks: otio.schema.Track,
    rate: Fraction = R24,
    start: int = 86400,
    marks: Sequence[Any] = (),
    convention: Convention = "record",
    **more: Any,
) -> Edit:
    timeline = otio.schema.Timeline(name="cut", global_start_time=otio_time(start, rate))
    timeline.tracks.extend(tracks)
    timeline.tracks.markers.extend(marks)
    return Edit(
        path=Path("/e/cut.otio"), format="otio", timeline=timeline, cut="cut", rate=rate, drop=False,
        start=start, notes=(), sha256="", convention=convention, base=Path("/e"), **more,
    )  # fmt: skip
