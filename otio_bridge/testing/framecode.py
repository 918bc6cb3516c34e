"""Pictures that say which frame they are, for proving that a cut, take or timeline shows the right ones.

The top sixth of the picture is 20 cells: white, black, 16 Gray-coded bits, parity, white. Gray code, so
that a blend of n and n+1 never reads as a far number. It survives H.264 crf 23, MPEG-4 q5, ProRes Proxy
and DNxHR SQ without one unreadable frame (media.md §6). Below it a pattern moves, another in each frame.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otio_bridge.media.decode import decode
from otio_bridge.media.ffmpeg import input_args, output_arg, raw_input_args, run
from otio_bridge.model.time import timecode

Picture = NDArray[np.uint8]
SIZE = (320, 180)
_CELLS = 20
_BITS = 16
#: How far from mid-grey a cell has to be, of the way to black or white, to be believed.
_SURE = 0.3

#: Name -> output arguments; "h264" is long-GOP with B-frames, as cameras and browsers make it.
CODECS: dict[str, tuple[str, ...]] = {
    "h264": ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "48", "-bf", "3",
             "-x264-params", "b-adapt=0:scenecut=0"),
    "h264-intra": ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "1"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-tag:v", "hvc1",
             "-x265-params", "log-level=error"),
    "prores": ("-c:v", "prores", "-profile:v", "3", "-pix_fmt", "yuv422p10le"),
    "prores4444": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "dnxhr": ("-c:v", "dnxhd", "-profile:v", "dnxhr_sq", "-pix_fmt", "yuv422p"),
    "mpeg4": ("-c:v", "mpeg4", "-q:v", "5", "-bf", "2"),
    "mpeg2": ("-c:v", "mpeg2video", "-q:v", "4", "-bf", "2"),
    "mjpeg": ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuv420p", "-strict", "unofficial"),
    "ffv1": ("-c:v", "ffv1", "-pix_fmt", "yuv422p10le"),
}  # fmt: skip


def code_picture(number: int, width: int = SIZE[0], height: int = SIZE[1]) -> Picture:
    """The picture of frame `number` (0 to 65535), RGB.

    Raises ValueError for a number the code cannot say.
    """
    if not 0 <= number < 1 << _BITS:
        raise ValueError(f"frame code {number} is not in 0-65535")
    gray = number ^ (number >> 1)
    bits = [gray >> (_BITS - 1 - place) & 1 for place in range(_BITS)]
    cells = [1, 0, *bits, sum(bits) & 1, 1]
    y, x = np.mgrid[0:height, 0:width]
    wave_ = np.sin(x * 0.05 + number * 0.21) + np.sin(y * 0.07 - number * 0.13)
    picture = np.empty((height, width, 3), np.uint8)
    picture[..., 0] = 128 + 40 * wave_
    picture[..., 1] = 128 - 30 * wave_
    picture[..., 2] = (x * 160 // width + number * 3) % 160 + 40
    left = number * 5 % width
    picture[height // 2 : height // 2 + height // 8, left : left + width // 10] = (230, 60, 40)
    edges = [width * k // _CELLS for k in range(_CELLS + 1)]
    for k, cell in enumerate(cells):
        picture[: height // 6, edges[k] : edges[k + 1]] = 235 if cell else 20
    return picture


def read_code(picture: NDArray[Any]) -> int | None:
    """The number a picture (RGB or grey, any size) says; None where it cannot be read surely."""
    grey = np.asarray(picture, dtype=np.float64)
    if grey.ndim == 3:
        grey = grey[..., :3].mean(axis=2)
    height, width = grey.shape
    band = grey[height // 24 : max(height // 24 + 1, height // 6 - height // 24)]
    side = width / _CELLS
    levels = [
        band[:, round((k + 0.25) * side) : max(round((k + 0.75) * side), round((k + 0.25) * side) + 1)].mean()
        for k in range(_CELLS)
    ]
    white, black = (levels[0] + levels[-1]) / 2, levels[1]
    if white - black < 40:
        return None
    shares = [(level - black) / (white - black) for level in levels]
    if any(abs(share - 0.5) < _SURE for share in shares):
        return None
    cells = [int(share > 0.5) for share in shares]
    bits = cells[2 : 2 + _BITS]
    if (cells[0], cells[1], cells[-1]) != (1, 0, 1) or sum(bits) & 1 != cells[2 + _BITS]:
        return None
    number = 0
    for bit in bits:
        number = number << 1 | (bit ^ (number & 1))
    return number


def make_movie(
    path: Path,
    numbers: Sequence[int],
    rate: Fraction,
    *,
    codec: str = "h264",
    start: int | None = None,
    drop: bool = False,
    reel: str | None = None,
    sound: str | None = None,
    size: tuple[int, int] = SIZE,
    extra: Sequence[str] = (),
) -> Path:
    """A movie whose frames say `numbers`; the container is the path's.

    `start` is the embedded timecode's first frame, `sound` "pcm" (`sample_code`) or "aac",
    `extra` further output arguments.
    """
    width, height = size
    args = raw_input_args(width, height, rate)
    output = ["-map", "0:v", *CODECS[codec], "-fps_mode", "passthrough"]
    if start is not None:
        output += ["-timecode", timecode(start, rate, drop=drop)]
    if reel is not None:
        output += ["-metadata:s:v:0", f"reel_name={reel}"]
    with tempfile.TemporaryDirectory() as folder:
        if sound is not None:
            args += input_args(_make_sound(Path(folder) / "s.wav", round(len(numbers) * 48000 / rate)))
            output += ["-map", "1:a", "-c:a", {"pcm": "pcm_s16le"}.get(sound, sound)]
        pictures = (code_picture(number, width, height).tobytes() for number in numbers)
        run([*args, *output, *extra, output_arg(path)], feed=pictures, what=f"making {path.name}")
    return path


def make_sequence(
    pattern: Path,
    numbers: Sequence[int],
    *,
    first_number: int = 1001,
    size: tuple[int, int] = SIZE,
    extra: Sequence[str] = (),
) -> Path:
    """A sequence (`folder/name.%04d.png`, `.exr`, `.dpx` …) whose files say `numbers`."""
    width, height = size
    pattern.parent.mkdir(parents=True, exist_ok=True)
    float_ = ("-pix_fmt", "gbrpf32le") if pattern.suffix == ".exr" else ()
    numbered = ["-start_number", str(first_number), "-f", "image2", output_arg(pattern)]
    run(
        [*raw_input_args(width, height, Fraction(24)), *float_, *extra, *numbered],
        feed=(code_picture(number, width, height).tobytes() for number in numbers),
        what=f"making {pattern.name}",
    )
    return pattern


def make_still(path: Path, number: int, size: tuple[int, int] = SIZE) -> Path:
    """One picture file that says `number`."""
    feed = [code_picture(number, *size).tobytes()]
    one = ["-frames:v", "1", "-update", "1", output_arg(path)]
    run([*raw_input_args(*size, Fraction(24)), *one], feed=feed, what=f"making {path.name}")
    return path


def read_movie(path: str | Path) -> list[int | None]:
    """What every frame of a movie, still or sequence says, in order of showing."""
    return [read_code(picture) for picture in decode(path)]


def sample_code(index: int) -> int:
    """The 16-bit value of sound sample `index` in "pcm" movies: a ramp of prime length."""
    return index % 65521 - 32760


def sample_codes(count: int) -> NDArray[np.int16]:
    """The first `count` values of `sample_code`."""
    return (np.arange(count) % 65521 - 32760).astype(np.int16)


def _make_sound(path: Path, samples: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(sample_codes(samples).astype("<i2").tobytes())
    return path


def codes(first: int, count: int) -> Iterator[int]:
    """`count` frame codes from `first`."""
    return iter(range(first, first + count))
