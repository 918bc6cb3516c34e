"""One small project that was sent and came back, for the tests that type verbs about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import opentimelineio as otio
import pytest

from otio_bridge.model.take import TakeState
from otio_bridge.testing.framecode import make_movie
from otio_bridge.testing.sandbox.process import Sandbox
from tests.e2e.loop import clip, drive, opened, project, save, timeline
from tests.e2e.typed import printed

R = Fraction(24)
FIRST = 86400
MARK = "@restyle provider=sandbox model=sandbox-any takes=2 seed=7 -- rainy night"


def gap(frames: int) -> otio.schema.Gap:
    return otio.schema.Gap(
        source_range=otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, 24), otio.opentime.RationalTime(frames, 24)
        )
    )


def cut(media: Path, *, mark: str = MARK, swapped: Path | None = None) -> otio.schema.Timeline:
    """Restyled clip (twice), upscaled clip, gap, plain clip, missing clip; the media says 0-119."""

    def of(name: str, start: int, mark: str = "", path: Path = media) -> otio.schema.Clip:
        return clip(path, start=start, frames=12, rate=R, first=FIRST, count=120, mark=mark, name=name)

    return timeline(
        of("rain", FIRST + 30, mark, swapped or media),
        of("street", FIRST + 60, "@upscale provider=local"),
        gap(24),
        of("plain", FIRST + 80),
        of("gone", FIRST + 80, path=media.with_name("gone.mov")),
        of("rain again", FIRST + 30, mark),
    )


@pytest.fixture(scope="module")
def made(_service: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was sent and came back."""
    folder = project(tmp_path_factory.mktemp("verbs") / "p", sandbox=_service.url)
    (folder / "footage").mkdir()
    media = make_movie(folder / "footage" / "A001.mov", range(120), R, start=FIRST, reel="A001", sound="pcm")
    edit = save(cut(media), folder / "rain_v001.otio")
    _service.control(clear=True, frame_code=True)
    document = printed(folder, "send", edit)
    assert [take["new"] for take in document["takes"]] == [True] * 3
    with opened(folder) as app:
        rows = drive(app)
    _service.control(clear=True, frame_code=False)
    assert {row.state for row in rows} == {TakeState.READY}, [row.why for row in rows]
    return folder


@pytest.fixture
def sent(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, to decide things in; its media stay where they were made."""
    yield shutil.copytree(made, tmp_path / "p")


def first_sample(path: str) -> int:
    """The first sound sample of a take, as 16 bits."""
    with av.open(path) as file:
        return int(next(file.decode(audio=0)).to_ndarray().flat[0]) >> 16


def edit_of(folder: Path) -> Path:
    return folder / "rain_v001.otio"


def lines(folder: Path, *words: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = printed(folder, "takes", *words)["takes"]
    return found
