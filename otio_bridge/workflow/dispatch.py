"""Send what the plan says: shots, plates, takes and money in one transaction, then nudges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import Choice as ShotChoice
from otio_bridge.model.conform import Join
from otio_bridge.model.diff import need_of
from otio_bridge.model.encoding import encoding_of
from otio_bridge.model.money import Money
from otio_bridge.model.request import canonical_json
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.take import TakeState
from otio_bridge.model.value import Value
from otio_bridge.store import reviews, shots, takes
from otio_bridge.store.records import (
    EditWrite,
    OccurrenceWrite,
    PlateWrite,
    ShotRecord,
    ShotWrite,
    TakeRecord,
    Wanted,
)
from otio_bridge.workflow.known import copied_from, paired
from otio_bridge.workflow.plan import Plan, PlanEntry, Planned, PlanReport, plan
from otio_bridge.workflow.plates import plate_key
from otio_bridge.workflow.pulled import digest
from otio_bridge.workflow.requests import plate_notes


class SentTake(Value):
    """A take as `send` reports it."""

    id: str
    take: str
    shot: str
    state: TakeState
    provider: str
    model: str
    new: bool
    why: str = ""


class SendReport(Value):
    """What `send EDIT` did."""

    plan: PlanReport
    takes: tuple[SentTake, ...]
    held: Money
    #: Labels of takes that did not become READY (after `--wait`).
    failed: tuple[str, ...] = ()


def send(
    app: App,
    path: Path,
    *,
    choice: ShotChoice,
    rate: Fraction | None = None,
    cut: str | None = None,
    takes_each: int | None = None,
    more: int = 0,
    plates: Path | None = None,
    allow_proxy: bool = False,
) -> SendReport:
    """Dispatch what `plan` says. Two sends at once make one set of takes and never pass a cap.

    Raises RefusedInput where nothing that was asked for can be sent, MoneyError where a cap forbids it;
    nothing is written then.
    """
    result = plan(
        app,
        path,
        choice=choice,
        rate=rate,
        cut=cut,
        takes_each=takes_each,
        more=more,
        allow_proxy=allow_proxy,
        plates=plates,
    )
    assert result.report is not None
    refused = [planned.entry for planned in result.shots if planned.entry.refused]
    if result.shots and len(refused) == len(result.shots):
        raise RefusedInput(
            "nothing here can be sent",
            value="; ".join(f"{entry.name}: {entry.refused}" for entry in refused),
            next="otio-bridge plan " + path.name,
        )
    shots_ = shot_writes(app, result)
    wanted = [
        wanted_of(app, result, planned, shots_[planned.entry.name])
        for planned in result.shots
        if planned.request is not None
    ]
    edit = edit_write(result)
    done = takes.dispatch(
        app.ledger, wanted, author=app.author, edit=edit, currency=app.settings.money.currency
    )
    remember(app, result, edit, [one.shot for one in wanted])
    for queue in sorted({take.queue for take in done.new}):
        app.nudge(queue, sum(1 for take in done.new if take.queue == queue))
    return SendReport(
        plan=result.report,
        held=done.held,
        takes=tuple(sent_take(take, new=take.id in done.created) for take in done.takes),
    )


def sent_take(take: TakeRecord, *, new: bool = False) -> SentTake:
    """A take for a report."""
    return SentTake(
        id=take.id,
        take=take.name,
        shot=take.shot,
        state=take.state,
        provider=take.provider,
        model=take.model,
        new=new,
        why=take.why if take.state is TakeState.FAILED else "",
    )


def edit_write(result: Plan) -> EditWrite:
    """The edit as the ledger keeps it."""
    edit = result.edit
    return EditWrite(
        cut=result.cut,
        name=edit.path.name,
        path=str(edit.path.absolute()),
        format=edit.format,
        sha256=edit.sha256,
        rate=edit.rate,
        drop=edit.drop,
        start=edit.start,
    )


def wanted_of(app: App, result: Plan, planned: Planned, shot: ShotWrite) -> Wanted:
    """One shot of the plan as T1 takes it."""
    entry, request = planned.entry, planned.request
    assert request is not None
    spec = entry.spec
    nothing = Money(micro=0, currency=app.settings.money.currency)
    plate = planned.plate.range if planned.plate is not None else request.plate
    pulled = planned.pulled if planned.plate is None else None
    notes = planned.notes or plate_notes(spec, plate, planned.info, pulled=pulled is not None)
    provider = app.settings.providers.get(entry.provider)
    return Wanted(
        shot=shot,
        plate=PlateWrite(
            media=plate_key(spec),
            range=plate,
            rate=spec.rate,
            drop=spec.drop,
            encoding=planned.plate.encoding
            if planned.plate is not None
            else encoding_of(planned.info, app.settings.project.encoding),
            spec=notes.model_dump(mode="json"),
            path=pulled.path if pulled else None,
            sha256=digest(pulled) if pulled else None,
        ),
        request=request,
        takes=len(entry.takes) + entry.to_send - planned.more,
        more=planned.more if entry.to_send else 0,
        hold_each=entry.each or nothing,
        parts=len(planned.submission.parts) if planned.submission else 1,
        chained=planned.submission is not None and planned.submission.join is Join.CHAIN,
        provider=entry.provider or request.provider,
        model=entry.model or request.model,
        account=provider.account if provider else "default",
        priority=spec.ask.priority,
        temp=planned.choice is not None and planned.choice.capability.temp,
        provenance=provenance(result, entry, planned),
    )


def provenance(result: Plan, entry: PlanEntry, planned: Planned) -> dict[str, object]:
    """What made a take, kept with it: who was asked what, for which clip of which edit, and how it goes out."""
    spec = entry.spec
    return {
        "edit": result.edit.path.name,
        "cut": result.cut,
        "shot": entry.name,
        "why": spec.why,
        "why_provider": entry.why_provider,
        "ask": spec.ask.model_dump(mode="json"),
        "op_class": spec.op_class.value,
        "need": spec.need.model_dump(mode="json"),
        "submission": planned.submission.model_dump(mode="json") if planned.submission else None,
    }


def shot_writes(app: App, result: Plan) -> dict[str, ShotWrite]:
    """By name, every shot as the ledger keeps it, with every clip that shows it; several requests are one shot."""
    groups: dict[str, list[Planned]] = defaultdict(list)
    for planned in result.shots:
        if planned.request is not None or planned.known is not None:
            groups[planned.entry.name].append(planned)
    return {name: _shot_write(app, result, group) for name, group in groups.items()}


def _shot_write(app: App, result: Plan, group: Sequence[Planned]) -> ShotWrite:
    spec, known = group[0].entry.spec, group[0].known
    clips = {clip.address: clip for planned in group for clip in planned.entry.spec.occurrences}
    need = spec.need
    for planned in group[1:]:
        need = need.union(planned.entry.spec.need)
    spec = spec.model_copy(update={"occurrences": tuple(clips.values()), "need": need})
    shot_id = known.id if known else str(uuid4())
    return ShotWrite(
        id=shot_id,
        name=group[0].entry.name,
        cut=known.cut if known else result.cut,
        op_class=spec.op_class,
        placement=spec.placement,
        media=spec.media_identity,
        rate=spec.rate,
        drop=spec.drop,
        need=need,
        ask=spec.ask,
        spec=spec.model_dump(mode="json"),
        occurrences=_occurrences(app, result, group[0].entry.name, known, clips.values()),
    )


def _occurrences(
    app: App, result: Plan, name: str, known: ShotRecord | None, clips: Iterable[Occurrence]
) -> tuple[OccurrenceWrite, ...]:
    """Clips as the ledger keeps them. A new one's id says what it is, so that two sends at once make it once."""
    used = {old.id for old in known.occurrences} if known else set()
    made: list[OccurrenceWrite] = []
    for clip in clips:
        old = result.before.get(clip.address)
        text = canonical_json(
            [
                app.ledger.id,
                name,
                result.cut,
                clip.record.start,
                clip.address,
                clip.span.model_dump(mode="json"),
            ]
        )
        fresh = (str(uuid5(NAMESPACE_URL, f"{text}#{n}")) for n in count())
        key = old.id if old is not None else next(one for one in fresh if one not in used)
        used.add(key)
        made.append(occurrence_write(result, clip, key))
    return tuple(made)


