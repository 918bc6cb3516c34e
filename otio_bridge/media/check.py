"""Proving a file: every frame decoded, every promise held, by another library than the one that wrote it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from otio_bridge.errors import MediaError
from otio_bridge.media.decode import shown
from otio_bridge.media.opening import opened
from otio_bridge.media.pixels import broken as broken_tags
from otio_bridge.media.probe import probe
from otio_bridge.model.conform import Raster
from otio_bridge.model.media import ColourTags, MediaInfo, MediaKind
from otio_bridge.model.time import Rate, rate_text, timecode
from otio_bridge.model.value import Exact, Value

#: Written as a ratio of small integers, a pixel aspect may be off by this much.
_ASPECT_TOLERANCE = Fraction(1, 1000)
#: Sound coders that are not PCM add and cut blocks; two of AAC's, in samples.
_BLOCKS = 2048
_SIGNAL_SIZE = (96, 54)
#: Grey levels: darker than this on average, and less than this changed, is black, and a repeat.
_BLACK, _SAME = 18.0, 0.05


class Promise(Value):
    """What a file must be; None where nothing is promised.

    A sequence states neither rate nor (PNG) timecode and reel, so that those are held to movies only.
    """

    frames: int
    rate: Rate
    start: int | None = None
    drop: bool = False
    reel: str | None = None
    raster: Raster | None = None
    #: Tags that are `unknown` here are not looked at.
    colour: ColourTags | None = None
    #: Seconds of sound; 0 is none.
    sound: Exact | None = None


class CheckReport(Value):
    """What the decoder found, for the take's record."""

    path: str
    frames: int
    rate: Rate
    timecode: str | None
    reel: str | None
    raster: Raster
    codec: str
    pix_fmt: str
    colour: ColourTags
    sound: Exact | None = None
    #: Frames (0-based) that are black, and those that repeat the one before; neither breaks a promise.
    black: tuple[int, ...] = ()
    repeats: tuple[int, ...] = ()
    #: Median |second difference| of brightness, in grey levels: 0.2 is steady, 5 flickers.
    flicker: float = 0.0


def check(path: Path, promise: Promise) -> CheckReport:
    """Decode the whole file and hold it to `promise`. Raises MediaError naming every one that is broken."""
    info = probe(path, rate=promise.rate)
    broken: list[str] = []
    light: list[NDArray[np.float64]] = []
    for index, frame in enumerate(shown(path)):
        if frame.is_corrupt:
            broken.append(f"frame {index} is damaged")
        light.append(_light(frame))
    sound = _sound_length(path, info)
    broken += _broken(info, promise, len(light), sound)
    if broken:
        raise MediaError("; ".join(broken), value=path, next="otio-bridge retry")
    black, repeats, flicker = _signal(light)
    return CheckReport(
        path=str(path),
        frames=len(light),
        rate=info.rate,
        timecode=None if info.start is None else timecode(info.start, info.rate, drop=info.drop),
        reel=info.reel,
        raster=Raster(width=info.width, height=info.height, pixel_aspect=info.pixel_aspect),
        codec=info.codec,
        pix_fmt=info.pix_fmt,
        colour=info.colour,
        sound=sound,
        black=black,
        repeats=repeats,
        flicker=flicker,
    )


def _broken(info: MediaInfo, promise: Promise, decoded: int, sound: Fraction | None) -> list[str]:
    """Every promise the file does not hold, in words."""
    said = _differs("frames", decoded, promise.frames)
    if info.frames != decoded:
        said.append(f"the file says {info.frames} frames and shows {decoded}")
    if info.kind is MediaKind.MOVIE:
        said += _differs("frames a second", rate_text(info.rate), rate_text(promise.rate))
        if info.variable:
            said.append("its frames do not come at a constant rate")
        if promise.start is not None:
            said += _differs("start timecode", _start(info.start, info.drop, info), _start_promised(promise))
        if promise.reel is not None:
            said += _differs("reel", info.reel, promise.reel)
    if promise.raster is not None:
        size = f"{promise.raster.width}x{promise.raster.height}"
        said += _differs("raster", f"{info.width}x{info.height}", size)
        if abs(info.pixel_aspect / promise.raster.pixel_aspect - 1) > _ASPECT_TOLERANCE:
            said += _differs("pixel aspect", info.pixel_aspect, promise.raster.pixel_aspect)
    if promise.colour is not None:
        said += broken_tags(info.colour, info.pix_fmt, promise.colour)
    if promise.sound is not None:
        said += _sound_differs(info, sound or Fraction(0), promise.sound)
    return said


def _differs(what: str, found: object, promised: object) -> list[str]:
    return [] if found == promised else [f"{what}: {found} where {promised} was promised"]


def _start_promised(promise: Promise) -> str:
    return timecode(promise.start or 0, promise.rate, drop=promise.drop)


def _start(start: int | None, drop: bool, info: MediaInfo) -> str:
    return "none" if start is None else timecode(start, info.rate, drop=drop)


def _sound_differs(info: MediaInfo, found: Fraction, promised: Fraction) -> list[str]:
    if info.sound is None:
        return _differs("sound", "none", f"{float(promised):.3f} s") if promised else []
    allowed = 1 if info.sound.codec.startswith("pcm") else _BLOCKS
    if abs(found - promised) * info.sound.sample_rate > allowed:
        return _differs("sound", f"{float(found):.6f} s", f"{float(promised):.6f} s")
    return []


def _sound_length(path: Path, info: MediaInfo) -> Fraction | None:
    """Seconds of sound, by decoding it."""
    if info.sound is None:
        return None
    with opened(path) as (_, file):
        samples = sum(frame.samples for frame in file.decode(audio=0))
    return Fraction(samples, info.sound.sample_rate)


def _light(frame: VideoFrame) -> NDArray[np.float64]:
    """Luma at low resolution."""
    width, height = _SIGNAL_SIZE
    small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
    return small.to_ndarray().astype(np.float64)


def _signal(light: list[NDArray[np.float64]]) -> tuple[tuple[int, ...], tuple[int, ...], float]:
    """(black frames, repeats, flicker) of the low-resolution luma (media.md §7)."""
    level = np.array([picture.mean() for picture in light])
    change = np.array([np.abs(b - a).mean() for a, b in pairwise(light)])
    black = tuple(int(index) for index in np.flatnonzero(level < _BLACK))
    repeats = tuple(int(index) + 1 for index in np.flatnonzero(change < _SAME))
    flicker = float(np.median(np.abs(np.diff(level, 2)))) if len(level) > 2 else 0.0
    return black, repeats, round(flicker, 3)
