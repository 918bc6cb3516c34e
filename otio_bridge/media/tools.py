"""What local providers may do to media (`provider.MediaTools`), with exact frame counts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import overload

import numpy as np

from otio_bridge.errors import MediaError
from otio_bridge.media.decode import Picture, decode
from otio_bridge.media.encoders import encoder_for, is_odd
from otio_bridge.media.ffmpeg import input_args, output_arg, raw_input_args, run
from otio_bridge.media.graphs import Step, step, text
from otio_bridge.media.pixels import as_read, as_written, converted, tagged
from otio_bridge.media.probe import probe
from otio_bridge.model.media import ColourTags, MediaInfo

#: Pictures kept for callers that go back a little, or backwards all the way.
_KEPT = 24


class Tools:
    """MediaTools on this machine; results are ProRes, 4444 where there is alpha.

    `deadline` is the step's, as `ffmpeg.run` takes it.
    """

    def __init__(self, ffmpeg: str = "", *, deadline: float | None = None) -> None:
        self._ffmpeg, self._deadline = ffmpeg, deadline

    def probe(self, path: Path) -> MediaInfo:
        """What a decoder finds in the file."""
        return probe(path)

    def filter(self, source: Path, graph: str, out: Path, *, rate: Fraction, frames: int) -> Path:
        """Write the first `frames` pictures of ffmpeg's single-input `graph` over a movie, at `rate`.

        Raises MediaError where the graph gives fewer.
        """
        info = probe(source)
        # Not `stamped`, whose copies of the last picture would hide that some are missing.
        steps = [step("trim", end_frame=frames), step("settb", 1 / rate), step("setpts", "N")]
        before = text([tagged(as_read(info.colour, info.pix_fmt, info.height))])
        pixels, codec = _out(info.colour, info.width, info.height, alpha=info.alpha)
        args = [*input_args(source, rate=None if _timed(info) else rate), "-map", "0:v:0"]
        args += ["-vf", f"{before},{graph},{text([*steps, *pixels])}", *codec]
        args += ["-enc_time_base", str(1 / rate)]
        return self._written(args, out, frames)

    def frames(self, source: Path) -> Sequence[object]:
        """The decoded pictures as RGB `uint8` arrays, decoded when asked for."""
        return Frames(source)

    def encode(self, pictures: Callable[[int], object], out: Path, *, rate: Fraction, frames: int) -> Path:
        """Write `pictures(0)` to `pictures(frames - 1)`, RGB arrays or PIL images of one size.

        Raises MediaError for a picture that is none or of another size.
        """
        first = _rgb(pictures(0), None)
        height, width = first.shape[:2]
        rest = (_rgb(pictures(index), first.shape) for index in range(1, frames))
        display = ColourTags(space="bt709", range="tv")
        pixels, codec = _out(display, width, height, alpha=False)
        args = [*raw_input_args(width, height, rate), "-map", "0:v:0"]
        args += ["-vf", text([tagged(ColourTags(space="gbr", range="pc")), *pixels]), *codec]
        feed = (picture.tobytes() for picture in chain([first], rest))
        return self._written(args, out, frames, feed)

    def _written(self, args: list[str], out: Path, frames: int, feed: Iterator[bytes] | None = None) -> Path:
        args = [*args, "-frames:v", str(frames), "-fps_mode", "passthrough", output_arg(out)]
        run(args, feed=feed, what=f"making {out.name}", deadline=self._deadline, ffmpeg=self._ffmpeg)
        made = probe(out).frames
        if made != frames:
            raise MediaError(f"{made} frames were made where {frames} were asked for", value=out)
        return out


def _timed(info: MediaInfo) -> bool:
    """Whether the file says when its pictures show (a sequence does not)."""
    return info.first_number is None


def _out(colour: ColourTags, width: int, height: int, *, alpha: bool) -> tuple[list[Step], tuple[str, ...]]:
    """Steps into the encoder's pixels, and its arguments.

    The matrix is always said: what is untagged is read by its lines, and a filter may change their number.
    """
    encoder = encoder_for("prores", alpha=alpha, odd=is_odd(width, height))
    made, _ = as_written(colour, encoder.pix_fmt, height, encoder)
    return [converted(made), step("format", encoder.pix_fmt), tagged(made)], encoder.args


def _rgb(picture: object, like: tuple[int, ...] | None) -> Picture:
    """An array or PIL image as an 8-bit RGB array. Raises MediaError for anything else."""
    convert = getattr(picture, "convert", None)
    array = np.asarray(convert("RGB") if convert is not None else picture)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise MediaError(
            "not an RGB picture", value=f"{array.dtype} {array.shape}", allowed="uint8 (height, width, 3)"
        )
    if like is not None and array.shape != like:
        raise MediaError(f"pictures of one movie differ in size: {like[:2]} and {array.shape[:2]}")
    return np.ascontiguousarray(array)


class Frames(Sequence[object]):
    """A movie's pictures by index: decoded in order, a few kept, so that going backwards is fair too."""

    def __init__(self, source: Path) -> None:
        self._source, self._count = source, probe(source).frames
        self._kept: OrderedDict[int, Picture] = OrderedDict()
        self._next, self._decoder = 0, decode(source)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | Sequence[Picture]:
        """Picture `index` (negative counts from the end). Raises IndexError, MediaError."""
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(self._count))]
        at = range(self._count)[index]
        if at in self._kept:
            return self._kept[at]
        if not self._next <= at < self._next + _KEPT:
            # Going back: the ones before are likely next.
            self._next = max(0, at - _KEPT + 1) if at < self._next else at
            self._decoder = decode(self._source, range(self._next, self._count))
        while self._next <= at:
            self._kept[self._next] = next(self._decoder)
            self._next += 1
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[at]
