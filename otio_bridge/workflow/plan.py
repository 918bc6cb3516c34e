"""Against the ledger: what is covered, what needs work and why, what would be sent, at what cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, RefusedInput
from otio_bridge.model.choice import Choice as ShotChoice
from otio_bridge.model.conform import Submission
from otio_bridge.model.diff import ChangeWord, Shown, changes, need_of
from otio_bridge.model.identify import Identified, identify
from otio_bridge.model.media import MediaInfo
from otio_bridge.model.money import Money
from otio_bridge.model.naming import propose_names
from otio_bridge.model.raster import target_raster
from otio_bridge.model.request import OperationClass, Request
from otio_bridge.model.shot import Occurrence, ShotNote, ShotSpec
from otio_bridge.model.take import plate_name
from otio_bridge.model.time import FrameRange
from otio_bridge.model.value import Value
from otio_bridge.store import money
from otio_bridge.store.records import OccurrenceRecord, PlateRecord, ShotRecord, TakeRecord
from otio_bridge.timeline.load import Edit
from otio_bridge.workflow import choose
from otio_bridge.workflow.claims import Claim, asked_before, carried, claims, joined, of_original
from otio_bridge.workflow.colour import in_display
from otio_bridge.workflow.known import Held, held, known_shot, paired, restored, shows_in
from otio_bridge.workflow.plates import PlateNotes, plate_key
from otio_bridge.workflow.pulled import plate_for, pulled_media
from otio_bridge.workflow.reading import Look, clips, looker, open_edit, specs
from otio_bridge.workflow.requests import (
    ask_key,
    build_request,
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


class PlanReport(Value):
    """What `plan EDIT` says, and `send` does."""

    edit: str
    cut: str
    entries: tuple[PlanEntry, ...]
    omitted: tuple[str, ...]
    to_send: int
    total: Money
    budget: Money | None = None
    left: Money | None = None
    notes: tuple[ShotNote, ...] = ()


#: The note of a shot whose media is not here (timeline.shots): the one refusal a pulled plate answers.
MISSING_MEDIA = "no-media"


@dataclass
class Planned:
    """A shot on its way to being dispatched: the entry, and what dispatch needs beyond it."""

    entry: PlanEntry
    known: ShotRecord | None
    plate: PlateRecord | None
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


@dataclass(frozen=True)
class Wish:
    """What the caller asks of the whole plan."""

    takes: int | None = None
    more: int = 0
    allow_proxy: bool = False
    pulled: Sequence[MediaInfo] = ()


@dataclass
class Plan:
    """Everything `send` needs: the edit as read, and every shot."""

    edit: Edit
    cut: str
    shots: list[Planned]
    omitted: tuple[str, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    #: By address, what each clip was when this cut was last sent.
    before: Mapping[str, OccurrenceRecord] = field(default_factory=dict)
    #: Shots of the ledger that the edit shows without asking for them: their clips.
    unasked: tuple[tuple[ShotRecord, tuple[Occurrence, ...]], ...] = ()
    report: PlanReport | None = field(default=None)


def plan(
    app: App,
    path: Path,
    *,
    choice: ShotChoice,
    rate: Fraction | None = None,
    cut: str | None = None,
    takes_each: int | None = None,
    more: int = 0,
    allow_proxy: bool = False,
    plates: Path | None = None,
) -> Plan:
    """Read an edit and hold it against the ledger. Writes nothing.

    `plates` is a folder of plates pulled elsewhere, used instead of cutting them.

    Raises RefusedInput for an edit that cannot be read and for a clip that could be several shots.
    """
    edit = open_edit(app.settings, path, rate=rate)
    look = looker()
    everything = clips(edit, look)
    cut = cut or edit.cut
    ledger = held(app)
    records = ledger.shots
    identified = identify(everything, [known_shot(record, ledger.takes) for record in records], cut=cut)
    everything = restored(everything, identified, ledger)
    shown = {clip.address: clip for clip in everything}
    found = list(specs(edit, app.settings, choice, look))
    if not found and not choice.rows and not choice.select:
        rows = carried(everything, identified, ledger, cut)
        found = joined(specs(edit, app.settings, ShotChoice(rows=rows), look)) if rows else []
    handles = app.settings.project.handles
    claimed = claims([of_original(spec, shown, look, handles) for spec in found], identified, ledger)
    names = propose_names(
        [
            claim.known.name if claim.known else claim.spec.name
            for index, claim in enumerate(claimed)
            if claim.leader == index
        ],
        taken={record.name for record in records},
        pattern=app.settings.project.naming,
        project=app.settings.project.name,
        cut=cut,
    )
    leaders = dict(zip(sorted({claim.leader for claim in claimed}), names, strict=True))
    wish = Wish(
        takes=takes_each, more=more, allow_proxy=allow_proxy, pulled=pulled_media(plates) if plates else ()
    )
    before = pairs(claimed, cut)
    planned: list[Planned] = []
    for claim in claimed:
        claim.spec = claim.spec.model_copy(update={"name": leaders[claim.leader]})
        mine = [one for one in planned if one.entry.name == claim.spec.name] if claim.known else []
        planned.append(
            _one(app, claim, before, ledger, cut, look, wish, sum(one.plate is None for one in mine))
        )
    seen = {claim.known.id for claim in claimed if claim.known} | set(identified.shots())
    seen |= {key for entry in identified.ambiguous for key in entry.shot_ids}
    omitted = tuple(record.name for record in records if shows_in(record, cut) and record.id not in seen)
    result = Plan(edit=edit, cut=cut, shots=planned, omitted=omitted, occurrences=everything, before=before)
    result.unasked = unasked(records, identified, claimed, everything)
    result.report = _report(app, result)
    return result


def unasked(
    records: Sequence[ShotRecord],
    identified: Identified,
    claimed: Sequence[Claim],
    everything: Sequence[Occurrence],
) -> tuple[tuple[ShotRecord, tuple[Occurrence, ...]], ...]:
    """The shots an edit shows and does not ask for, with their clips: unmarked, and still there."""
    asked = {claim.known.id for claim in claimed if claim.known}
    by_shot: dict[str, list[Occurrence]] = defaultdict(list)
    for clip in everything:
        entry = identified.by_address.get(clip.address)
        if entry is not None and entry.shot_id not in asked:
            by_shot[entry.shot_id].append(clip)
    return tuple((record, tuple(by_shot[record.id])) for record in records if record.id in by_shot)


def pairs(claimed: Sequence[Claim], cut: str) -> dict[str, OccurrenceRecord]:
    """By address, what each clip was when this cut was last sent; all clips of a shot looked at together."""
    groups: dict[str, list[Claim]] = defaultdict(list)
    for claim in claimed:
        if claim.known is not None:
            groups[claim.known.id].append(claim)
    found: dict[str, OccurrenceRecord] = {}
    for group in groups.values():
        shown = {clip.address: clip for claim in group for clip in claim.spec.occurrences}
        told = paired(tuple(shown.values()), group[0].known, cut)
        found |= {clip.address: old for clip, old in told if old is not None}
    return found


def _one(
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
    raster = plate_raster(app, spec, info or next(made_before, None))
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
    count = max(0, asked - len(existing)) + more
    planned.request = request
    changes_: dict[str, object] = {
        "takes": tuple(f"{take.name} {take.state}" for take in existing),
        "to_send": count,
        "plate": plate_name(number),
    }
    if plate is not None and count and not existing and planned.entry.changes == (ChangeWord.UNCHANGED,):
        # The words are the same and what they name is not: a reference's content, a size, the project's raster.
        changes_["changes"] = (ChangeWord.REASKED,)
    planned.entry = planned.entry.model_copy(update=changes_)
    if count == 0:
        return
    if refused:
        raise RefusedInput(refused)
    planned.notes = (
        PlateNotes.of(plate)
        if plate is not None
        else plate_notes(spec, request.plate, info, pulled=planned.pulled is not None)
    )
    choice = choose.choose(app, request)
    pads = (planned.notes.before, planned.notes.after)
    submission = choose.submission_for(choice, request, spec.op_class, raster, target, pads)
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
            "notes": submission.notes,
        }
    )


def answering(
    spec: ShotSpec, plates: Sequence[PlateRecord], made: Mapping[str, Sequence[TakeRecord]], asked: int
) -> tuple[PlateRecord | None, list[TakeRecord]]:
    """The plate that serves a shot, and the takes that answer it already: nothing covered is made again.

    A plate serves by its own range; by what its takes hold beyond it (surplus) and, for a shot on several clips,
    clip by clip only where there are enough takes, since new ones would not hold more.
    """

    def holds(plate: PlateRecord, need: FrameRange) -> bool:
        # One picture is held as long as it is wanted.
        return spec.op_class is OperationClass.STILL or plate.range.contains(need)

    def holding(plate: PlateRecord, need: FrameRange) -> list[TakeRecord]:
        if holds(plate, need):
            return list(made[plate.id])
        held_ = ((take, take_range(take)) for take in made[plate.id])
        return [take for take, frames in held_ if frames is not None and frames.contains(need)]

    found = {plate.id: holding(plate, spec.need) for plate in plates}
    serving = [
        plate
        for plate in plates
        if holds(plate, spec.need) or (found[plate.id] and len(found[plate.id]) >= asked)
    ]
    if serving:
        best = max(serving, key=lambda plate: (len(found[plate.id]), plate.number))
        return best, found[best.id]
    best_of = [
        max(
            ((plate, holding(plate, clip.need)) for plate in plates),
            key=lambda pair: len(pair[1]),
            default=None,
        )
        for clip in spec.occurrences
    ]
    each = [pair for pair in best_of if pair is not None and len(pair[1]) >= asked]
    if each and len(each) == len(spec.occurrences):
        takes_ = {take.id: take for _, some in each for take in some}
        return each[0][0], sorted(takes_.values(), key=lambda take: take.number)
    return None, []


def shared(spec: ShotSpec, plate: FrameRange, known: ShotRecord | None, cut: str) -> FrameRange:
    """A new plate's range, stretched over what other cuts show of the shot where it meets it: made once."""
    needs = [
        need_of(Occurrence.model_validate(seen.spec), spec.op_class)
        for seen in (known.occurrences if known else ())
        if seen.cut != cut
        and seen.present
        and seen.media == spec.media_identity
        and seen.span.s == _speed(spec)
    ]
    for need in sorted(needs, key=lambda need: need.start):
        if need.start <= plate.end and plate.start <= need.end:
            plate = plate.union(need)
    return plate


def _speed(spec: ShotSpec) -> Fraction:
    return spec.occurrences[0].span.s


def _report(app: App, result: Plan) -> PlanReport:
    entries = tuple(planned.entry for planned in result.shots)
    total = Money(micro=0, currency=app.settings.money.currency)
    for entry in entries:
        total = total + entry.total if entry.total is not None else total
    budget = next((row for row in money.budgets(app.ledger) if row.scope == "project"), None)
    return PlanReport(
        edit=str(result.edit.path),
        cut=result.cut,
        entries=entries,
        omitted=result.omitted,
        to_send=sum(entry.to_send for entry in entries if not entry.refused),
        total=total,
        budget=budget.money(budget.cap) if budget else None,
        left=budget.free if budget else None,
        notes=result.edit.notes,
    )