def remember(app: App, result: Plan, edit: EditWrite, written: Sequence[ShotWrite]) -> None:
    """What the edit shows beside what it asks for: unmarked shots where they are now, left-out ones as gone, and
    the picks of clips that were cut up or copied."""
    mine = {one.id for one in written}
    others = [one for one in shot_writes(app, result).values() if one.id not in mine]
    for record, clips in result.unasked:
        shown = [clip.model_copy(update={"need": need_of(clip, record.op_class)}) for clip in clips]
        told = {clip.address: old for clip, old in paired(shown, record, result.cut) if old is not None}
        result.before = {**result.before, **told}
        fields = {key: getattr(record, key) for key in ShotWrite.model_fields if key != "occurrences"}
        occurrences = _occurrences(app, result, record.name, record, shown)
        others.append(ShotWrite(**fields, occurrences=occurrences))
    if others or result.omitted:
        shots.save_edit(
            app.ledger,
            edit,
            shots=[*written, *others] if result.omitted else others,
            complete=bool(result.omitted),
            author=app.author,
        )
    _inherit(app, result, [*written, *others])


def _inherit(app: App, result: Plan, written: Sequence[ShotWrite]) -> None:
    """A clip cut or copied from another keeps showing what that one was picked."""
    picks = {(row.shot_id, row.occurrence_id): row.take_id for row in reviews.picks(app.ledger)}
    known = {planned.known.id: planned.known for planned in result.shots if planned.known is not None}
    known |= {record.id: record for record, _ in result.unasked}
    for one in written if picks else ():
        record = known.get(one.id)
        for new in one.occurrences if record is not None else ():
            if record is None or any(old.id == new.id for old in record.occurrences):
                continue
            old = copied_from(Occurrence.model_validate(new.spec), record, result.cut)
            take_id = picks.get((record.id, old.id)) if old is not None else None
            if take_id is not None:
                reviews.pick(
                    app.ledger, takes.get(app.ledger, take_id), author=app.author, occurrence_id=new.id
                )


def occurrence_write(result: Plan, occurrence: Occurrence, key: str) -> OccurrenceWrite:
    """One clip as the ledger keeps it; the one it was before keeps its id, and so its picks."""
    return OccurrenceWrite(
        id=key,
        cut=result.cut,
        address=occurrence.address,
        track=occurrence.track,
        track_name=occurrence.track_name,
        name=occurrence.name,
        gap=occurrence.gap,
        enabled=occurrence.enabled,
        record=occurrence.record,
        rate=occurrence.timeline_rate,
        drop=occurrence.drop,
        span=occurrence.span,
        need=occurrence.need,
        media=occurrence.media.identity if occurrence.media else "none",
        token=occurrence.token,
        spec=occurrence.model_dump(mode="json"),
    )
