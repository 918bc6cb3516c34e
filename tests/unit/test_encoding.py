"""Which encoding pictures are in, and which of them a model may see as they are."""

from __future__ import annotations

from fractions import Fraction

import pytest

from otio_bridge.model.encoding import DISPLAY, encoding_of, finer, needs_lut
from otio_bridge.model.media import ColourTags, MediaInfo, MediaKind


def info(codec: str = "h264", transfer: str = "unknown") -> MediaInfo:
    return MediaInfo(
        path="/m/a.mov", kind=MediaKind.MOVIE, codec=codec, width=64, height=36, rate=Fraction(24), frames=1,
        colour=ColourTags(transfer=transfer),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "project", "expected"),
    [
        pytest.param(info(transfer="bt709"), "slog3", "rec709", id="a tag outranks the project"),
        pytest.param(info(transfer="smpte2084"), "rec709", "hdr10", id="pq"),
        pytest.param(info(transfer="arib-std-b67"), "rec709", "hlg", id="hlg"),
        pytest.param(info(transfer="log100"), "rec709", "log", id="logarithmic"),
        pytest.param(info(), "slog3", "slog3", id="an untagged file is what the project says"),
        pytest.param(info(), "unknown", "unknown", id="nobody says"),
        pytest.param(info(codec="exr"), "rec709", "linear", id="exr stays linear"),
        pytest.param(info(codec="png"), "unknown", "srgb", id="png by habit"),
        pytest.param(info(codec="png"), "rec709", "rec709", id="png as the project says"),
        pytest.param(None, "rec709", "rec709", id="no media"),
    ],
)
def test_the_tag_then_the_project_then_the_habit(
    found: MediaInfo | None, project: str, expected: str
) -> None:
    assert encoding_of(found, project) == expected


def test_only_display_pictures_go_to_a_model_as_they_are() -> None:
    assert not any(needs_lut(encoding) for encoding in DISPLAY)
    assert all(needs_lut(encoding) for encoding in ("linear", "log", "hdr10", "hlg", "unknown", "slog3"))


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "bits", "mezzanine", "lost"),
    [
        ("exr", "gbrpf32le", 32, "prores", "floating point (exr)"),
        ("exr", "gbrapf16be", 16, "png", "above 1"),
        ("tiff", "grayf32le", 32, "png", "16-bit"),
        ("png", "rgb48be", 16, "prores", "16 bits, and plates and takes 10 (prores)"),
        ("png", "rgb48be", 16, "png", None),
        ("prores", "yuv444p12le", 12, "dnxhr", '"png" keeps 16'),
        ("hevc", "yuv420p10le", 10, "prores", None),
        ("hevc", "yuv420p10le", 10, "h264", "10 bits"),
        ("h264", "yuv420p", 8, "h264", None),
    ],
)
def test_what_a_mezzanine_cannot_hold(
    codec: str, pix_fmt: str, bits: int, mezzanine: str, lost: str | None
) -> None:
    said = finer(info(codec).model_copy(update={"pix_fmt": pix_fmt, "bits": bits}), mezzanine)
    assert said is None if lost is None else said is not None and lost in said
