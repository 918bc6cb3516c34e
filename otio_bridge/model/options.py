"""The options the bridge itself acts on, and the values it has for them: a wish is met or refused, never dropped."""

from __future__ import annotations

from fractions import Fraction

from otio_bridge.errors import RefusedInput
from otio_bridge.model.request import Operation
from otio_bridge.model.time import rate_text, snap_rate

#: Option -> its values; those with None are checked where they are used.
OURS: dict[str, tuple[str, ...] | None] = {
    "audio": ("source", "none", "provider"),
    "color": ("as-is",),
    "colour": ("as-is",),
    "deinterlace": ("yes", "no"),
    # Pictures are fitted and padded into the model's raster, and the inverse back; nothing is stretched.
    "fit": ("pad",),
    "max_cost": None,
    "parent": None,
    "rate": None,
    "size": None,
    # Plate frame i comes back as take frame i; other ways of resampling are not offered yet.
    "transport": ("frames",),
}


def check_options(options: dict[str, str], operation: Operation, rate: Fraction) -> None:
    """Refuse a value the bridge has not got for one of its own options.

    `rate` is the shot's: an interpolation is made at the rate it is shown at. Raises RefusedInput.
    """
    for name, value in options.items():
        allowed = OURS.get(name)
        if allowed is not None and value not in allowed:
            raise RefusedInput(f"{name} cannot be that", value=f"{name}={value}", allowed=allowed)
    asked = options.get("rate")
    if asked is None:
        return
    try:
        exact = snap_rate(asked)
    except ValueError as exc:
        raise RefusedInput(
            "not a frame rate", value=f"rate={asked}", allowed="24, 23.976, 30000/1001 …"
        ) from exc
    if operation is not Operation.INTERPOLATE or exact != rate:
        raise RefusedInput(
            f"the take is made at {rate_text(rate)}, the rate it is shown at",
            value=f"rate={asked}",
            allowed=f"rate={rate_text(rate)}, or none; to get another, put the clip on a timeline of that rate",
        )
