"""What every take is doing, in words a person can act on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import AwareDatetime

from otio_bridge.app import App
from otio_bridge.model.money import Money
from otio_bridge.model.request import CLASS_OF, Operation, OperationClass
from otio_bridge.model.take import CallState, ReviewState, TakeState, WaitCode
from otio_bridge.model.time import FrameRange
from otio_bridge.model.value import Value
from otio_bridge.store import calls, money, processes, reviews, takes
from otio_bridge.store.records import CallRecord, TakeRecord


class TakeLine(Value):
    """One take, as lists show it."""

    id: str
    shot: str
    take: str
    state: TakeState
    #: Finished part of the whole, 0 to 1, as far as anybody says.
    progress: float | None = None
    wait: WaitCode | None = None
    #: What is being done to it just now, in words; empty where nothing is, and `wait` or `why` says more.
    doing: str = ""
    #: Somebody asked for it to be given up, and it is not over yet.
    cancelling: bool = False
    why: str = ""
    code: str | None = None
    resume: TakeState | None = None
    provider: str
    model: str
    operation: str
    prompt: str
    seed: int | None
    review: ReviewState = ReviewState.UNREVIEWED
    temp: bool = False
    file: str | None = None
    range: FrameRange | None = None
    held: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    spent: Money
    #: The command that gets it going again; empty where nothing is needed.
    next: str = ""
    changed_at: AwareDatetime


class BudgetLine(Value):
    """A cap and what is left of it."""

    scope: str
    cap: Money
    held: Money
    spent: Money


class StatusReport(Value):
    """What `status` shows."""

    takes: tuple[TakeLine, ...]
    counts: dict[str, int]
    budgets: tuple[BudgetLine, ...]
    #: Running processes as `kind host pid`.
    processes: tuple[str, ...]
    open: int


def status(app: App, *, everything: bool = False) -> StatusReport:
    """Open and failed takes (all of them with `everything`), the budgets, and what is running."""
    rows = takes.by_state(app.ledger, TakeState)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    shown = [row for row in rows if everything or row.state not in (TakeState.READY, TakeState.CANCELLED)]
    return StatusReport(
        takes=lines(app, shown),
        counts=counts,
        budgets=tuple(
            BudgetLine(
                scope=row.scope, cap=row.money(row.cap), held=row.money(row.held), spent=row.money(row.spent)
            )
            for row in money.budgets(app.ledger)
        ),
        processes=tuple(
            f"{row.kind} {row.host} {row.pid}"
            for row in processes.alive(app.ledger, within=5 * app.settings.queue.lease)
        ),
        open=sum(1 for row in rows if row.state not in _ENDED),
    )


def lines(app: App, rows: Iterable[TakeRecord]) -> tuple[TakeLine, ...]:
    """Takes as lists show them."""
    reviewed = {take_id: row.state for take_id, row in reviews.reviews(app.ledger).items()}
    now = app.ledger.now()
    made: list[TakeLine] = []
    for row in rows:
        mine = calls.calls_of(app.ledger, row.id) if row.state in _WITH_CALLS else []
        made.append(
            TakeLine(
                id=row.id,
                shot=row.shot,
                take=row.name,
                state=row.state,
                progress=_progress(row, mine),
                wait=row.wait_code,
                doing=_doing(row, now),
                cancelling=row.cancel_asked_at is not None and row.state not in _ENDED,
                why=row.why,
                code=row.code,
                resume=row.resume_state,
                provider=row.provider,
                model=row.model,
                operation=row.request.operation,
                prompt=row.request.prompt,
                seed=row.seed,
                review=reviewed.get(row.id, ReviewState.UNREVIEWED),
                temp=row.temp,
                file=row.result.get("file"),
                range=take_range(row),
                held=tuple(row.result.get("held", ())),
                notes=tuple(row.result.get("notes", ())),
                spent=row.spent_money,
                next=what_next(row),
                changed_at=row.changed_at,
            )
        )
    return tuple(made)


def take_range(row: TakeRecord) -> FrameRange | None:
    """The frames a take holds on its shot's line; None before it is conformed."""
    if "start" not in row.result or "frames" not in row.result:
        return None
    return FrameRange(start=row.result["start"], duration=row.result["frames"])


_ENDED = (TakeState.READY, TakeState.FAILED, TakeState.CANCELLED)
_FOR_WORKERS = (
    TakeState.PLANNED,
    TakeState.PREPARED,
    TakeState.DONE,
    TakeState.FETCHED,
    TakeState.CONFORMED,
)
_WITH_CALLS = (TakeState.SENDING, TakeState.SUBMITTED, TakeState.UNCERTAIN)
#: How far along a state is, where the provider says nothing finer.
_SHARE = {
    TakeState.PLANNED: 0.0,
    TakeState.PREPARED: 0.1,
    TakeState.SENDING: 0.15,
    TakeState.SUBMITTED: 0.2,
    TakeState.DONE: 0.8,
    TakeState.FETCHED: 0.85,
    TakeState.CONFORMED: 0.95,
    TakeState.READY: 1.0,
}


#: What a worker does with a take it holds.
_AT_WORK = {
    TakeState.SENDING: "sending",
    TakeState.DONE: "fetching",
    TakeState.FETCHED: "conforming",
    TakeState.CONFORMED: "checking every frame",
}


def _doing(row: TakeRecord, now: datetime) -> str:
    if row.state is TakeState.SUBMITTED:
        return "at the provider"
    held = row.lease_owner is not None and row.lease_until is not None and row.lease_until > now
    if not held:
        return "" if row.wait_code or row.state not in _FOR_WORKERS else "waiting for a worker"
    if row.state is TakeState.PLANNED:
        operation = row.request.operation
        source = CLASS_OF[operation] is OperationClass.SOURCE or operation is Operation.INTERPOLATE
        return "cutting its plate" if source else "getting ready"
    if row.state is TakeState.PREPARED:
        # What is sent goes over the net, what is made here does not.
        return "sending" if row.queue == "net" else "being made"
    return _AT_WORK.get(row.state, "")


def _progress(row: TakeRecord, mine: list[CallRecord]) -> float | None:
    share = _SHARE.get(row.state)
    said = [call.fraction for call in mine if call.state is CallState.ACCEPTED and call.fraction is not None]
    return share + 0.6 * sum(said) / len(said) if share is not None and said else share


def what_next(row: TakeRecord) -> str:
    """The command to type, where one is needed."""
    if row.state is TakeState.FAILED:
        return f"otio-bridge retry {row.shot} {row.name}"
    if row.state is TakeState.UNCERTAIN:
        return f"otio-bridge resolve-uncertain {row.shot} {row.name} --sent REMOTE_ID | --not-sent"
    return ""


class TakesReport(Value):
    """What `takes` lists."""

    takes: tuple[TakeLine, ...]


def list_takes(app: App, shot: str | None = None) -> TakesReport:
    """Every take, or those of one shot."""
    rows = [row for row in takes.by_state(app.ledger, TakeState) if shot is None or row.shot == shot]
    return TakesReport(takes=lines(app, rows))
