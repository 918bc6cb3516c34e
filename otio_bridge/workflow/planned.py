"""One shot held against the ledger: what answers it already, what has to be made, with whom, at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, MoneyError, RefusedInput
from otio_bridge.model.conform import Submission
from otio_bridge.model.diff import ChangeWord, Shown, changes
from otio_bridge.model.media import MediaInfo
from otio_bridge.model.money import Money
from otio_bridge.model.raster import target_raster
from otio_bridge.model.request import CLASS_OF, Operation, OperationClass, Request
from otio_bridge.model.shot import Occurrence, ShotSpec
from otio_bridge.model.take import plate_name
from otio_bridge.model.time import FrameRange
from otio_bridge.model.value import Value
from otio_bridge.store.records import OccurrenceRecord, PlateRecord, ShotRecord, TakeRecord
from otio_bridge.workflow import choose
from otio_bridge.workflow.answering import answering, shared, why_more
from otio_bridge.workflow.claims import Claim, asked_before
from otio_bridge.workflow.colour import in_display
from otio_bridge.workflow.known import Held
from otio_bridge.workflow.plates import PlateNotes, plate_key
from otio_bridge.workflow.pulled import plate_for
from otio_bridge.workflow.reading import Look
from otio_bridge.workflow.requests import (
    ask_key,
    build_request,
    parent_raster,
    parents_plate,
    plate_notes,
    plate_range,
    plate_raster,
    resolved,
)
from otio_bridge.workflow.status import take_range


class PlanEntry(Value):
    """One shot of the plan."""

    name: str
    shot_id: str | None
    spec: ShotSpec
    changes: tuple[ChangeWord, ...]
    #: Takes that already answer this request and cover the need.
    takes: tuple[str, ...]
    to_send: int
    provider: str = ""
    model: str = ""
    why_provider: str = ""
    plate: str = ""
    #: Cost of one take and of all that would be sent, at worst.
    each: Money | None = None
    total: Money | None = None
    notes: tuple[str, ...] = ()
    #: Why it cannot be sent; empty when it can.
    refused: str = ""


#: The note of a shot whose media is not here (timeline.shots): the one refusal a pulled plate answers.
MISSING_MEDIA = "no-media"


@dataclass
class Planned:
    """A shot on its way to being dispatched: the entry, and what dispatch needs beyond it."""

    entry: PlanEntry
    known: ShotRecord | None
    plate: PlateRecord | None
    #: Takes there are of its request.
    there: int = 0
    #: The frames of a new plate; None where an old one serves.
    new_plate: FrameRange | None = None
    request: Request | None = None
    choice: choose.Choice | None = None
    submission: Submission | None = None
    info: MediaInfo | None = None
    #: The plate pulled elsewhere that serves it.
    pulled: MediaInfo | None = None
    more: int = 0
    #: How the plate is to be made.
    notes: PlateNotes | None = None
    #: New plates of the same shot that are counted before this one.
    late: int = 0
    #: It is refused for its price alone.
    money: bool = False


@dataclass(frozen=True)
class Wish:
    """What the caller asks of the whole plan."""

    takes: int | None = None
    more: int = 0
    allow_proxy: bool = False
    pulled: Sequence[MediaInfo] = ()


def hold(
    app: App,
    claim: Claim,
    before: Mapping[str, OccurrenceRecord],
    ledger: Held,
    cut: str,
    look: Look,
    wish: Wish,
    late: int,
) -> Planned:
    """Hold one shot against what the ledger has of it; `late` plates of it are new already."""
    spec, known = claim.spec, claim.known
    mine = ledger.takes.get(known.id, []) if known else []
    plates = [plate for plate in known.plates if plate.media == plate_key(spec)] if known else []
    entry = PlanEntry(
        name=spec.name or "",
        shot_id=known.id if known else None,
        spec=spec,
        changes=_words(spec, known, before, asked_before(known, ledger) if known else set(), plates, mine),
        takes=(),
        to_send=0,
    )
    planned = Planned(entry=entry, known=known, plate=None, more=wish.more, late=late)
    try:
        planned.pulled = plate_for(spec, wish.pulled)
    except RefusedInput as exc:
        planned.entry = entry.model_copy(update={"refused": str(exc)})
        return planned
    # A plate pulled elsewhere is the remedy for media that is not here.
    against = [note for note in spec.refused if planned.pulled is None or note.code != MISSING_MEDIA]
    refused = "; ".join(note.text for note in against)
    if (
        spec.media is not None
        and spec.media.proxy
        and planned.pulled is None
        and not wish.allow_proxy
        and spec.op_class is OperationClass.SOURCE
    ):
        refused = refused or "its media is marked as a proxy (--allow-proxy sends it all the same)"
    try:
        _fill(app, planned, spec, look, plates, mine, wish.takes or spec.ask.takes, wish.more, cut, refused)
    except BridgeError as exc:
        planned.entry = planned.entry.model_copy(update={"refused": refused or str(exc), "to_send": 0})
        planned.money = not refused and isinstance(exc, MoneyError)
        planned.request = None
    return planned


def _words(
    spec: ShotSpec,
    known: ShotRecord | None,
    before: Mapping[str, OccurrenceRecord],
    asked: set[str],
    plates: Sequence[PlateRecord],
    mine: Sequence[TakeRecord],
) -> tuple[ChangeWord, ...]:
    """The change words of all occurrences of a shot, each against what it was when this cut was last sent."""
    ids = {plate.id for plate in plates}
    ranges = [plate.range for plate in plates]
    ranges += [found for take in mine if take.plate_id in ids and (found := take_range(take)) is not None]
    if spec.op_class is OperationClass.STILL and ranges:
        ranges = [clip.need for clip in spec.occurrences]
    now = "asked" if known is None or ask_key(spec.ask) in asked else "asked anew"
    words: list[ChangeWord] = []
    for occurrence in spec.occurrences:
        old = before.get(occurrence.address)
        then = None
        if old is not None:
            shown = Shown.of(Occurrence.model_validate(old.spec), spec.op_class, request="asked")
            then = shown.model_copy(update={"omitted": not old.present})
        words += changes(then, Shown.of(occurrence, spec.op_class, request=now), ranges)
    told = tuple(word for word in ChangeWord if word in words and word is not ChangeWord.UNCHANGED)
    return told or (ChangeWord.UNCHANGED,)


def _fill(
    app: App,
    planned: Planned,
    spec: ShotSpec,
    look: Look,
    plates: Sequence[PlateRecord],
    mine: Sequence[TakeRecord],
    asked: int,
    more: int,
    cut: str,
    refused: str,
) -> None:
    """Find the plate, the request and its takes; price what is missing.

    What is `refused` for its media is refused only where something has to be made: raises RefusedInput then.
    """
    info = planned.pulled or (look(spec.media) if spec.media is not None else None)
    planned.info = info
    # Media that is not here just now has the raster its plates have.
    made_before = (found for plate in reversed(plates) if (found := PlateNotes.of(plate).info) is not None)
    raster = parent_raster(app, planned.known, spec) or plate_raster(
        app, spec, info or next(made_before, None)
    )
    target = target_raster(raster, spec.ask.operation, spec.ask.options.get("size", "same"))
    references = resolved(app, planned.known, spec)
    plates = [plate for plate in plates if plate.rate == spec.rate]
    requests = {plate.id: build_request(spec, plate.range, target, references) for plate in plates}
    made = {
        plate.id: [take for take in mine if take.request_hash == requests[plate.id].digest()]
        for plate in plates
    }
    plate, existing = answering(spec, plates, made, asked + more)
    if parent := spec.ask.options.get("parent"):
        plate = parents_plate(app, planned.known, spec, parent)
        existing = made.get(plate.id, [])
    planned.plate = plate
    if plate is None:
        every = planned.known.plates if planned.known else ()
        number = max((old.number for old in every), default=0) + 1 + planned.late
        wanted = plate_range(spec, references)
        planned.new_plate = (
            planned.pulled.range if planned.pulled else shared(spec, wanted, planned.known, cut)
        )
        request = build_request(spec, planned.new_plate, target, references)
    else:
        request, number = requests[plate.id], plate.number
        planned.there = len(made[plate.id])
    count = max(0, asked - len(existing)) + more
    planned.request = request
    # What lives in the cut has no plate of its own: nothing is cut for it.
    cut_from = spec.op_class is OperationClass.SOURCE or spec.ask.operation is Operation.INTERPOLATE
    changes_: dict[str, object] = {
        "takes": tuple(f"{take.name} {take.state}" for take in existing),
        "to_send": count,
        "plate": plate_name(number) if cut_from else "",
    }
    if plate is not None and count and not existing and planned.entry.changes == (ChangeWord.UNCHANGED,):
        # The words are the same and what they name is not: a reference's content, a size, the project's raster.
        changes_["changes"] = (ChangeWord.REASKED,)
    planned.entry = planned.entry.model_copy(update=changes_)
    if count == 0:
        return
    why = (
        ()
        if planned.known is None
        else why_more(planned.entry.changes, spec.need, plates, plate, len(existing), asked, more)
    )
    planned.entry = planned.entry.model_copy(update={"notes": why})
    if refused:
        raise RefusedInput(refused)
    planned.notes = (
        PlateNotes.of(plate)
        if plate is not None
        else plate_notes(spec, request.plate, info, pulled=planned.pulled is not None)
    )
    choice = choose.choose(app, request)
    # The media around the plate is not the picture of the take it is made from.
    pads = (0, 0) if request.parent else (planned.notes.before, planned.notes.after)
    op_class = CLASS_OF[request.operation] if request.parent else spec.op_class
    submission = choose.submission_for(choice, request, op_class, raster, target, pads)
    submission = in_display(app, spec, info, submission, local=choice.local)
    provider = app.providers.get(choice.provider)
    each = choose.worst_case(
        app, provider, choose.part_requests(choice, request, submission), spec.ask.options.get("max_cost", "")
    )
    planned.choice, planned.submission = choice, submission
    planned.entry = planned.entry.model_copy(
        update={
            "provider": choice.provider,
            "model": choice.model,
            "why_provider": choice.why,
            "each": each,
            "total": each.times(count),
            "notes": (*planned.entry.notes, *submission.notes),
        }
    )
