"""Against the ledger: what is covered, what needs work and why, what would be sent, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, RefusedInput
from otio_bridge.media.files import sha256
from otio_bridge.model.choice import Choice as ShotChoice
from otio_bridge.model.conform import Raster, Submission
from otio_bridge.model.diff import ChangeWord, Shown, changes
from otio_bridge.model.frames import source_frame
from otio_bridge.model.identify import Identified, identify
from otio_bridge.model.media import MediaInfo, MediaKind, first_frame
from otio_bridge.model.money import Money
from otio_bridge.model.naming import propose_names
from otio_bridge.model.raster import target_raster
from otio_bridge.model.request import Operation, OperationClass, Reference, Request, Role
from otio_bridge.model.shot import Occurrence, ShotNote, ShotSpec
from otio_bridge.model.take import plate_name
from otio_bridge.model.time import FrameRange
from otio_bridge.model.value import Value
from otio_bridge.store import money
from otio_bridge.store.records import PlateRecord, ShotRecord, TakeRecord
from otio_bridge.timeline.load import Edit
from otio_bridge.workflow import choose
from otio_bridge.workflow.colour import in_display
from otio_bridge.workflow.inputs import take_named
from otio_bridge.workflow.known import Held, held, known_shot, paired, shows_in
from otio_bridge.workflow.plates import PlateNotes, interpolated, plate_key
from otio_bridge.workflow.pulled import plate_for, pulled_media
from otio_bridge.workflow.reading import Look, clips, looker, open_edit, specs


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
    found = list(specs(edit, app.settings, choice, look))
    everything = clips(edit, look)
    cut = cut or edit.cut
    ledger = held(app)
    records = ledger.shots
    identified = identify(everything, [known_shot(record, ledger.takes) for record in records], cut=cut)
    by_id = {record.id: record for record in records}
    matched = [by_id.get(_owner(spec, identified) or "") for spec in found]
    names = propose_names(
        [record.name if record else spec.name for spec, record in zip(found, matched, strict=True)],
        taken={record.name for record in records},
        pattern=app.settings.project.naming,
        project=app.settings.project.name,
        cut=cut,
    )
    wish = Wish(
        takes=takes_each, more=more, allow_proxy=allow_proxy, pulled=pulled_media(plates) if plates else ()
    )
    planned = [
        _one(app, spec.model_copy(update={"name": name}), record, ledger, cut, look, wish)
        for spec, record, name in zip(found, matched, names, strict=True)
    ]
    seen = {record.id for record in matched if record is not None} | set(identified.shots())
    omitted = tuple(record.name for record in records if shows_in(record, cut) and record.id not in seen)
    result = Plan(edit=edit, cut=cut, shots=planned, omitted=omitted, occurrences=everything)
    result.report = _report(app, result)
    return result


def _owner(spec: ShotSpec, identified: Identified) -> str | None:
    """The known shot this spec's clips are, if they are one. Raises RefusedInput where they are several."""
    owners: set[str] = set()
    for occurrence in spec.occurrences:
        candidates = identified.candidates(occurrence.address)
        if len(candidates) > 1:
            raise RefusedInput(
                f"clip {occurrence.name!r} could be several shots",
                value=", ".join(sorted(candidates)),
                next="give it a name: name=SHOT in its mark",
            )
        owners |= set(candidates)
    if len(owners) > 1:
        raise RefusedInput(
            "one request covers clips of several shots",
            value=", ".join(sorted(owners)),
            next="give each clip a mark of its own",
        )
    return next(iter(owners), None)


def _one(
    app: App, spec: ShotSpec, known: ShotRecord | None, ledger: Held, cut: str, look: Look, wish: Wish
) -> Planned:
    """Hold one shot against what the ledger has of it."""
    plates = [plate for plate in known.plates if plate.media == plate_key(spec)] if known else []
    entry = PlanEntry(
        name=spec.name or "",
        shot_id=known.id if known else None,
        spec=spec,
        changes=_words(spec, known, cut, [plate.range for plate in plates]),
        takes=(),
        to_send=0,
    )
    planned = Planned(entry=entry, known=known, plate=None, more=wish.more)
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
        and not wish.allow_proxy
        and spec.op_class is OperationClass.SOURCE
    ):
        refused = refused or "its media is marked as a proxy (--allow-proxy sends it all the same)"
    if refused:
        planned.entry = entry.model_copy(update={"refused": refused})
        return planned
    mine = ledger.takes.get(known.id, []) if known else []
    try:
        _fill(app, planned, spec, look, plates, mine, wish.takes or spec.ask.takes, wish.more)
    except BridgeError as exc:
        planned.entry = planned.entry.model_copy(update={"refused": str(exc), "to_send": 0})
        planned.request = None
    return planned


