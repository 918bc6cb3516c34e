"""The frame code reads back through every codec the tests use, and never reads wrongly."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from otio_bridge.testing.framecode import (
    CODECS,
    code_picture,
    make_movie,
    make_sequence,
    make_still,
    read_code,
    read_movie,
)

_CONTAINER = {"mpeg2": "mpg", "ffv1": "mkv", "mpeg4": "avi", "dnxhr": "mxf", "hevc": "mp4"}


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_reads_back(codec: str, tmp_path: Path) -> None:
    numbers = [0, 1, 2, 3, 1023, 1024, 65535, 21845, 7, 8, 9, 10]
    movie = make_movie(tmp_path / f"m.{_CONTAINER.get(codec, 'mov')}", numbers, Fraction(25), codec=codec)
    assert read_movie(movie) == numbers


@pytest.mark.parametrize("suffix", ["png", "exr", "dpx", "tif", "jpg"])
def test_every_still_reads_back(suffix: str, tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / f"s.%04d.{suffix}", [5, 6, 7], first_number=99)
    assert read_movie(pattern) == [5, 6, 7]
    assert read_movie(make_still(tmp_path / f"one.{suffix}", 300)) == [300]


def test_every_number_reads_back() -> None:
    for number in [*range(300), *range(300, 65536, 397), 65535]:
        assert read_code(code_picture(number, 160, 90)) == number


def test_the_code_survives_what_a_picture_goes_through() -> None:
    picture = code_picture(1234).astype(float)
    half = picture[::2, ::2]
    assert read_code(half) == 1234
    assert read_code(picture * 0.5 + 30) == 1234, "another range or level"
    noise = np.random.default_rng(1).normal(0, 20, picture.shape)
    assert read_code(picture + noise) == 1234


def test_what_is_no_code_reads_as_none() -> None:
    assert read_code(np.full((180, 320, 3), 128, np.uint8)) is None
    assert read_code(np.random.default_rng(2).integers(0, 255, (180, 320, 3))) is None
    assert read_code(code_picture(3)[::-1]) is None


def test_a_blend_reads_as_a_neighbour_or_none() -> None:
    for number in range(0, 4000, 61):
        blend = (code_picture(number).astype(float) + code_picture(number + 1)) / 2
        assert read_code(blend) in (None, number, number + 1)


def test_every_picture_is_unlike_the_one_before() -> None:
    below = [code_picture(number)[40:].astype(int) for number in range(40)]
    assert all(abs(a - b).mean() > 2 for a, b in pairwise(below))
