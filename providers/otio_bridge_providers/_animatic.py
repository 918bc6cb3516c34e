"""An honest stand-in for pictures nobody has made yet: it moves, it says what it is, and it is temp.

The first picture where there is one, else a slate; a slow push in; shot, prompt and frame number drawn
with Pillow, never by a filter string.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from otio_bridge.lettering import Font, letters
from otio_bridge.provider import LocalJob, MediaTools


def animatic(job: LocalJob, tools: MediaTools, out: Path) -> Path:
    """Write the animatic of a job; its first frame shows the whole first picture."""
    source = job.references.get("first") or job.plate
    first: NDArray[np.uint8] | None = None
    if source is not None:
        first = np.asarray(tools.frames(source)[0], dtype=np.uint8)
    return tools.encode(painter(job, first), out, rate=job.rate, frames=job.frames)


def painter(job: LocalJob, first: NDArray[np.uint8] | None) -> Callable[[int], Image.Image]:
    """What draws picture `k` of the job."""
    # Drawn in square pixels and squeezed, so that letters look right where pixels are not square.
    size = (max(2, round(job.raster.width * job.raster.pixel_aspect)), job.raster.height)
    still = _slate(size, job) if first is None else Image.fromarray(first)
    title = " ".join(part for part in (job.shot, job.take) if part) or str(job.request.operation)

    def picture(k: int) -> Image.Image:
        image = _pushed(still, size, k / max(1, job.frames - 1))
        _letter(image, title, job.request.prompt, f"{k + 1}/{job.frames}")
        raster = (job.raster.width, job.raster.height)
        return image if image.size == raster else image.resize(raster, Image.Resampling.BILINEAR)

    return picture


def _slate(size: tuple[int, int], job: LocalJob) -> Image.Image:
    """A dark field with a soft light; its colour depends on prompt and seed, so that takes differ."""
    width, height = size
    seed = hashlib.sha256(f"{job.request.prompt}\0{job.seed}".encode()).digest()
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    near = (across / width - 0.3 - 0.4 * seed[0] / 255) ** 2 + (
        down / height - 0.25 - 0.3 * seed[1] / 255
    ) ** 2
    light = 26 + 95 * np.exp(-near * 5)
    turn = 2 * math.pi * seed[2] / 255
    colour = [1 + 0.35 * math.cos(turn + shift) for shift in (0.0, 2.1, 4.2)]
    picture = np.stack([light * channel for channel in colour], axis=2).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(picture)
    pen, line = ImageDraw.Draw(image), max(1, height // 270)
    inset = (width // 20, height // 20)
    pen.rectangle((*inset, width - inset[0], height - inset[1]), outline=(150, 150, 150), width=line)
    x, y, arm = width // 2, height // 2, height // 20
    pen.line((x - arm, y, x + arm, y), (150, 150, 150), line)
    pen.line((x, y - arm, x, y + arm), (150, 150, 150), line)
    return image


def _pushed(still: Image.Image, size: tuple[int, int], along: float) -> Image.Image:
    """The picture fitted into the raster, black around it, moved into by a tenth from 0 to 1 `along`."""
    width, height = size
    scale = min(width / still.width, height / still.height)
    fitted = (max(1, round(still.width * scale)), max(1, round(still.height * scale)))
    zoom = 1 + 0.1 * along
    across, down = still.width / zoom, still.height / zoom
    left, top = (still.width - across) / 2, (still.height - down) / 2
    moved = still.resize(fitted, Image.Resampling.BILINEAR, box=(left, top, left + across, top + down))
    if fitted == size:
        return moved
    image = Image.new("RGB", size)
    image.paste(moved, ((width - fitted[0]) // 2, (height - fitted[1]) // 2))
    return image


def _letter(image: Image.Image, title: str, prompt: str, number: str) -> None:
    pen, height = ImageDraw.Draw(image), image.height
    large, small = (max(9, height // part) for part in (16, 24))
    left, stroke = image.width // 14, max(1, height // 360)
    _line(pen, (left, height // 12), f"TEMP  {title}", large, stroke)
    step = int(height / 24 * 1.35)
    lines = wrapped(*letters(prompt, small), image.width - 2 * left)[:4]
    top = height - height // 6 - step * len(lines)
    for index, line in enumerate(lines):
        _line(pen, (left, top + index * step), line, small, stroke)
    _line(pen, (left, height - height // 7), number, large, stroke)


def _line(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, stroke: int) -> None:
    text, font = letters(text, size)
    pen.text(at, text, fill="white", font=font, stroke_width=stroke, stroke_fill="black")


def wrapped(text: str, font: Font, width: int) -> list[str]:
    """The text in lines of at most `width` pixels; a longer word has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