def _words(
    spec: ShotSpec, known: ShotRecord | None, cut: str, ranges: Sequence[FrameRange]
) -> tuple[ChangeWord, ...]:
    """The change words of all occurrences of a shot, each against what it was when this cut was last sent."""
    asked, found = ask_key(spec), list[ChangeWord]()
    then_key = ask_key(ShotSpec.model_validate(known.spec)) if known and known.spec else ""
    for occurrence, old in paired(spec.occurrences, known, cut):
        then = None
        if old is not None:
            shown = Shown.of(Occurrence.model_validate(old.spec), spec.op_class, request=then_key)
            then = shown.model_copy(update={"omitted": not old.present})
        found += changes(then, Shown.of(occurrence, spec.op_class, request=asked), ranges)
    words = tuple(dict.fromkeys(found))
    return tuple(word for word in words if word is not ChangeWord.UNCHANGED) or (ChangeWord.UNCHANGED,)


def ask_key(spec: ShotSpec) -> str:
    """Text equal for equal asks: the request without its plate."""
    nowhere = FrameRange(start=0, duration=0)
    return build_request(spec, nowhere, Raster(width=1, height=1), spec.ask.references).digest()


def _fill(
    app: App,
    planned: Planned,
    spec: ShotSpec,
    look: Look,
    plates: Sequence[PlateRecord],
    mine: Sequence[TakeRecord],
    asked: int,
    more: int,
) -> None:
    """Find the plate, the request and its takes; price what is missing."""
    info = planned.pulled or (look(spec.media) if spec.media is not None else None)
    planned.info = info
    raster = plate_raster(app, spec, info)
    target = target_raster(raster, spec.ask.operation, spec.ask.options.get("size", "same"))
    references = resolved(app, planned.known, spec)
    serving = [plate for plate in plates if plate.rate == spec.rate and plate.range.contains(spec.need)]
    requests = {plate.id: build_request(spec, plate.range, target, references) for plate in serving}
    counted = {
        plate.id: [take for take in mine if take.request_hash == requests[plate.id].digest()]
        for plate in serving
    }
    plate = max(serving, key=lambda entry: (len(counted[entry.id]), entry.number), default=None)
    if parent := spec.ask.options.get("parent"):
        plate = parents_plate(app, planned.known, serving, parent)
    planned.plate = plate
    if plate is None:
        pulled = planned.pulled
        planned.new_plate = pulled.range if pulled is not None else _plate_range(spec, references)
        request, existing = build_request(spec, planned.new_plate, target, references), []
        every = planned.known.plates if planned.known else ()
        number = max((old.number for old in every), default=0) + 1
    else:
        request, existing, number = requests[plate.id], counted[plate.id], plate.number
    count = max(0, asked - len(existing)) + more
    planned.request = request
    changes_ = {
        "takes": tuple(f"{take.name} {take.state}" for take in existing),
        "to_send": count,
        "plate": plate_name(number),
    }
    planned.entry = planned.entry.model_copy(update=changes_)
    if count == 0:
        return
    planned.notes = PlateNotes.of(plate) if plate is not None else plate_notes(planned, spec, request.plate)
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


def parents_plate(
    app: App, known: ShotRecord | None, serving: Sequence[PlateRecord], parent: str
) -> PlateRecord:
    """The plate of the take another is to be made from. Raises RefusedInput where it cannot be."""
    take = take_named(app, known, parent)
    if take is None or known is None or take.shot_id != known.id:
        raise RefusedInput(
            "no such take of this shot to make another from",
            value=f"parent={parent}",
            next="otio-bridge takes",
        )
    plate = next((entry for entry in serving if entry.id == take.plate_id), None)
    if plate is None:
        raise RefusedInput(f"{take.label} does not hold what the clip needs now", value=f"parent={parent}")
    return plate


