"""Pictures out of media, as arrays: every one, or those asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray

from otio_bridge.errors import MediaError
from otio_bridge.media import sequence
from otio_bridge.media.opening import opened, picture_stream
from otio_bridge.media.timing import SEEKS_EXACTLY, constant_rate

Picture = NDArray[np.uint8]
#: Fewer frames than this are decoded rather than sought.
_WORTH_A_SEEK = 64


def shown(path: str | Path) -> Iterator[VideoFrame]:
    """Every frame a player shows, in order, as PyAV frames (a sequence's files one after another)."""
    if sequence.is_pattern(path):
        for number in sequence.numbers(path):
            yield from shown(sequence.file_at(path, number))
        return
    with opened(path) as (_, file):
        yield from file.decode(picture_stream(path, file))


def count_frames(path: str | Path) -> int:
    """How many frames a player shows, by decoding every one. Raises MediaError."""
    return sum(1 for _ in shown(path))


def to_rgb(frame: VideoFrame) -> Picture:
    """RGB, 8 bits, full range, turned as the container asks: (height, width, 3).

    Untagged pictures are read as BT.709 from 720 lines, as BT.601 below, as players do.
    """
    matrix = _MATRICES.get(int(frame.colorspace))
    if matrix is None:
        matrix = Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601
    picture = frame.to_ndarray(format="rgb24", src_colorspace=matrix, interpolation=_EXACT)
    return np.ascontiguousarray(np.rot90(picture, quarter_turns(frame)))


#: swscale's quick way to RGB is 1.3 of 255 levels too dark.
_EXACT = int(Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND)


def quarter_turns(frame: VideoFrame) -> int:
    """Quarter turns to the left (counter-clockwise) that show the frame upright."""
    return round(frame.rotation / 90) % 4


#: AVCOL_SPC_* -> the matrix to read it with.
_MATRICES: dict[int, int] = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.SMPTE170M,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}


def decode(
    path: str | Path, indexes: Iterable[int] | None = None, rate: Fraction | None = None
) -> Iterator[Picture]:
    """RGB pictures of a movie, still or sequence: all, or those of ascending `indexes` (0 shows first).

    `rate` says the indexes count on a grid of that rate, each showing the frame held there (media whose
    frames come at no constant rate); otherwise they count frames.
    Raises MediaError for an index beyond the last frame.
    """
    if indexes is None and rate is None:
        for frame in shown(path):
            yield to_rgb(frame)
        return
    if indexes is None:
        raise ValueError("a rate needs indexes")
    wanted = iter(indexes)
    if sequence.is_pattern(path):
        files = sequence.numbers(path)
        for index in wanted:
            if not 0 <= index < len(files):
                raise MediaError(f"has {len(files)} frames, no frame {index}", value=path)
            yield to_rgb(next(shown(sequence.file_at(path, files[index]))))
        return
    yield from _picked(path, wanted, rate)


def _picked(path: str | Path, wanted: Iterator[int], rate: Fraction | None) -> Iterator[Picture]:
    index = next(wanted, None)
    if index is None:
        return
    last: tuple[int, VideoFrame] | None = None
    for at, frame in _placed(path, rate, index):
        while index is not None and last is not None and last[0] <= index < at:
            yield to_rgb(last[1])
            index = _next(wanted, index)
        if index is None:
            return
        last = (at, frame)
    while index is not None:
        # The last frame is held on a grid for its own duration, which nobody states: callers know the length.
        if last is None or index < last[0] or (rate is None and index > last[0]):
            raise MediaError(f"has no frame {index}", value=path)
        yield to_rgb(last[1])
        index = _next(wanted, index)


def _next(wanted: Iterator[int], before: int) -> int | None:
    index = next(wanted, None)
    if index is not None and index < before:
        raise ValueError("indexes must ascend")
    return index


def _placed(path: str | Path, rate: Fraction | None, first: int) -> Iterator[tuple[int, VideoFrame]]:
    """(index, frame) of what is shown, beginning at or before `first`; sought where that is exact."""
    with opened(path) as (container, file):
        stream = picture_stream(path, file)
        frames = file.decode(stream)
        head = next(frames, None)
        if head is None:
            return
        grid = rate
        if rate is None and first > _WORTH_A_SEEK and container.name in SEEKS_EXACTLY:
            # Only where the frames keep to a constant rate does a time say which frame it is.
            grid = constant_rate(path)
        if grid is None or first <= _WORTH_A_SEEK or container.name not in SEEKS_EXACTLY:
            yield (0, head)
            for count, frame in enumerate(frames, 1):
                yield (count if rate is None else grid_index(frame, head, rate), frame)
            return
        assert head.pts is not None and stream.time_base is not None
        # Two frames early: a grid's held frame may begin before the index.
        file.seek(head.pts + int((first - 2) / grid / stream.time_base), stream=stream, backward=True)
        for frame in file.decode(stream):
            yield (grid_index(frame, head, grid), frame)


def grid_index(frame: VideoFrame, head: VideoFrame, rate: Fraction) -> int:
    """Where a frame lands on a constant grid that starts with `head`: rounded as ffmpeg's `fps` does."""
    assert frame.pts is not None and head.pts is not None and frame.time_base is not None
    position = (frame.pts - head.pts) * frame.time_base * rate
    return (2 * position.numerator + position.denominator) // (2 * position.denominator)
