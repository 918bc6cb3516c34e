"""What local providers may do to media gives exactly the frames they asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from otio_bridge.errors import MediaError
from otio_bridge.media.decode import decode
from otio_bridge.media.probe import probe
from otio_bridge.media.tools import Tools
from otio_bridge.provider import MediaTools
from otio_bridge.testing.framecode import code_picture, make_movie, make_sequence, read_code, read_movie

NTSC = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_movie(tmp_path_factory.mktemp("tools") / "plate.mov", range(100, 141), NTSC, codec="prores")


@pytest.fixture
def tools() -> MediaTools:
    return Tools()


@pytest.mark.parametrize(
    ("graph", "rate", "shows"),
    [
        ("hue=s=2", NTSC, list(range(100, 141))),
        ("null", Fraction(24), list(range(100, 120))),
        ("select='mod(n,2)'", Fraction(25), list(range(101, 141, 2))),
        ("tpad=stop_mode=clone:stop=-1", Fraction(60), [*range(100, 141), 140, 140]),
        ("fps=60000/1001", Fraction(60000, 1001), [100 + k // 2 for k in range(80)]),
        ("null", Fraction(1001, 100), list(range(100, 141))),
    ],
)
def test_a_filter_gives_the_frames_asked_for(
    plate: Path, tools: MediaTools, tmp_path: Path, graph: str, rate: Fraction, shows: list[int]
) -> None:
    out = tools.filter(plate, graph, tmp_path / "out.mov", rate=rate, frames=len(shows))
    info = tools.probe(out)
    assert (info.rate, info.frames, info.variable) == (rate, len(shows), False)
    assert read_movie(out) == shows


def test_a_filter_that_gives_too_few_is_found(plate: Path, tools: MediaTools, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="41 frames were made where 42"):
        tools.filter(plate, "null", tmp_path / "out.mov", rate=NTSC, frames=42)
    with pytest.raises(MediaError, match="No such filter"):
        tools.filter(plate, "nosuchfilter", tmp_path / "out.mov", rate=NTSC, frames=4)


def test_a_larger_picture_keeps_its_colours(plate: Path, tools: MediaTools, tmp_path: Path) -> None:
    # Untagged 180 lines are read as BT.601; the 720 they become would be read as BT.709.
    out = tools.filter(plate, "scale=1280:720", tmp_path / "out.mov", rate=NTSC, frames=2)
    one, other = (next(iter(decode(path))).mean(axis=(0, 1)) for path in (plate, out))
    assert np.abs(one - other).max() < 1


def test_a_sequence_is_filtered_at_the_rate_asked_for(tools: MediaTools, tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / "s" / "x.%04d.png", range(5))
    out = tools.filter(pattern, "null", tmp_path / "out.mov", rate=Fraction(25), frames=5)
    assert read_movie(out) == list(range(5)) and probe(out).rate == 25


def test_pictures_by_index_in_any_order(plate: Path, tools: MediaTools) -> None:
    pictures = tools.frames(plate)
    assert len(pictures) == 41
    codes = [read_code(np.asarray(pictures[index])) for index in reversed(range(41))]
    assert codes == list(range(140, 99, -1))
    order = np.random.default_rng(1).integers(0, 41, 40)
    assert [read_code(np.asarray(pictures[int(index)])) for index in order] == [100 + int(n) for n in order]
    assert read_code(np.asarray(pictures[-1])) == 140
    assert [read_code(np.asarray(one)) for one in pictures[3:5]] == [103, 104]
    with pytest.raises(IndexError):
        pictures[41]


def test_arrays_and_images_are_encoded(tools: MediaTools, tmp_path: Path) -> None:
    def picture(k: int) -> object:
        return Image.fromarray(code_picture(k)).convert("RGBA") if k % 2 else code_picture(k)

    out = tools.encode(picture, tmp_path / "out.mov", rate=Fraction(24000, 1001), frames=12)
    assert read_movie(out) == list(range(12))
    info = probe(out)
    assert (info.rate, info.colour.space) == (Fraction(24000, 1001), "bt709")
    (first, *_) = decode(out)
    assert np.abs(first.astype(int) - code_picture(0)).mean(axis=(0, 1)).max() < 2


def test_odd_sizes_are_encoded(tools: MediaTools, tmp_path: Path) -> None:
    out = tools.encode(lambda k: code_picture(k, 161, 91), tmp_path / "out.mov", rate=Fraction(24), frames=3)
    info = probe(out)
    assert (info.width, info.height, info.frames) == (161, 91, 3)


def test_what_is_no_picture_is_refused(tools: MediaTools, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not an RGB picture"):
        tools.encode(lambda k: k, tmp_path / "out.mov", rate=NTSC, frames=2)
    with pytest.raises(MediaError, match="differ in size"):
        tools.encode(
            lambda k: np.zeros((90 + 2 * k, 160, 3), np.uint8), tmp_path / "o.mov", rate=NTSC, frames=2
        )
