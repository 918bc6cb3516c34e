"""What the sandbox's models do to pictures: treat frames one for one, or draw moving ones."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from otio_bridge.lettering import letters
from otio_bridge.testing.framecode import code_picture

Picture = NDArray[np.uint8]
_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "png_pipe", "jpeg_pipe", "matroska,webm")


class NoPictures(Exception):
    """An upload that is no movie and no picture."""


def look(path: Path) -> tuple[int, Fraction, int, int, str]:
    """Frames (decoded), rate, width, height and codec of an upload. Raises NoPictures."""
    frames = 0
    with _open(path) as file:
        stream = file.streams.video[0]
        for _ in file.decode(stream):
            frames += 1
        rate = Fraction(stream.average_rate or 1)
        return frames, rate, stream.width, stream.height, stream.codec_context.name


def decode(path: Path) -> Iterator[Picture]:
    """Every picture of an upload, RGB. Raises NoPictures."""
    with _open(path) as file:
        for frame in file.decode(file.streams.video[0]):
            yield frame.to_ndarray(format="rgb24")


def encode(out: Path, pictures: Iterator[Picture], rate: Fraction, step: Callable[[], None]) -> int:
    """Write H.264 in MP4 as hosted models do (B-frames, tagged BT.709); the number of frames written."""
    count = 0
    with av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}) as file:
        stream = None
        for picture in pictures:
            if stream is None:
                stream = file.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "16"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                context = stream.codec_context
                context.time_base = 1 / rate
                context.colorspace = context.color_primaries = context.color_trc = 1
                context.color_range = 1
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
            frame.pts, frame.time_base = count, 1 / rate
            file.mux(stream.encode(frame))
            count += 1
            step()
        if stream is not None:
            file.mux(stream.encode())
    return count


def treated(picture: Picture, prompt: str, seed: int) -> Picture:
    """Restyled: light in five soft steps, two colours for shadows and lights, dark outlines.

    Black stays black and white stays white, so that a frame code is still read.
    """
    image = Image.fromarray(picture)
    # Softened first: steps in the light would turn grain into speckles.
    soft = np.asarray(image.filter(ImageFilter.BoxBlur(max(1.0, image.height / 400))), dtype=np.float32)
    light = soft @ np.array((0.2126, 0.7152, 0.0722), np.float32) / 255
    whole = np.floor(light * 5)
    rest = light * 5 - whole
    steps = ((whole + rest * rest * (3 - 2 * rest)) / 5)[..., None]
    # Seeds next to each other are far apart on the wheel.
    turn = 2 * math.pi * (_chance(prompt) + seed * 0.381966)
    dark, bright = (
        np.array([math.cos(angle + shift) for shift in (0.0, 2.1, 4.2)], np.float32)
        for angle in (turn, turn + 2.4)
    )
    tint = 75 * np.sin(steps * math.pi) * (dark * (1 - steps) + bright * steps)
    across, down = np.zeros_like(light), np.zeros_like(light)
    across[:, 1:], down[1:] = np.abs(np.diff(light, axis=1)), np.abs(np.diff(light, axis=0))
    outline = 1 - 0.6 * np.clip((across + down) * 10 - 0.6, 0, 1)[..., None]
    result = (steps * 255 + tint + 0.5 * (soft - light[..., None] * 255)) * outline
    return np.clip(result, 0, 255).astype(np.uint8)


def sharper(picture: Picture, width: int, height: int) -> Picture:
    """Upscaled by a plain filter."""
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def drawn(
    k: int, frames: int, width: int, height: int, words: str, seed: int, first: Picture | None, *, code: bool
) -> Picture:
    """Generated picture `k`: colours or the first picture slowly moving, words and number on it."""
    if first is not None:
        picture = _drifting(first, k, frames, width, height)
    else:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        turn = 2 * math.pi * _chance(words, str(seed))
        picture = np.empty((height, width, 3), np.uint8)
        for channel in range(3):
            wave = np.sin(x / width * 5 + k * 0.08 + turn + channel * 2.1) + np.sin(
                y / height * 4 - k * 0.05 + channel
            )
            picture[..., channel] = 120 + 45 * wave
    picture = _lettered(picture, k, frames, words)
    if code:
        picture[: height // 6] = code_picture(k, width, height)[: height // 6]
    return picture


def _drifting(first: Picture, k: int, frames: int, width: int, height: int) -> Picture:
    """The picture, fitted and slowly moved into; frame 0 is the picture itself."""
    zoom = 1 + 0.12 * k / max(1, frames - 1)
    tall, wide = first.shape[:2]
    scale = max(width / wide, height / tall)
    across, down = width / scale / zoom, height / scale / zoom
    left, top = (wide - across) / 2, (tall - down) / 2
    box = (left, top, left + across, top + down)
    image = Image.fromarray(first).resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.array(image)


def _lettered(picture: Picture, k: int, frames: int, words: str) -> Picture:
    image = Image.fromarray(picture)
    pen, height = ImageDraw.Draw(image), image.height
    for line, place in ((words[:60], 0.72), (f"sandbox  {k + 1}/{frames}", 0.86)):
        at = (image.width // 20, int(height * place))
        text, font = letters(line, max(10, height // 18))
        pen.text(at, text, fill="white", font=font, stroke_width=max(1, height // 180), stroke_fill="black")
    return np.array(image)


def _chance(*words: str) -> float:
    """A number from 0 to 1 that only depends on the words."""
    return hashlib.sha256("\0".join(words).encode()).digest()[0] / 256


def _open(path: Path) -> Any:
    try:
        file = av.open(str(path), options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError) as exc:
        raise NoPictures(f"cannot be opened: {type(exc).__name__}") from exc
    if not file.streams.video or file.format.name not in _FORMATS:
        file.close()
        raise NoPictures(f"no pictures in it ({file.format.name})")
    return file
