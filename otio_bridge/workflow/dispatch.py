"""Send what the plan says: shots, plates, takes and money in one transaction, then nudges."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from otio_bridge.app import App
from otio_bridge.errors import MoneyError, RefusedInput
from otio_bridge.model.choice import Choice as ShotChoice
from otio_bridge.model.conform import Join
from otio_bridge.model.encoding import encoding_of
from otio_bridge.model.money import Money
from otio_bridge.model.take import TakeState
from otio_bridge.model.value import Value
from otio_bridge.store import takes
from otio_bridge.store.records import (
    PlateWrite,
    ShotWrite,
    TakeRecord,
    Wanted,
)
from otio_bridge.workflow.plan import Plan, PlanReport, Wishes, plan
from otio_bridge.workflow.planned import PlanEntry, Planned
from otio_bridge.workflow.plates import plate_key
from otio_bridge.workflow.pulled import digest
from otio_bridge.workflow.requests import plate_notes
from otio_bridge.workflow.writes import edit_write, remember, shot_writes


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
    **wishes: Unpack[Wishes],
) -> SendReport:
    """Dispatch what `plan` says with the same wishes. Two sends at once make one set of takes and never pass a cap.

    Raises RefusedInput where nothing that was asked for can be sent, MoneyError where a cap, or a price alone,
    forbids it; nothing is written then.
    """
    result = plan(app, path, choice=choice, **wishes)
    assert result.report is not None
    if result.shots and all(planned.entry.refused for planned in result.shots):
        for_money = all(planned.money for planned in result.shots)
        raise (MoneyError if for_money else RefusedInput)(
            "nothing here can be sent",
            value="; ".join(f"{planned.entry.name}: {planned.entry.refused}" for planned in result.shots),
            next="otio-bridge plan " + path.name,
        )
    shots_ = shot_writes(app, result)
    wanted = [
        wanted_of(app, result, planned, shots_[planned.entry.name])
        for planned in result.shots
        if planned.request is not None
    ]
    edit = edit_write(result)
    money = app.settings.money
    done = takes.dispatch(
        app.ledger,
        wanted,
        author=app.author,
        edit=edit,
        currency=money.currency,
        shot_cap=Money.of(money.shot_budget, money.currency) if money.shot_budget else None,
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
        takes=planned.there + max(0, entry.to_send - planned.more),
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
