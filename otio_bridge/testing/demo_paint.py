"""Brushes for the demo's pictures: gradients, noise, glows, parallax strips. Pure arrays, no files.

Pictures are float32 RGB from 0 to 1, `HEIGHT` x `WIDTH` x 3; strips carry premultiplied alpha as a
fourth channel and are wider than the picture, so that a camera can pan over them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 360

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]
RGB = tuple[int, int, int]

#: Strips are drawn this many times larger and reduced, for smooth edges.
_OVERSAMPLE = 2


def gradient(stops: Sequence[tuple[float, Colour]], height: int = HEIGHT, width: int = WIDTH) -> Floats:
    """A vertical gradient through `(position 0..1, colour)` stops."""
    rows = np.linspace(0, 1, height)
    places = [place for place, _ in stops]
    columns = [np.interp(rows, places, [colour[channel] for _, colour in stops]) for channel in range(3)]
    column = np.stack(columns, axis=1)[:, None, :]
    return np.repeat(column, width, axis=1).astype(np.float32)


def noise(seed: int, height: int, width: int, *, across: int, down: int, octaves: int = 4) -> Floats:
    """Soft cloud noise from 0 to 1 with `across` x `down` largest blobs."""
    source = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = source.random((down * 2**octave + 2, across * 2**octave + 2)).astype(np.float32)
        grown = Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(grown, np.float32) / 2**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def ripples(seed: int, size: int) -> Floats:
    """Waves around 0 with deviation 1, on a square tile without seams."""
    across, down = np.fft.rfftfreq(size) * size, np.fft.fftfreq(size) * size
    pitch = np.hypot(across[None, :], down[:, None] * 0.6)
    band = np.exp(-(((pitch - 22) / 13) ** 2))
    white = np.random.default_rng(seed).normal(size=(size, size))
    tile: Floats = np.fft.irfft2(np.fft.rfft2(white) * band, (size, size)).astype(np.float32)
    tile /= tile.std()
    return tile


def glow(picture: Floats, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
    """Add a soft light at (`x`, `y`) to the picture in place."""
    reach = int(radius * 3)
    top, bottom = max(0, int(y) - reach), min(picture.shape[0], int(y) + reach + 1)
    left, right = max(0, int(x) - reach), min(picture.shape[1], int(x) + reach + 1)
    if top >= bottom or left >= right:
        return
    rows = (np.arange(top, bottom, dtype=np.float32) - np.float32(y))[:, None]
    columns = (np.arange(left, right, dtype=np.float32) - np.float32(x))[None, :]
    light = np.exp(-(rows**2 + columns**2) / np.float32(radius**2)) * np.float32(strength)
    picture[top:bottom, left:right] += light[:, :, None] * np.array(colour, np.float32)


def strip(width: int, height: int, draw: Callable[[ImageDraw.ImageDraw, int], None]) -> Floats:
    """A transparent strip drawn by `draw(canvas, oversample)`, as premultiplied RGBA."""
    size = (width * _OVERSAMPLE, height * _OVERSAMPLE)
    canvas = Image.new("RGBA", size, (0, 0, 0, 0))
    draw(ImageDraw.Draw(canvas), _OVERSAMPLE)
    pixels = np.asarray(canvas, np.float32) / np.float32(255)
    pixels = pixels.reshape(height, _OVERSAMPLE, width, _OVERSAMPLE, 4)
    pixels[..., :3] *= pixels[..., 3:]
    reduced: Floats = pixels.mean(axis=(1, 3), dtype=np.float32)
    return reduced


def ridge(seed: int, width: int, height: int, colour: RGB, *, rough: float, base: float) -> Floats:
    """A strip of hills, filled to its lower edge."""
    source = np.random.default_rng(seed)
    xs = np.arange(width * 2 + 2) / 2
    line = np.full(xs.shape, float(base))
    for octave in range(1, 7):
        wave = math.tau * octave**1.4 / 420
        line += rough / octave * np.sin(xs * wave + source.uniform(0, math.tau))

    def draw(canvas: ImageDraw.ImageDraw, scale: int) -> None:
        top = [(float(x) * scale, (height - float(y)) * scale) for x, y in zip(xs, line, strict=True)]
        canvas.polygon([*top, (width * scale, height * scale), (0, height * scale)], fill=(*colour, 255))

    return strip(width, height, draw)


def pan(picture: Floats, layer: Floats, x: float, top: int = 0) -> None:
    """Lay the strip over the picture in place, seen from `x` pixels along it (between pixels too)."""
    whole = int(np.floor(x))
    part = np.float32(x - whole)
    width = picture.shape[1]
    seen = layer[:, whole : whole + width] * (1 - part) + layer[:, whole + 1 : whole + width + 1] * part
    lay(picture, seen, 0, top)


def lay(picture: Floats, layer: Floats, left: int, top: int) -> None:
    """Lay a premultiplied layer over the picture in place; what lies outside is cut off."""
    below = picture[top : top + layer.shape[0], left : left + layer.shape[1]]
    seen = layer[: below.shape[0], : below.shape[1]]
    below *= 1 - seen[..., 3:]
    below += seen[..., :3]


def vignette(strength: float = 0.35) -> Floats:
    """A lens's fall-off, to multiply a picture with."""
    rows = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :]
    fall = 1 - np.float32(strength) * (rows**2 * 0.6 + columns**2 * 0.7) ** 1.3
    return fall[:, :, None].astype(np.float32)


class Film:
    """Turns painted floats into 8-bit pictures with a little grain, as a camera would."""

    def __init__(self, seed: int, grain: float = 0.012) -> None:
        source = np.random.default_rng(seed)
        self._grain = source.normal(0, grain, (HEIGHT + 64, WIDTH + 64, 1)).astype(np.float32)
        self._vignette = vignette()

    def expose(self, picture: Floats, frame: int, gain: float = 1.0) -> Picture:
        """The picture as 8-bit RGB, used up on the way; the grain moves with the frame number."""
        down, across = frame * 37 % 64, frame * 23 % 64
        picture *= self._vignette
        if gain != 1.0:
            picture *= np.float32(gain)
        picture += self._grain[down : down + HEIGHT, across : across + WIDTH]
        np.clip(picture, 0, 1, out=picture)
        picture *= 255
        picture += 0.5
        exposed: Picture = picture.astype(np.uint8)
        return exposed
