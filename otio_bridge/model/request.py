"""What is asked for: the mark an editor writes, and the request a provider is given."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Any

from pydantic import Field

from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.model.value import Exact, Value


class Operation(StrEnum):
    """What a take does."""

    RESTYLE = "restyle"  #: the same frames, looking otherwise
    UPSCALE = "upscale"  #: the same frames, sharper or larger
    DEFLICKER = "deflicker"  #: the same frames, steadier
    GENERATE = "generate"  #: new frames from words (and references)
    ANIMATE = "animate"  #: new frames from a first picture
    INTERPOLATE = "interpolate"  #: frames between frames, for a rate or for slow motion
    EXTEND = "extend"  #: the same frames and more at an end
    STILL = "still"  #: one picture


class OperationClass(StrEnum):
    """Where a take lives (design §2 rule 1)."""

    SOURCE = "source"  #: the media's frames, one to one; the clip's retime stays
    RECORD = "record"  #: the cut's frames; the clip's retime must not apply
    STILL = "still"  #: one frame, held


class Placement(StrEnum):
    """How a take gets into the edit."""

    IN_PLACE = "in place"  #: the clip's reference is swapped
    ABOVE = "above"  #: a new clip on a track above; the clip below is untouched
    REFERENCE = "reference"  #: never shown by itself; feeds `first=`, `last=`, `ref=`


class Role(StrEnum):
    """What a reference is for."""

    FIRST = "first"
    LAST = "last"
    STYLE = "style"
    CHARACTER = "character"
    OBJECT = "object"
    CONTROL = "control"
    MASK = "mask"


class Reference(Value):
    """A picture or movie that steers a take: a file, `plate`, or a take (`v002`, `SC010_0010/v003`)."""

    role: Role
    source: str
    #: SHA-256 of the content, once it is known; what the request hash covers.
    content: str | None = None
    strength: Exact | None = None


class Brief(Value):
    """The words a shot will be judged by; kept in the ledger and in each take's provenance."""

    scene_purpose: str = ""
    shot_job: str = ""
    subject_action: str = ""
    camera: str = ""
    environment: str = ""
    constraints: str = ""
    review_criteria: str = ""


class Ask(Value):
    """What the editor asked of a clip: one mark, selection or shot-list row."""

    operation: Operation
    prompt: str = ""
    negative_prompt: str = ""
    provider: str = "auto"
    model: str = "auto"
    takes: int = Field(default=1, ge=1, le=99)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    references: tuple[Reference, ...] = ()
    #: Further options as text; keys are checked by the grammar, values by the provider's capabilities.
    options: dict[str, str] = {}
    #: A name for the shot, where the editor gave one.
    name: str | None = None
    handles: int | None = Field(default=None, ge=0, le=1000)
    priority: int = Field(default=0, ge=-100, le=100)
    brief: Brief = Brief()


class Request(Value):
    """What `request_hash` covers: never takes, priority, price, edit, record position or brief."""

    operation: Operation
    #: As asked: `auto` stays `auto`, its choice is kept on the take.
    provider: str
    model: str
    prompt: str = ""
    negative_prompt: str = ""
    #: The base seed; take `ordinal` gets `seed + ordinal - 1`.
    seed: int | None = None
    references: tuple[Reference, ...] = ()
    options: dict[str, str] = {}
    #: `SHOT/vNNN` of the take this one is made from.
    parent: str | None = None
    #: `MediaRef.identity`; "none" for shots without media.
    media: str = "none"
    #: The plate's frames in shot coordinates at `rate`.
    plate: FrameRange
    rate: Rate
    width: int = Field(gt=0)
    height: int = Field(gt=0)

    def digest(self) -> str:
        """The request hash: SHA-256 of the canonical JSON of what was asked."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json")).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces, no ASCII escapes, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


#: Operation -> the class it has unless the shot says otherwise (`interpolate` to a rate, `extend`: model/shot.py).
CLASS_OF: dict[Operation, OperationClass] = {
    Operation.RESTYLE: OperationClass.SOURCE,
    Operation.UPSCALE: OperationClass.SOURCE,
    Operation.DEFLICKER: OperationClass.SOURCE,
    Operation.GENERATE: OperationClass.RECORD,
    Operation.ANIMATE: OperationClass.RECORD,
    Operation.INTERPOLATE: OperationClass.RECORD,
    Operation.EXTEND: OperationClass.SOURCE,
    Operation.STILL: OperationClass.STILL,
}
