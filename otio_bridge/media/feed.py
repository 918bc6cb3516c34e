"""Decoded pictures, by index, into ffmpeg: which frame goes where is decided here and nowhere else.

Frames are taken from the decoder one by one and written as raw pictures, so that times in the file, edit
lists and sync methods have no say: picture k of the feed is picture k of what is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from otio_bridge.errors import MediaError
from otio_bridge.media.decode import shown
from otio_bridge.media.ffmpeg import raw_input_args
from otio_bridge.model.conform import Source

#: Palettes and bits are not stored as components.
_UNPACKED = frozenset({"pal8", "monow", "monob"})


class Feed(NamedTuple):
    """Raw pictures for `ffmpeg.run(feed=…)`, and the arguments that say what they are."""

    args: list[str]
    pictures: Iterator[bytes]
    width: int
    height: int
    pix_fmt: str


def feed(files: Sequence[Path], frames: Sequence[Source], rate: Fraction) -> Feed:
    """The pictures `frames` names, at `rate`, in the first one's own pixel format and size.

    Any order is right; an order that ascends through each file in turn is decoded once. Raises
    MediaError, also from the iterator: a frame that is not there, or one of another size.
    """
    pictures = _picked(files, frames)
    first = next(pictures)
    width, height, pix_fmt = first.width, first.height, first.format.name
    if pix_fmt in _UNPACKED:
        pix_fmt = "rgba"
    raw = (_raw(frame, width, height, pix_fmt) for frame in chain([first], pictures))
    # yuvj* is yuv* in full range, by an old name; the range is said by the tags.
    plain = pix_fmt.replace("yuvj", "yuv")
    return Feed(raw_input_args(width, height, rate, plain), raw, width, height, plain)


def _picked(files: Sequence[Path], frames: Sequence[Source]) -> Iterator[VideoFrame]:
    """One decoder open at a time; going back means decoding that file again from its start."""
    part, index = -1, -1
    decoder: Iterator[VideoFrame] = iter(())
    for source in frames:
        if source.part != part or source.frame < index:
            part, index = source.part, -1
            decoder = shown(files[part])
        while index < source.frame:
            held = next(decoder, None)
            if held is None:
                raise MediaError(f"has {index + 1} frames, no frame {source.frame}", value=files[part])
            frame, index = held, index + 1
        yield frame


def _raw(frame: VideoFrame, width: int, height: int, pix_fmt: str) -> bytes:
    """The planes one after another, without the padding decoders leave at the ends of rows."""
    if (frame.width, frame.height) != (width, height):
        raise MediaError(
            f"the picture size changes from {width}x{height} to {frame.width}x{frame.height} in the file"
        )
    if frame.format.name != pix_fmt:
        frame = frame.reformat(format=pix_fmt)
    layout = frame.format
    planes = []
    for number, plane in enumerate(frame.planes):
        if not layout.is_planar:
            used = plane.width * layout.padded_bits_per_pixel // 8
        else:
            # A plane of nv12 or p010 holds every component that is stored in it.
            held = [part for part in layout.components if part.plane == number]
            used = plane.width * sum((part.bits + 7) // 8 for part in held)
        if plane.line_size < used:
            raise MediaError(f"pictures stored as {pix_fmt} upside down cannot be read")
        stored = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height]
        planes.append(stored.reshape(plane.height, plane.line_size)[:, :used].tobytes())
    return b"".join(planes)
