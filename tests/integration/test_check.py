"""A file is proven by decoding: every broken promise is named, all of them at once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from otio_bridge.errors import MediaError
from otio_bridge.media.check import Promise, check
from otio_bridge.model.conform import Raster
from otio_bridge.model.media import ColourTags
from otio_bridge.testing.framecode import make_movie, make_sequence

NTSC = Fraction(30000, 1001)
REC709 = ColourTags(space="bt709", primaries="bt709", transfer="bt709", range="tv")
KEPT = Promise(
    frames=12,
    rate=NTSC,
    start=107892,
    drop=True,
    reel="S_v001",
    raster=Raster(width=320, height=180),
    colour=REC709,
    sound=Fraction(19219, 48000),
)
TAGS = ("-vf", "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709")


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "take.mov"
    stamps = {"start": 107892, "drop": True, "reel": "S_v001", "sound": "pcm"}
    # ProRes of RGB pictures, tagged after conversion.
    return make_movie(path, range(12), NTSC, codec="prores", extra=(*TAGS, "-color_range", "tv"), **stamps)


def test_what_holds_is_reported(take: Path) -> None:
    report = check(take, KEPT)
    assert (report.frames, report.rate, report.timecode) == (12, NTSC, "01:00:00;00")
    assert (report.sound, report.reel, report.codec) == (KEPT.sound, "S_v001", "prores")
    assert (report.black, report.repeats) == ((), ())
    assert report.model_dump(mode="json")["rate"] == "30000/1001"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frames": 13}, "frames: 12 where 13 was promised"),
        ({"rate": Fraction(30)}, "frames a second: 29.97 where 30 was promised"),
        ({"start": 107893}, "start timecode: 01:00:00;00 where 01:00:00;01 was promised"),
        ({"drop": False}, "start timecode: 01:00:00;00 where 00:59:56:12 was promised"),
        ({"reel": "A001"}, "reel: S_v001 where A001 was promised"),
        ({"raster": Raster(width=640, height=360)}, "raster: 320x180 where 640x360 was promised"),
        (
            {"raster": Raster(width=320, height=180, pixel_aspect=Fraction(2))},
            "pixel aspect: 1 where 2 was promised",
        ),
        (
            {"colour": REC709.model_copy(update={"transfer": "smpte2084"})},
            "colour transfer: bt709 where smpte2084 was promised",
        ),
        ({"sound": Fraction(19300, 48000)}, "sound: 0.400396 s where 0.402083 s was promised"),
        ({"sound": Fraction(0)}, "sound: 0.400396 s where 0.000000 s was promised"),
    ],
)
def test_each_broken_promise_is_named(take: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(MediaError, match="promised") as caught:
        check(take, KEPT.model_copy(update=change))
    assert said in caught.value.what.split("; ")


def test_all_broken_promises_are_named_at_once(take: Path) -> None:
    with pytest.raises(MediaError) as caught:
        check(take, KEPT.model_copy(update={"frames": 9, "reel": "X", "sound": None}))
    assert caught.value.what.count("promised") == 2


def test_a_missing_stamp_is_a_broken_promise(tmp_path: Path) -> None:
    bare = make_movie(tmp_path / "bare.mov", range(4), NTSC, codec="prores")
    with pytest.raises(MediaError, match=r"start timecode: none .* reel: None .* sound: none"):
        check(bare, KEPT.model_copy(update={"frames": 4, "colour": None}))


def test_a_sequence_is_held_to_what_it_can_say(tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / "s" / "take.%04d.png", range(5))
    report = check(pattern, KEPT.model_copy(update={"frames": 5, "colour": None, "sound": None}))
    assert (report.frames, report.timecode) == (5, None)
    with pytest.raises(MediaError, match="frames: 5 where 6"):
        check(pattern, Promise(frames=6, rate=NTSC))


def test_a_file_cut_short_is_found(take: Path, tmp_path: Path) -> None:
    whole = take.read_bytes()
    for share in (0.3, 0.9):
        torn = tmp_path / "torn.mov"
        torn.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(MediaError):
            check(torn, KEPT)


def test_black_and_repeated_frames_are_noticed(tmp_path: Path) -> None:
    path = make_movie(
        tmp_path / "odd.mov", [1, 2, 2, 3, 4, 5], Fraction(24), codec="prores",
        extra=("-vf", "drawbox=0:0:iw:ih:black:fill:enable='eq(n,4)'"),
    )  # fmt: skip
    report = check(path, Promise(frames=6, rate=Fraction(24)))
    assert (report.black, report.repeats) == ((4,), (2,))
    assert report.flicker > 1
