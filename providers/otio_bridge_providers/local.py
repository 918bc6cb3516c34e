"""The provider `local`: work done on this machine, with no network and no price.

| operation         | model     | what it does                                                              |
|-------------------|-----------|---------------------------------------------------------------------------|
| upscale           | lanczos   | the same raster sharper, or larger (`size=`)                              |
| upscale           | waifu2x   | a small neural net, steady from frame to frame (otio-bridge[neural])      |
| deflicker         | deflicker | evens out brightness over `window=` frames                                |
| interpolate       | flow      | motion-compensated frames between frames (8 bit)                          |
| interpolate       | blend     | a mix of the two frames beside (8 bit); never invents anything            |
| generate, animate | animatic  | temp: the first picture or a slate slowly moving, prompt and number on it |

Its one option in otio-bridge.toml: `[providers.local] options = { gpu = "auto|yes|no" }`, for waifu2x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from math import floor
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from otio_bridge.errors import RefusedInput
from otio_bridge.model.request import Operation, Role
from otio_bridge.provider import (
    Capabilities,
    Limits,
    LocalJob,
    MediaTools,
    ModelCapability,
    Money,
    PartRequest,
    ProviderConfig,
    SubmitKind,
)
from otio_bridge_providers import _animatic, _neural

_UPSCALE, _INTERPOLATE = frozenset({Operation.UPSCALE}), frozenset({Operation.INTERPOLATE})
#: Work done by a filter graph keeps alpha (measured: upscaled, deflickered and interpolated with the rest).
_ALPHA = Limits(alpha=True)
_MODELS = (
    ModelCapability(
        model="lanczos", operations=_UPSCALE, options=frozenset({"size"}), seed=False, limits=_ALPHA
    ),
    ModelCapability(
        model="waifu2x", operations=_UPSCALE, options=frozenset({"size", "noise"}), seed=False, heavy=True
    ),
    ModelCapability(
        model="deflicker",
        operations=frozenset({Operation.DEFLICKER}),
        options=frozenset({"window"}),
        seed=False,
        limits=_ALPHA,
    ),
    ModelCapability(
        model="flow", operations=_INTERPOLATE, options=frozenset({"rate"}), seed=False, limits=_ALPHA
    ),
    ModelCapability(model="blend", operations=_INTERPOLATE, options=frozenset({"rate"}), seed=False),
    ModelCapability(
        model="animatic",
        operations=frozenset({Operation.GENERATE, Operation.ANIMATE}),
        roles=frozenset(Role),
        negative_prompt=True,
        temp=True,
    ),
)


class LocalProvider:
    """Repeatable, free work on this machine; every result has exactly `job.frames` frames."""

    name: ClassVar[str] = "local"

    def __init__(self, config: ProviderConfig) -> None:
        self._config = config

    def capabilities(self) -> Capabilities:
        """The table at the top of this file."""
        return Capabilities(name=self.name, local=True, models=_MODELS, submit=SubmitKind.PURE)

    def estimate(self, part: PartRequest) -> Money | None:
        """Nothing."""
        return Money(micro=0, currency=self._config.currency)

    def run(self, job: LocalJob, tools: MediaTools) -> Sequence[Path]:
        """Make the one file. Raises RefusedInput for a job without a plate that needs one, MediaError."""
        makers: dict[str, Callable[[LocalJob, MediaTools, Path], Path]] = {
            "lanczos": _lanczos,
            "waifu2x": partial(_neural.upscale, gpu=self._config.options.get("gpu", "auto")),
            "deflicker": _deflicker,
            "flow": _flow,
            "blend": _blend,
            "animatic": _animatic.animatic,
        }
        if job.model not in makers:
            raise RefusedInput("local has no such model", value=job.model, allowed=sorted(makers))
        return [makers[job.model](job, tools, job.folder / "result.mov")]


def plate_of(job: LocalJob) -> Path:
    """The plate. Raises RefusedInput where there is none."""
    if job.plate is None:
        raise RefusedInput(
            f"{job.request.operation} needs media to work on",
            value=job.shot or None,
            next="otio-bridge shots",
        )
    return job.plate


def _lanczos(job: LocalJob, tools: MediaTools, out: Path) -> Path:
    plate = plate_of(job)
    found = tools.probe(plate)
    width, height = job.raster.width, job.raster.height
    # Contrast-adaptive sharpening; what is already enlarged needs less of it.
    graph = "cas=0.6"
    if (found.width, found.height) != (width, height):
        graph = f"scale={width}:{height}:flags=lanczos+accurate_rnd+full_chroma_int,cas=0.35"
    return tools.filter(plate, graph, out, rate=job.rate, frames=job.frames)


def _deflicker(job: LocalJob, tools: MediaTools, out: Path) -> Path:
    window = job.options.get("window", "5")
    if not window.isdecimal() or not 2 <= int(window) <= 129:
        raise RefusedInput("not a number of frames", value=f"window={window}", allowed="2 to 129")
    # The pooled mean follows wanted changes of light and takes out what alternates.
    graph = f"deflicker=size={int(window)}:mode=pm"
    return tools.filter(plate_of(job), graph, out, rate=job.rate, frames=job.frames)


def positions(job: LocalJob, plate_frames: int) -> tuple[Fraction, Fraction]:
    """The plate position of result frame 0, and plate frames a result frame."""
    return job.first, job.step if job.step is not None else Fraction(plate_frames, job.frames)


def _blend(job: LocalJob, tools: MediaTools, out: Path) -> Path:
    pictures = tools.frames(plate_of(job))
    first, step = positions(job, len(pictures))

    def picture(k: int) -> object:
        at = min(max(first + k * step, Fraction(0)), Fraction(len(pictures) - 1))
        before = floor(at)
        if at == before:
            return pictures[before]
        share = float(at - before)
        pair = [np.asarray(pictures[n], dtype=np.float32) for n in (before, before + 1)]
        mixed: NDArray[np.uint8] = (pair[0] * (1 - share) + pair[1] * share + 0.5).astype(np.uint8)
        return mixed

    return tools.encode(picture, out, rate=job.rate, frames=job.frames)


def _flow(job: LocalJob, tools: MediaTools, out: Path) -> Path:
    plate = plate_of(job)
    first, step = positions(job, tools.probe(plate).frames)
    if step == 0:
        return _blend(job, tools, out)
    if step > 0:
        return tools.filter(plate, flow_graph(first, step, job.rate), out, rate=job.rate, frames=job.frames)
    # Backwards: made forwards from the far end, then shown the other way round.
    forwards = out.with_name(f"forwards{out.suffix}")
    graph = flow_graph(first + (job.frames - 1) * step, -step, job.rate)
    tools.filter(plate, graph, forwards, rate=job.rate, frames=job.frames)
    pictures = tools.frames(forwards)
    made = tools.encode(lambda k: pictures[job.frames - 1 - k], out, rate=job.rate, frames=job.frames)
    forwards.unlink()
    return made


def flow_graph(first: Fraction, step: Fraction, rate: Fraction) -> str:
    """The graph whose output frame k is plate position `first + k·step`, with `step` above 0.

    Plate frame p is stamped `(p - first) / (step · rate)` seconds, so that whole positions fall on output
    frames and come out untouched (measured with frame codes: all of them). minterpolate ends two or three
    frames early, hence the copies at the end; a position beyond the plate holds its last frame.
    """
    tick = 1_000_000
    unit = Fraction(tick) / (step * rate)
    return (
        f"tpad=stop_mode=clone:stop=-1,settb=1/{tick},"
        f"setpts=(N-({first}))*{unit.numerator}/{unit.denominator},"
        f"minterpolate=fps={rate}:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1,"
        "trim=start=-0.0001"
    )
