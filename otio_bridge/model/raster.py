"""The raster a take promises: the plate's, or for a larger upscale its multiple."""

from __future__ import annotations

import re

from otio_bridge.errors import RefusedInput
from otio_bridge.model.conform import Raster
from otio_bridge.model.request import Operation

#: Names of frame sizes people type (DCI and SMPTE ST 2036-1).
NAMED = {"HD": (1280, 720), "FHD": (1920, 1080), "2K": (2048, 1080), "UHD": (3840, 2160), "4K": (4096, 2160)}
_TIMES = re.compile(r"^([2-8])x$")
_SIZE = re.compile(r"^(\d{2,5})x(\d{2,5})$")
#: Aspects this near are the same: odd rasters round (1998x1080 in 2K).
_ASPECT_TOLERANCE = 0.01


def target_raster(plate: Raster, operation: Operation, size: str = "same") -> Raster:
    """The take's raster for `size=`: `same`, `2x`, `4x`, `UHD` or `3840x2160`.

    Only an upscale may change it. Raises RefusedInput for a size that is none, one that is smaller than
    the plate, and one of another aspect, since a take is never stretched or cropped in silence.
    """
    if size in ("", "same"):
        return plate
    allowed = ("same", "2x", "4x", *NAMED, "WIDTHxHEIGHT")
    if operation is not Operation.UPSCALE:
        raise RefusedInput(
            f"only upscale changes the raster, not {operation}", value=f"size={size}", next="size=same"
        )
    if times := _TIMES.match(size.lower()):
        width, height = plate.width * int(times[1]), plate.height * int(times[1])
    elif size.upper() in NAMED:
        width, height = NAMED[size.upper()]
    elif exact := _SIZE.match(size.lower()):
        width, height = int(exact[1]), int(exact[2])
    else:
        raise RefusedInput("not a size", value=f"size={size}", allowed=allowed)
    if width < plate.width or height < plate.height:
        raise RefusedInput(
            f"an upscale cannot be smaller than the plate ({plate.width}x{plate.height})",
            value=f"size={size}",
            allowed=allowed,
        )
    stretch = (width * plate.height) / (height * plate.width)
    if abs(stretch - 1) > _ASPECT_TOLERANCE:
        raise RefusedInput(
            f"{width}x{height} has another aspect than the plate ({plate.width}x{plate.height})",
            value=f"size={size}",
            allowed=("same", "2x", "4x"),
        )
    return Raster(width=width, height=height, pixel_aspect=plate.pixel_aspect)
