"""Alignment is measured where it can be, and only there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from otio_bridge.media.align import align, best_lag
from otio_bridge.media.ffmpeg import input_args, run
from otio_bridge.model.conform import Box
from otio_bridge.testing.framecode import make_movie

FILM = Fraction(24)


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_movie(tmp_path_factory.mktemp("align") / "plate.mov", range(100, 136), FILM, codec="prores")


def styled(plate: Path, out: Path, first: int, end: int, graph: str) -> Path:
    cut = f"trim=start_frame={first}:end_frame={end},setpts=PTS-STARTPTS,{graph}"
    run([*input_args(plate), "-vf", cut, "-c:v", "libx264", "-crf", "30", str(out)], what="restyling")
    return out


@pytest.mark.parametrize(("first", "end"), [(0, 36), (0, 33), (3, 36), (1, 34), (9, 30)])
@pytest.mark.parametrize(
    "graph",
    ["negate,hue=s=2,noise=alls=20:allf=t,gblur=1.5", "edgedetect=low=0.1:high=0.3,gblur=1"],
)
def test_restyled_pictures_are_found_to_the_frame(
    plate: Path, tmp_path: Path, graph: str, first: int, end: int
) -> None:
    assert align(plate, styled(plate, tmp_path / "back.mp4", first, end, graph)) == -first


def test_extra_frames_in_front_are_found(plate: Path, tmp_path: Path) -> None:
    longer = make_movie(tmp_path / "longer.mp4", [*range(900, 904), *range(100, 136)], FILM)
    assert align(plate, longer) == 4


def test_a_padded_answer_is_compared_inside_its_box(plate: Path, tmp_path: Path) -> None:
    graph = "negate,scale=320:120,pad=320:180:0:30,scale=640:360"
    back = styled(plate, tmp_path / "back.mp4", 2, 36, graph)
    assert align(plate, back, returned_box=Box(x=0, y=60, width=640, height=240)) == -2


def test_what_cannot_be_told_is_not_guessed(plate: Path, tmp_path: Path) -> None:
    still = make_movie(tmp_path / "still.mov", [7] * 36, FILM, codec="prores")
    noisy = styled(still, tmp_path / "noisy.mp4", 0, 33, "noise=alls=30:allf=t")
    assert align(still, still) is None
    assert align(still, noisy) is None
    assert align(plate, noisy) is None
    # Every second frame the same: four lags fit equally well.
    flashing = make_movie(tmp_path / "flash.mov", [7, 700] * 18, FILM, codec="prores")
    assert align(flashing, styled(flashing, tmp_path / "f.mp4", 0, 34, "negate")) is None


def test_too_short_to_tell() -> None:
    rng = np.random.default_rng(1)
    clip = rng.normal(size=(2, 50))
    assert best_lag(clip, clip) is None
