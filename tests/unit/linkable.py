"""Small timelines for the relink tests, written to disk and read as any edit is."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from otio_bridge.model.frames import Span, record_need, source_need
from otio_bridge.model.relink import Link, RelinkReport, TakeLink
from otio_bridge.model.request import Placement
from otio_bridge.model.time import FrameRange
from otio_bridge.timeline.load import Edit, read_edit
from otio_bridge.timeline.write import write_edit

S = otio.schema
RATE = 24


def time(value: float, rate: float = RATE) -> Any:
    return otio.opentime.RationalTime(value, rate)


def span_of(start: float, duration: float, rate: float = RATE) -> Any:
    return otio.opentime.TimeRange(time(start, rate), time(duration, rate))


def clip(name: str, start: float = 86500, n: float = 48, *, url: str | None = None, **more: Any) -> Any:
    media = S.ExternalReference(target_url=url or f"/m/{name}.mov", available_range=span_of(86400, 240))
    made = S.Clip(name=name, media_reference=media, source_range=span_of(start, n))
    made.metadata["Resolve_OTIO"] = {"Link Group ID": 3}
    for key, value in more.items():
        setattr(made, key, value)
    return made


def gap(n: float) -> Any:
    return S.Gap(source_range=span_of(0, n))


def cut(*children: Any, name: str = "reel1") -> Any:
    timeline = S.Timeline(name=name, global_start_time=time(86400))
    track = S.Track(name="Video 1", kind="Video")
    track.extend(list(children))
    titles = S.Track(name="Video 2", kind="Video")
    titles.append(S.Gap(source_range=span_of(0, 500)))
    sound = S.Track(name="Audio 1", kind="Audio")
    sound.append(clip("sound"))
    timeline.tracks.extend([track, titles, sound])
    return timeline


def saved(timeline: Any, folder: Path, name: str = "reel1_v002.otio") -> Edit:
    path = folder / name
    otio.adapters.write_to_file(timeline, str(path))
    return read_edit(path)


def take(key: str, start: int, n: int, **more: Any) -> TakeLink:
    name = f"SC_0010_{key}"
    more.setdefault("path", f"/t/{name}.mov")
    return TakeLink(
        key=key, take=name, range=FrameRange(start=start, duration=n), rate=Fraction(RATE), **more
    )


def link(address: str, span: Span, *takes: TakeLink, active: str | None = "v001", **more: Any) -> Link:
    need = record_need(span) if more.pop("record_class", False) else source_need(span)
    return Link(
        address=address, shot="SC_0010", shot_id="id-10", token="tok-10", need=need, span=span, takes=takes,
        active=active, **more,
    )  # fmt: skip


def plain_link(address: str = "0:0", *takes: TakeLink, start: int = 86500, n: int = 48, **more: Any) -> Link:
    return link(address, Span(start=start, n=n), *(takes or (take("v001", 86492, 64),)), **more)


def above_link(address: str, start: int, n: int, s: Fraction, **more: Any) -> Link:
    span = Span(start=start, s=s, n=n)
    need = record_need(span)
    made = take("v001", need.start - 8, need.duration + 16)
    return link(address, span, made, placement=Placement.ABOVE, record_class=True, **more)


def as_json(edit: Edit) -> Any:
    return json.loads(edit.timeline.to_json_string())


def first(edit: Edit, track: int = 0, child: int = 0) -> Any:
    return edit.timeline.tracks[track][child]


def again(edit: Edit, report: RelinkReport, target: str = "review") -> Edit:
    """The edit as another process reads it."""
    return read_edit(write_edit(edit, edit.path.with_name("out.otio"), target=target))


def small_cut(folder: Path) -> Edit:
    """Two clips, a gap and a slowed clip under an empty track of titles."""
    retimed = clip("slow", 86450, 40)
    retimed.effects.append(S.LinearTimeWarp(time_scalar=0.5))
    return saved(cut(clip("A"), clip("B", 86410, 24), gap(30), retimed), folder)
