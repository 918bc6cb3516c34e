"""Conformance cases of every provider, and of local work. The docstring is the promise."""

from __future__ import annotations

import hashlib

from otio_bridge.errors import BridgeError
from otio_bridge.model.conform import Limits
from otio_bridge.provider import Capabilities, Money
from otio_bridge.testing.provider_bench import (
    KEY,
    Bench,
    Broken,
    Skipped,
    failing,
    job,
    part,
    sizes,
)

_LOCAL = ("run",)
_REMOTE = ("upload", "submit", "poll", "fetch", "list_calls", "cancel")


def names_itself(bench: Bench) -> None:
    """Its class, its capabilities and its config have one name."""
    provider = bench.provider()
    said = (getattr(type(provider), "name", None), provider.capabilities().name, bench.config.name)
    if len(set(said)) != 1:
        raise Broken(f"class, capabilities and config are named {said[0]!r}, {said[1]!r}, {said[2]!r}")


def describes_itself(bench: Bench) -> None:
    """What it can do is data: the same each time, with distinct models that each do something."""
    provider = bench.provider()
    can = provider.capabilities()
    if not isinstance(can, Capabilities):
        raise Broken(f"capabilities() gave {type(can).__name__}")
    if provider.capabilities() != can:
        raise Broken("capabilities() said two different things")
    models = [entry.model for entry in can.models]
    if not models or len(set(models)) != len(models):
        raise Broken(f"models have to be there, each once: {models}")
    if idle := [entry.model for entry in can.models if not entry.operations]:
        raise Broken(f"models that do nothing: {', '.join(idle)}")
    if "auto" in models:
        raise Broken("'auto' is how an editor says 'any'; it cannot be a model's name")


def has_every_method(bench: Bench) -> None:
    """It has every method of its kind: local work `run`, remote work six."""
    provider = bench.provider()
    wanted = _LOCAL if provider.capabilities().local else _REMOTE
    missing = [name for name in ("estimate", *wanted) if not callable(getattr(provider, name, None))]
    if missing:
        raise Broken(f"missing: {', '.join(missing)}")


def limits_can_be_met(bench: Bench) -> None:
    """Every model's limits allow some length, rate and raster."""
    for entry in bench.provider().capabilities().models:
        if problem := _impossible(entry.limits):
            raise Broken(f"{entry.model}: {problem}")


def _impossible(limits: Limits) -> str | None:
    _, _, raster = sizes(limits)
    if limits.max_pixels is not None and raster.width * raster.height > limits.max_pixels:
        return f"even {raster.width}x{raster.height} is more than max_pixels={limits.max_pixels}"
    if any(known.pixel_aspect != 1 for known in limits.rasters):
        return "rasters have square pixels"
    return None


def says_its_price(bench: Bench) -> None:
    """The estimate is money, never negative, and more frames never cost less; local work is free."""
    provider = bench.provider()
    can = provider.capabilities()
    for entry in can.models:
        for operation in sorted(entry.operations):
            small = part(provider.name, entry, operation)
            price = provider.estimate(small)
            if price is None:
                if can.local or entry.price is not None:
                    raise Broken(f"{entry.model} {operation}: the estimate is None")
                continue
            if not isinstance(price, Money) or price.micro < 0:
                raise Broken(f"{entry.model} {operation}: the estimate is {price!r}")
            more = small.frames + entry.limits.grid.step
            larger = provider.estimate(part(provider.name, entry, operation, frames=more))
            if larger is None or larger.micro < price.micro:
                raise Broken(f"{entry.model} {operation}: {more} frames cost {larger}, fewer cost {price}")
            if can.local and price.micro:
                raise Broken(f"{entry.model}: local work costs nothing")


def keeps_its_key(bench: Bench) -> None:
    """Made, asked and printed, it shows no key, and has not been anywhere."""
    with failing("500") as service, bench.pointed_at(service.url) as provider:
        provider.capabilities()
        if KEY in repr(provider) or KEY in str(provider):
            raise Broken("the key is in its repr")
        if service.requests:
            raise Broken(f"making it sent {service.requests[0][0]} {service.requests[0][1]}")


def runs_exactly(bench: Bench) -> None:
    """Every model and operation makes one file in the job's folder: exact frames, rate and raster."""
    provider = bench.provider()
    if not provider.capabilities().local:
        raise Skipped("it is remote")
    for entry in provider.capabilities().models:
        for operation in sorted(entry.operations):
            asked = job(provider, entry, operation, bench.folder / f"{entry.model}-{operation}")
            before = asked.plate and hashlib.sha256(asked.plate.read_bytes()).hexdigest()
            try:
                made = list(provider.run(asked, bench.media()))  # type: ignore[attr-defined]
            except BridgeError as exc:
                if exc.next and exc.next.startswith("pip install"):
                    continue  # An extra that is not installed, and says so.
                raise
            what = f"{entry.model} {operation}"
            if len(made) != 1 or not made[0].is_file() or asked.folder not in made[0].parents:
                raise Broken(f"{what}: {made} is not one file in {asked.folder}")
            found = bench.media().probe(made[0])
            promised = (asked.frames, asked.rate, asked.raster.width, asked.raster.height)
            got = (found.frames, found.rate, found.width, found.height)
            if got != promised:
                raise Broken(f"{what}: {_clip(got)} came, {_clip(promised)} were asked for")
            if asked.plate and hashlib.sha256(asked.plate.read_bytes()).hexdigest() != before:
                raise Broken(f"{what}: the plate was changed")
            beside = [path for path in asked.folder.parent.glob("*") if path.name not in ("work", "inputs")]
            if beside or (asked.plate and len(list(asked.plate.parent.iterdir())) != 1):
                raise Broken(f"{what}: something was written outside the job's folder")


def _clip(what: tuple[object, ...]) -> str:
    return "{} frames at {}, {}x{}".format(*what)


CHECKS = (
    names_itself,
    describes_itself,
    has_every_method,
    limits_can_be_met,
    says_its_price,
    keeps_its_key,
    runs_exactly,
)
