"""How one job becomes a movie, wrongs included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, islice, repeat
from pathlib import Path

from otio_bridge.testing.sandbox import pictures
from otio_bridge.testing.sandbox.misbehave import Misbehaviour
from otio_bridge.testing.sandbox.models import Job


def make(
    job: Job,
    wrongs: Mapping[str, Misbehaviour],
    inputs: Mapping[str, Path],
    out: Path,
    *,
    code: bool,
    step: Callable[[], None],
) -> int:
    """Write the movie and say how many frames it has; `step` is called after each."""
    frames = job.frames
    if wrong := wrongs.get("more_frames"):
        frames += wrong.number(4)
    if wrong := wrongs.get("fewer_frames"):
        frames = max(1, frames - wrong.number(3))
    rate = job.rate
    if wrong := wrongs.get("other_rate"):
        rate = Fraction(wrong.number(16))
    made = _held(_made(job, inputs, frames, code=code), frames)
    if "other_size" in wrongs:
        made = (pictures.sharper(picture, job.width // 4 * 2, job.height // 4 * 2) for picture in made)
    return pictures.encode(out, made, rate, step)


def _made(job: Job, inputs: Mapping[str, Path], frames: int, *, code: bool) -> Iterator[pictures.Picture]:
    if "plate" in inputs and job.operation in ("restyle", "deflicker", "upscale"):
        for picture in pictures.decode(inputs["plate"]):
            if job.operation == "restyle":
                yield pictures.treated(picture, job.prompt, job.seed)
            elif job.operation == "upscale":
                yield pictures.sharper(picture, job.width, job.height)
            else:
                yield picture
        return
    source = inputs.get("first") or inputs.get("plate")
    first = next(pictures.decode(source), None) if source else None
    for k in range(frames):
        yield pictures.drawn(k, job.frames, job.width, job.height, job.prompt, job.seed, first, code=code)


def _held(made: Iterator[pictures.Picture], frames: int) -> Iterator[pictures.Picture]:
    """Exactly so many: cut off at the end, or the last one held."""
    last = next(made)
    yield last
    count = 1
    for last in islice(made, frames - 1):
        yield last
        count += 1
    yield from chain(repeat(last, frames - count))
