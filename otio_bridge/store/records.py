"""What the ledger gives and takes: frozen values, never rows.

`…Record` is what stands in the ledger, `…Write` and `Wanted` what is to be written. Money fields are whole
micro-units of the record's `currency`; times are aware and UTC; ids are uuid text.

Longer than 300 lines because it is a list: one value a table, read one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import AwareDatetime, Field

from otio_bridge.model.frames import Span
from otio_bridge.model.money import Money
from otio_bridge.model.request import Ask, Brief, OperationClass, Placement, Request
from otio_bridge.model.take import CallState, ReviewState, TakeState, WaitCode, plate_name, take_name
from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.model.value import Value

#: Anything JSON can hold; read by whoever wrote it.
Json = dict[str, Any]


class _Record(Value):
    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        """From a row whose columns are named as the fields."""
        return cls.model_validate({**row})


# ---------------------------------------------------------------- edits, shots, plates


class EditWrite(Value):
    """An edit as it was read."""

    cut: str
    name: str
    path: str
    format: str
    sha256: str
    rate: Rate
    drop: bool = False
    #: Record frame of the edit's start timecode.
    start: int = 0


class EditRecord(EditWrite, _Record):
    """An edit that was sent or saved."""

    id: str
    author: str
    created_at: AwareDatetime


class OccurrenceWrite(Value):
    """One clip or gap that shows a shot. With `id` it is one the ledger knows, wherever it moved to."""

    id: str | None = None
    cut: str
    address: str
    track: int = 0
    track_name: str = ""
    name: str = ""
    gap: bool = False
    enabled: bool = True
    #: Record frames of the cut at `rate`, the timeline's.
    record: FrameRange
    rate: Rate
    drop: bool = False
    span: Span
    #: In the shot's coordinates.
    need: FrameRange
    #: `MediaRef.identity` of what the clip is cut from.
    media: str = "none"
    token: str | None = None
    #: The whole `model.shot.Occurrence`, or whatever else the caller wants back.
    spec: Json = {}


class OccurrenceRecord(OccurrenceWrite, _Record):
    """An occurrence as it was last seen."""

    id: str
    shot_id: str
    edit_id: str | None
    #: Whether the newest edit of its cut still shows it.
    present: bool
    seen_at: AwareDatetime


class ShotWrite(Value):
    """A shot as an edit asks for it now. `id` is its own, or a new uuid."""

    id: str
    name: str = Field(min_length=1)
    cut: str
    op_class: OperationClass
    placement: Placement
    #: `MediaRef.identity`; "none" without media.
    media: str = "none"
    rate: Rate
    drop: bool = False
    need: FrameRange
    ask: Ask
    #: Anything more (media reference, notes, why it was chosen).
    spec: Json = {}
    occurrences: tuple[OccurrenceWrite, ...] = ()


class ShotRecord(_Record):
    """A shot as it was last asked for, with its occurrences in every cut."""

    id: str
    name: str
    cut: str
    op_class: OperationClass
    placement: Placement
    media: str
    rate: Rate
    drop: bool
    need: FrameRange
    ask: Ask
    spec: Json
    created_at: AwareDatetime
    changed_at: AwareDatetime
    occurrences: tuple[OccurrenceRecord, ...] = ()
    #: Ranges of every plate cut or to be cut for it, oldest first.
    plates: tuple[PlateRecord, ...] = ()

    @property
    def brief(self) -> Brief:
        """The words it will be judged by."""
        return self.ask.brief


class PlateWrite(Value):
    """A plate that is needed; the one that fits in media, range and rate is used if there is one."""

    media: str
    range: FrameRange
    rate: Rate
    drop: bool = False
    encoding: str = "unknown"
    #: Set for plates pulled elsewhere; else the prepare step sets it (`shots.set_plate`).
    path: str | None = None
    sha256: str | None = None
    spec: Json = {}


class PlateRecord(PlateWrite, _Record):
    """p001, p002 … of a shot."""

    id: str
    shot_id: str
    number: int
    created_at: AwareDatetime

    @property
    def name(self) -> str:
        """`p001`."""
        return plate_name(self.number)


# ---------------------------------------------------------------- takes, parts, calls


class Wanted(Value):
    """One request of one shot, and how many takes of it there should be."""

    shot: ShotWrite
    plate: PlateWrite | None = None
    request: Request
    #: There should be this many takes of this request in all …
    takes: int = Field(default=1, ge=0)
    #: … and this many beyond those that are.
    more: int = Field(default=0, ge=0)
    #: Worst case of one take, all its parts; reserved for each new one.
    hold_each: Money
    parts: int = Field(default=1, ge=1)
    #: Parts run one after the other, each from the last frame of the one before.
    chained: bool = False
    #: As chosen (the request keeps what was asked).
    provider: str
    model: str
    account: str = "default"
    priority: int = 0
    temp: bool = False
    #: The take this one is made from.
    parent_id: str | None = None
    provenance: Json = {}
    #: Where the first step belongs.
    queue: str = "cpu"


class TakeRecord(_Record):
    """One attempt at a shot."""

    id: str
    shot_id: str
    #: The shot's name.
    shot: str
    number: int
    plate_id: str | None
    parent_id: str | None
    request: Request
    request_hash: str
    ordinal: int
    #: Base seed + ordinal - 1.
    seed: int | None
    provider: str
    model: str
    account: str
    parts: int
    chained: bool
    temp: bool
    priority: int
    state: TakeState
    #: Where `retry` goes on.
    resume_state: TakeState | None
    #: Why it failed, as a stable word.
    code: str | None
    #: Why it is where it is, in words.
    why: str
    wait_code: WaitCode | None
    queue: str
    due_at: AwareDatetime | None
    token: int
    lease_owner: str | None
    lease_until: AwareDatetime | None
    tries: int
    cancel_asked_at: AwareDatetime | None
    #: Worst case of the whole take.
    hold: int
    #: Reserved in the budgets on its behalf, calls under way included.
    held: int
    spent: int
    currency: str
    provenance: Json
    result: Json
    author: str
    created_at: AwareDatetime
    changed_at: AwareDatetime

    @property
    def name(self) -> str:
        """`v003`."""
        return take_name(self.number)

    @property
    def label(self) -> str:
        """`SC010_0010/v003`."""
        return f"{self.shot}/{self.name}"

    @property
    def spent_money(self) -> Money:
        """What it has cost so far."""
        return Money(micro=self.spent, currency=self.currency)

    @property
    def held_money(self) -> Money:
        """What is reserved for it."""
        return Money(micro=self.held, currency=self.currency)


class Dispatched(Value):
    """What T1 did."""

    edit: EditRecord | None
    #: Every take of every wanted request, in the order wanted, new and old.
    takes: tuple[TakeRecord, ...]
    #: Ids of those made now.
    created: frozenset[str]
    #: What was reserved for them.
    held: Money

    @property
    def new(self) -> tuple[TakeRecord, ...]:
        """The takes made now."""
        return tuple(take for take in self.takes if take.id in self.created)


class PartRecord(_Record):
    """One part of a take: one call, one file."""

    take_id: str
    part: int
    state: TakeState
    file: str | None
    sha256: str | None
    result: Json


class CallRecord(_Record):
    """One paid request, with what the poller needs of its take."""

    uuid: str
    take_id: str
    part: int
    n: int
    provider: str
    account: str
    fingerprint: str
    state: CallState
    again: bool
    intent_at: AwareDatetime
    #: Nobody can still be sending it after this.
    quiet_at: AwareDatetime
    sender: str | None
    remote_id: str | None
    accepted_at: AwareDatetime | None
    due_at: AwareDatetime | None
    asked_at: AwareDatetime | None
    asks: int
    fraction: float | None
    #: Worst case, what is still held of it, what it cost.
    hold: int
    held: int
    spent: int
    currency: str
    settled_at: AwareDatetime | None
    settled_by: str | None
    why: str
    detail: Json
    model: str
    shot: str
    number: int
    take_state: TakeState
    cancel_asked_at: AwareDatetime | None

    @property
    def label(self) -> str:
        """`SC010_0010/v003` of its take."""
        return f"{self.shot}/{take_name(self.number)}"


class Receipt(Value):
    """What became of an answer that carried a remote id."""

    call: CallRecord
    take: TakeRecord
    #: The ledger believed it was not sent; it is booked and asked after all the same.
    orphan: bool = False
    #: It contradicts what stands in the ledger (another remote id); noted as an event, nothing changed.
    conflict: bool = False


class StaleSending(Value):
    """A take whose sender's lease ran out between intent and answer: somebody has to judge it."""

    take: TakeRecord
    call: CallRecord
    #: Who was sending; None where the ledger never heard of it.
    holder: ProcessRecord | None

    @property
    def holder_dead(self) -> bool:
        """Whether the sender is *known* dead, not merely silent."""
        return self.holder is not None and self.holder.gone_at is not None


