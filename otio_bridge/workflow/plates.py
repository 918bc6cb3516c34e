"""What the bridge remembers of a plate beyond its range: kept as the plate's `spec` in the ledger."""

from __future__ import annotations

from otio_bridge.model.media import MediaInfo, MediaRef
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import ShotSpec
from otio_bridge.model.value import Value
from otio_bridge.store.records import PlateRecord


class PlateNotes(Value):
    """How a plate was (or will be) made."""

    op_class: OperationClass
    media: MediaRef | None = None
    #: Source frames shown at the shot's first and last record frame, for `first=plate` and `last=plate`.
    shown: tuple[int, int] | None = None
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


def plate_key(spec: ShotSpec) -> str:
    """What a plate must share with a shot to serve it: the media, and the kind of coordinates it counts in."""
    prefix = "" if spec.op_class is OperationClass.SOURCE else f"{spec.op_class}:"
    return f"{prefix}{spec.media_identity}"
