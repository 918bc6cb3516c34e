"""The sandbox's models, what each accepts and what it costs; requests are judged here."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from otio_bridge.model.money import Money

_FIELDS = {
    "model", "operation", "reference", "prompt", "negative_prompt", "seed", "frames", "rate", "width",
    "height", "inputs", "options", "currency", "part", "parts",
}  # fmt: skip
#: Operations that need a movie named `plate` with the very frames, rate and raster asked for.
_TREATS = ("restyle", "deflicker", "upscale")


class BadRequest(Exception):
    """A request the sandbox turns away, with a machine's word and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Model:
    """One model: what it takes, makes and costs."""

    name: str
    operations: tuple[str, ...]
    step: int = 1
    offset: int = 0
    minimum: int = 1
    maximum: int = 600
    rates: tuple[Fraction, ...] = ()
    rasters: tuple[tuple[int, int], ...] = ()
    multiple_of: int = 2
    max_pixels: int = 4096 * 2304
    unit: str = "second"
    #: Of the unit, in pretend money of whatever currency the caller names.
    price: str = "0.05"

    def cost(self, frames: int, rate: Fraction, currency: str, price: str | None = None) -> Money:
        """What so many frames cost."""
        units = frames / rate if self.unit == "second" else Fraction(1)
        return Money.of(price or self.price, currency).times(units)

    def as_json(self) -> dict[str, Any]:
        """What `GET /v1/models` says of it."""
        return {
            "model": self.name,
            "operations": sorted(self.operations),
            "frames": {"step": self.step, "offset": self.offset, "min": self.minimum, "max": self.maximum},
            "rates": [str(rate) for rate in self.rates],
            "rasters": [list(raster) for raster in self.rasters],
            "multiple_of": self.multiple_of,
            "max_pixels": self.max_pixels,
            "price": {"unit": self.unit, "amount": self.price},
        }


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        # Like most hosted models: one rate, a length grid, a list of sizes, a price a second.
        Model(
            "sandbox-24", ("restyle", "generate", "animate"),
            step=4, offset=1, minimum=5, maximum=121, rates=(Fraction(24),),
            rasters=((640, 360), (360, 640), (480, 480), (1280, 720), (720, 1280), (960, 720)),
        ),
        # Takes what it is given: any length, rate and size, at a price a call.
        Model(
            "sandbox-any",
            ("restyle", "upscale", "deflicker", "generate", "animate", "still"), unit="call", price="0.02",
        ),
        # Like the open models: 16 frames a second, a coarse grid, sizes in multiples of 32.
        Model(
            "sandbox-long", ("restyle", "generate", "animate"),
            step=8, offset=1, minimum=17, maximum=257, rates=(Fraction(16),),
            multiple_of=32, max_pixels=1280 * 736, price="0.03",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A request that was found good."""

    model: Model
    operation: str
    reference: str
    prompt: str
    seed: int
    frames: int
    rate: Fraction
    width: int
    height: int
    currency: str
    inputs: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)


def judge(body: Any) -> Job:
    """The job a request body asks for. Raises BadRequest for the first thing that is wrong with it."""
    if not isinstance(body, dict):
        raise BadRequest("bad_body", "the body is no JSON object")
    if unknown := sorted(set(body) - _FIELDS):
        raise BadRequest("unknown_field", f"unknown fields: {', '.join(unknown)}")
    model = MODELS.get(_text(body, "model"))
    if model is None:
        raise BadRequest("unknown_model", f"no such model; there are {', '.join(MODELS)}")
    operation = _text(body, "operation")
    if operation not in model.operations:
        raise BadRequest("bad_operation", f"{model.name} does {', '.join(model.operations)}")
    frames, width, height = (_whole(body, key) for key in ("frames", "width", "height"))
    try:
        rate = Fraction(_text(body, "rate"))
    except (ValueError, ZeroDivisionError):
        raise BadRequest("bad_rate", "rate is written 24 or 24000/1001") from None
    _within(model, operation, frames, rate, width, height)
    inputs, options = body.get("inputs", {}), body.get("options", {})
    for name, given in (("inputs", inputs), ("options", options)):
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise BadRequest(f"bad_{name}", f"{name} is an object of texts")
    if operation in _TREATS and "plate" not in inputs:
        raise BadRequest("bad_inputs", f"{operation} needs inputs.plate")
    return Job(
        model, operation, _text(body, "reference", ""), _text(body, "prompt", ""),
        _whole(body, "seed", 0), frames, rate, width, height, _text(body, "currency", "EUR"), inputs, options,
    )  # fmt: skip


def _within(model: Model, operation: str, frames: int, rate: Fraction, width: int, height: int) -> None:
    if operation != "still" and (
        not model.minimum <= frames <= model.maximum or (frames - model.offset) % model.step
    ):
        raise BadRequest(
            "bad_frames",
            f"{model.name} makes {model.step}n+{model.offset} frames, {model.minimum} to {model.maximum}",
        )
    if rate <= 0 or (model.rates and rate not in model.rates):
        raise BadRequest("bad_rate", f"{model.name} works at {', '.join(map(str, model.rates))}")
    if model.rasters and (width, height) not in model.rasters:
        sizes = ", ".join(f"{w}x{h}" for w, h in model.rasters)
        raise BadRequest("bad_size", f"{model.name} makes {sizes}")
    if width % model.multiple_of or height % model.multiple_of or width * height > model.max_pixels:
        raise BadRequest(
            "bad_size", f"sides are multiples of {model.multiple_of}, at most {model.max_pixels} pixels"
        )


def judge_plate(job: Job, frames: int, rate: Fraction, width: int, height: int, codec: str) -> None:
    """Compare the uploaded plate with what was said of it. Raises BadRequest."""
    if codec != "h264":
        raise BadRequest("bad_plate", f"the plate is {codec}, h264 is wanted")
    said, found = (job.frames, job.rate), (frames, rate)
    if said != found:
        raise BadRequest(
            "bad_plate", f"the plate has {found[0]} frames at {found[1]}, not {said[0]} at {said[1]}"
        )
    if job.operation != "upscale" and (width, height) != (job.width, job.height):
        raise BadRequest("bad_plate", f"the plate is {width}x{height}, not {job.width}x{job.height}")


def _text(body: dict[str, Any], key: str, default: str | None = None) -> str:
    value = body.get(key, default)
    if not isinstance(value, str):
        raise BadRequest(f"bad_{key}", f"{key} is missing, or no text")
    return value


def _whole(body: dict[str, Any], key: str, default: int | None = None) -> int:
    value = body.get(key)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequest(f"bad_{key}", f"{key} is missing, or no whole number")
    return value