def plate_raster(app: App, spec: ShotSpec, info: MediaInfo | None) -> Raster:
    """The raster of the shot's plate: its media's, else the project's. Raises RefusedInput where neither is known."""
    if info is not None:
        return Raster(width=info.width, height=info.height, pixel_aspect=info.pixel_aspect)
    project = app.settings.project
    if project.width is None or project.height is None:
        raise RefusedInput(
            f"{spec.name} has no media, and the project does not say what raster to make",
            allowed="[project] width, height and pixel_aspect in otio-bridge.toml",
            next="otio-bridge init",
        )
    return Raster(width=project.width, height=project.height, pixel_aspect=project.pixel_aspect)


def build_request(
    spec: ShotSpec, plate: FrameRange, target: Raster, references: tuple[Reference, ...]
) -> Request:
    """The request a spec makes on a plate of this range."""
    ask = spec.ask
    options = {key: value for key, value in ask.options.items() if key not in ("max_cost", "parent")}
    return Request(
        operation=ask.operation,
        provider=ask.provider,
        model=ask.model,
        prompt=ask.prompt,
        negative_prompt=ask.negative_prompt,
        seed=ask.seed,
        references=references,
        options=options,
        parent=ask.options.get("parent"),
        media=spec.media_identity,
        plate=plate,
        rate=spec.rate,
        width=target.width,
        height=target.height,
    )


def resolved(app: App, known: ShotRecord | None, spec: ShotSpec) -> tuple[Reference, ...]:
    """The references with their content's hash; an `animate` without a first picture starts from the plate.

    Raises RefusedInput for a file that is not there.
    """
    references = list(spec.ask.references)
    roles = {reference.role for reference in references}
    if (
        spec.ask.operation is Operation.ANIMATE
        and Role.FIRST not in roles
        and spec.media is not None
        and spec.media.has_pictures
    ):
        references.insert(0, Reference(role=Role.FIRST, source="plate"))
    done: list[Reference] = []
    for reference in references:
        content: str | None = None
        other = take_named(app, known, reference.source)
        if reference.source == "plate":
            content = None  # the plate's media and range are in the request already
        elif other is not None:
            content = f"take:{other.id}"
        else:
            path = Path(reference.source)
            path = path if path.is_absolute() else app.settings.folder / path
            if not path.is_file():
                raise RefusedInput(
                    f"the {reference.role} reference of {spec.name} is not there",
                    value=reference.source,
                    allowed="a file (relative to the project), plate, vNNN or SHOT/vNNN",
                )
            content = sha256(path)
        done.append(reference.model_copy(update={"content": content}))
    return tuple(done)


def _plate_range(spec: ShotSpec, references: tuple[Reference, ...]) -> FrameRange:
    """Need and handles; no head handle where a first picture belongs on the first frame (design §5)."""
    if spec.op_class is OperationClass.RECORD and any(ref.role is Role.FIRST for ref in references):
        return FrameRange.between(spec.need.start, spec.plate.end)
    return spec.plate


def plate_notes(planned: Planned, spec: ShotSpec, plate: FrameRange) -> PlateNotes:
    """How a new plate of this range is to be made."""
    ref, info = spec.media, planned.info
    notes = PlateNotes(
        op_class=spec.op_class,
        media=ref,
        shown=_shown(spec),
        deinterlace=spec.ask.options.get("deinterlace") in ("yes", "true", "1"),
        source_reel=ref.reel if ref else None,
    )
    if planned.pulled is not None:
        return notes.model_copy(update={"info": planned.pulled, "pulled": True})
    if ref is None or info is None or info.kind is MediaKind.STILL:
        return notes
    has = FrameRange(start=first_frame(ref, info), duration=info.frames)
    if spec.ask.operation is Operation.INTERPOLATE and spec.op_class is OperationClass.RECORD:
        source, first, step = interpolated(spec.occurrences[0].span, plate, has)
        return notes.model_copy(update={"source": source, "first": first, "step": step})
    if spec.op_class is not OperationClass.SOURCE:
        return notes
    return notes.model_copy(
        update={
            "before": max(0, plate.start - has.start),
            "after": max(0, has.end - plate.end),
        }
    )


def _shown(spec: ShotSpec) -> tuple[int, int] | None:
    """The source frames at the first and the last record frame of the shot's first occurrence."""
    if spec.media is None or not spec.occurrences:
        return None
    span, available = spec.occurrences[0].span, spec.media.available
    last = max(0, span.n + span.tail - 1)
    return source_frame(span, -span.head, available), source_frame(span, last, available)


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
