"""What is sent to a provider, and how what it returns becomes frame-exact: pure arithmetic.

A *submission* says how the plate's frames become the provider's (rate stamp, raster, padding, parts)
together with all that is needed to invert it. A *conform plan* names, for every frame of the take, the
returned frame that shows there. Nothing here touches a file.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

from pydantic import Field

from otio_bridge.model.request import OperationClass
from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.model.value import Exact, Value


class Raster(Value):
    """A picture size in pixels; `pixel_aspect` is a pixel's width over its height."""

    width: int = Field(gt=0)
    height: int = Field(gt=0)
    pixel_aspect: Exact = Fraction(1)


class FrameGrid(Value):
    """Lengths a model can make: `step·n + offset`, from `minimum` to `maximum` frames (None: no limit)."""

    step: int = Field(default=1, ge=1)
    offset: int = Field(default=0, ge=0)
    minimum: int = Field(default=1, ge=1)
    maximum: int | None = None

    def at_least(self, frames: int) -> int | None:
        """The shortest allowed length that holds `frames`; None where even the longest does not."""
        floor = max(frames, self.minimum, self.offset, 1)
        length = floor + (self.offset - floor) % self.step
        return length if self.maximum is None or length <= self.maximum else None

    @property
    def longest(self) -> int | None:
        """The longest allowed length; None without a limit. Meaningless where `at_least(1)` is None."""
        return None if self.maximum is None else self.maximum - (self.maximum - self.offset) % self.step


class Limits(Value):
    """What one model takes and makes; empty tuples and None mean "any"."""

    grid: FrameGrid = FrameGrid()
    #: Rates it works at; the first is preferred. Empty: it keeps what it is sent.
    rates: tuple[Rate, ...] = ()
    #: Rasters it works at (square pixels). Empty: any up to `max_pixels`, sides multiples of `multiple_of`.
    rasters: tuple[Raster, ...] = ()
    max_pixels: int | None = None
    multiple_of: int = 2
    #: Whether it can take pictures with alpha.
    alpha: bool = False
    #: Container and codec it wants to be sent.
    codec: str = "h264"


class Box(Value):
    """The picture inside the provider's raster: `width` x `height` at (`x`, `y`), the rest padding."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class Join(StrEnum):
    """How parts become one take."""

    NONE = "none"  #: there is one part
    OVERLAP = "overlap"  #: restyled parts share frames; the cut lies inside the overlap
    CHAIN = "chain"  #: each part starts from the last frame of the one before; a seam shows one frame once


class Part(Value):
    """One request's frames. `plate` counts from the plate's first frame (0); padding frames surround it.

    In record space nothing is carried: `plate` is the frames asked for, at the submission's `sent_rate`,
    counted through the whole chain; they may go beyond what the take promises (surplus).
    """

    index: int = Field(ge=0)
    #: The frames of the plate it carries, 0-based.
    plate: FrameRange
    #: Frames in front of the plate that are real media, and after it; cut off again on return.
    pad_head: int = Field(default=0, ge=0)
    pad_tail: int = Field(default=0, ge=0)
    #: Copies of the last frame after that.
    hold_tail: int = Field(default=0, ge=0)

    @property
    def frames(self) -> int:
        """Frames sent, or asked for."""
        return self.pad_head + self.plate.duration + self.pad_tail + self.hold_tail


class Submission(Value):
    """How the plate goes out, and all that is needed to invert it."""

    op_class: OperationClass
    #: Frames the take promises, its rate and raster.
    frames: int = Field(ge=1)
    rate: Rate
    raster: Raster
    #: The rate stamped on what is sent, or asked for.
    sent_rate: Rate
    #: The raster sent or asked for, and where the picture lies in it.
    sent_raster: Raster
    box: Box
    parts: tuple[Part, ...]
    join: Join = Join.NONE
    #: What the caller should know: cost factor of re-stamping, padding, seams.
    notes: tuple[str, ...] = ()
    #: Seconds sent (or asked for) over the shot's own seconds: the rate stamp (30000/1001 at 24 costs
    #: 1.249x the seconds), padding and overlaps together.
    cost_factor: Exact = Fraction(1)
    #: LUT files that make display pictures of the plate and invert that (design §6); None: as is.
    to_display: str | None = None
    from_display: str | None = None


class Source(Value):
    """One returned frame: which part, and its index in what that part returned (0-based)."""

    part: int = Field(ge=0)
    frame: int = Field(ge=0)


class Seam(Value):
    """Where two parts meet: the first take frame of the later part."""

    frame: int
    parts: tuple[int, int]


class ConformPlan(Value):
    """For every frame of the take, the returned frame that shows there; then raster and rate."""

    frames: tuple[Source, ...]
    rate: Rate
    raster: Raster
    #: Where the picture lies in what returned (pixels of the returned raster).
    box: Box
    #: Take frames that repeat another because the provider sent too few.
    held: tuple[int, ...] = ()
    seams: tuple[Seam, ...] = ()
    #: Frames that came back beyond the promise and are kept as extra tail handle (record space).
    surplus: int = 0
    notes: tuple[str, ...] = ()
