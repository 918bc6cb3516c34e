"""What the bridge remembers of a plate beyond its range: kept as the plate's `spec` in the ledger."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from otio_bridge.model.frames import Span, record_origin
from otio_bridge.model.media import MediaInfo, MediaRef
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import ShotSpec
from otio_bridge.model.time import FrameRange
from otio_bridge.model.value import Exact, Value
from otio_bridge.store.records import PlateRecord


class PlateNotes(Value):
    """How a plate was (or will be) made."""

    op_class: OperationClass
    media: MediaRef | None = None
    #: Source frames shown at the shot's first and last record frame, for `first=plate` and `last=plate`.
    shown: tuple[int, int] | None = None
    #: Interpolation: the source frames cut for it, the position among them (0-based) that shows at the first
    #: frame of the plate's range, and source frames a record frame.
    source: FrameRange | None = None
    first: Exact = Fraction(0)
    step: Exact | None = None
    #: Real frames the media has before and after, for padding up to a provider's shortest length.
    before: int = 0
    after: int = 0
    deinterlace: bool = False
    source_reel: str | None = None
    #: What a decoder found in the finished plate.
    info: MediaInfo | None = None
    #: Pulled elsewhere (`send --plates`).
    pulled: bool = False

    @classmethod
    def of(cls, plate: PlateRecord) -> PlateNotes:
        """The notes of a plate in the ledger."""
        return cls.model_validate(plate.spec)


def made_of_media(notes: PlateNotes) -> bool:
    """Whether there is a plate to cut: source-space work, and interpolation, which lives in the cut."""
    return notes.op_class is OperationClass.SOURCE or notes.source is not None


def interpolated(span: Span, plate: FrameRange, media: FrameRange) -> tuple[FrameRange, Fraction, Fraction]:
    """What to cut for slow motion: source frames, the position of the plate's first frame in them, and the step.

    Record frame i of the clip is source position `first + i·s`; the plate's frames go on beyond the cut alike.
    """
    origin, head = record_origin(span), span.first()
    ends = [head + (frame - origin) * span.s for frame in (plate.start, plate.last)]
    wanted = FrameRange.between(floor(min(ends)), ceil(max(ends)) + 1).clamped(media)
    return wanted, ends[0] - wanted.start, span.s


def plate_key(spec: ShotSpec) -> str:
    """What a plate must share with a shot to serve it: the media, and the kind of coordinates it counts in.

    What lives in the cut is counted at the clip's own speed, so that at another speed it is another plate.
    """
    return key_of(spec.op_class, spec.media_identity, spec.occurrences[0].span.s)


def key_of(op_class: OperationClass, media: str, speed: Fraction) -> str:
    """`plate_key` of a clip of this media at this speed."""
    if op_class is OperationClass.SOURCE:
        return media
    if op_class is OperationClass.STILL or speed == 1:
        return f"{op_class}:{media}"
    return f"{op_class}@{speed}:{media}"