class Asked(Value):
    """One call that was asked after, and when to ask again (None: not by itself)."""

    uuid: str
    due_in: float | None
    fraction: float | None = None


class UploadRecord(_Record):
    """An input that lies at a provider."""

    id: str
    provider: str
    account: str
    content: str
    handle: str
    expires_at: AwareDatetime | None
    created_at: AwareDatetime


# ---------------------------------------------------------------- money, decisions, processes


class BudgetRecord(_Record):
    """A cap, and what is held and spent under it."""

    scope: str
    currency: str
    cap: int
    held: int
    spent: int
    changed_at: AwareDatetime

    @property
    def free(self) -> Money:
        """What may still be reserved."""
        return self.money(max(0, self.cap - self.held - self.spent))

    def money(self, micro: int) -> Money:
        """An amount in this budget's currency."""
        return Money(micro=micro, currency=self.currency)


class Spend(_Record):
    """What one provider's account has cost and holds, by shot."""

    provider: str
    account: str
    shot: str
    currency: str
    held: int
    spent: int
    calls: int


class ReviewRecord(_Record):
    """What people think of a take."""

    take_id: str
    state: ReviewState
    note: str
    author: str
    at: AwareDatetime


class PickRecord(_Record):
    """The take an editor wants to see; `occurrence_id` is empty for the whole shot."""

    shot_id: str
    occurrence_id: str
    take_id: str
    author: str
    at: AwareDatetime


class EventRecord(_Record):
    """One change, as it was made."""

    id: int
    at: AwareDatetime
    who: str
    kind: str
    shot_id: str | None
    take_id: str | None
    call_uuid: str | None
    from_state: str | None
    to_state: str | None
    why: str
    data: Json


class ProcessWrite(Value):
    """A running process; `id` owns its leases."""

    id: str
    kind: str
    host: str
    pid: int
    #: The operating system's start time in microseconds.
    started: int
    queues: tuple[str, ...] = ()
    #: Media root -> what it can do there ("rw", "ro", "missing").
    roots: dict[str, str] = {}
    detail: Json = {}


class ProcessRecord(ProcessWrite, _Record):
    """A process as it was last seen."""

    seen_at: AwareDatetime
    #: Known dead since.
    gone_at: AwareDatetime | None


ShotRecord.model_rebuild()
StaleSending.model_rebuild()
