"""A small project on frame-coded media, and the whole loop driven in this process with a real sandbox."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

from otio_bridge.app import App
from otio_bridge.media.decode import decode
from otio_bridge.model.choice import Choice
from otio_bridge.model.take import TakeState
from otio_bridge.queue import QUEUES
from otio_bridge.settings import load
from otio_bridge.store import takes
from otio_bridge.store.records import TakeRecord
from otio_bridge.testing.framecode import read_code
from otio_bridge.workflow.dispatch import SendReport, send
from otio_bridge.workflow.init import init
from otio_bridge.workflow.poll import tick
from otio_bridge.workflow.steps import step

OVER = frozenset({TakeState.READY, TakeState.FAILED, TakeState.CANCELLED, TakeState.UNCERTAIN})
FAST = "\n[queue]\nlease = 1.0\nrenew = 0.2\ntick = 0.1\npoll = 0.1\npoll_max = 0.2\n"


def project(
    folder: Path, *, rate: Fraction = Fraction(24), sandbox: str = "", budget: str = "100.00"
) -> Path:
    """A project with quick limits, and the sandbox's address where there is one."""
    init(folder, name="t", rate=rate, width=320, height=180, budget=budget)
    more = FAST
    if sandbox:
        more += f'\n[providers.sandbox]\nurl = "{sandbox}"\nallow_private = true\n'
    file = folder / "otio-bridge.toml"
    file.write_text(file.read_text("utf-8") + more, encoding="utf-8")
    return folder


def opened(folder: Path) -> App:
    """The project's app."""
    return App.open(load(folder))


def drive(app: App, *, patience: float = 90.0, over: frozenset[TakeState] = OVER) -> list[TakeRecord]:
    """Do every step and every round until all takes are over. Fails after `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        worked = [step(app, queue, owner="test") for queue in QUEUES]
        tick(app, owner="test")
        rows = takes.by_state(app.ledger, TakeState)
        if all(row.state in over for row in rows):
            return rows
        if not any(worked):
            time.sleep(0.05)
        assert time.monotonic() < until, [(row.label, row.state, row.wait_code, row.why) for row in rows]


def sent(app: App, edit: Path, *, choice: Choice | None = None, **more: object) -> SendReport:
    """Send an edit by its marks, or as chosen, and drive it to the end."""
    report = send(app, edit, choice=choice or Choice(), **more)  # type: ignore[arg-type]
    drive(app)
    return report


def timeline(
    *items: otio.core.Composable, rate: Fraction = Fraction(24), start: int = 86400
) -> otio.schema.Timeline:
    """A timeline of one video track."""
    made = otio.schema.Timeline(name="cut", global_start_time=otio.opentime.RationalTime(start, float(rate)))
    track = otio.schema.Track(name="Video 1", kind=otio.schema.TrackKind.Video)
    made.tracks.append(track)
    track.extend(list(items))
    return made


def clip(
    media: Path,
    *,
    start: int,
    frames: int,
    rate: Fraction,
    first: int,
    count: int,
    mark: str = "",
    scalar: float | None = None,
    freeze: bool = False,
    name: str = "",
) -> otio.schema.Clip:
    """A clip of `frames` record frames from source frame `start`; the media has `count` frames from `first`."""
    f = float(rate)
    made = otio.schema.Clip(
        name=name or media.name,
        media_reference=otio.schema.ExternalReference(
            target_url=str(media),
            available_range=otio.opentime.TimeRange(
                otio.opentime.RationalTime(first, f), otio.opentime.RationalTime(count, f)
            ),
        ),
        source_range=otio.opentime.TimeRange(
            otio.opentime.RationalTime(start, f), otio.opentime.RationalTime(frames, f)
        ),
    )
    if scalar is not None:
        made.effects.append(otio.schema.LinearTimeWarp(time_scalar=scalar))
    if freeze:
        made.effects.append(otio.schema.FreezeFrame())
    if mark:
        made.markers.append(
            otio.schema.Marker(
                name=mark,
                marked_range=otio.opentime.TimeRange(
                    otio.opentime.RationalTime(start, f), otio.opentime.RationalTime(1, f)
                ),
            )
        )
    return made


def save(made: otio.schema.Timeline, path: Path) -> Path:
    """Write a timeline as `.otio`."""
    otio.adapters.write_to_file(made, str(path), adapter_name="otio_json")
    return path


def says(path: str | Path, indexes: Sequence[int]) -> list[int | None]:
    """What the frames at these indexes say, in the order given."""
    order = sorted(set(indexes))
    read = dict(zip(order, (read_code(picture) for picture in decode(path, order)), strict=True))
    return [read[index] for index in indexes]
