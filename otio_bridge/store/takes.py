"""Takes: finding them, and moving them on (T5). Sending them is dispatch.py, claiming them leases.py,
what people decide about them decisions.py; all of it can be had from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, or_, select, update

from otio_bridge.errors import LedgerError
from otio_bridge.model.take import TakeState, WaitCode
from otio_bridge.store import events, parts, rows
from otio_bridge.store.decisions import ask_cancel, cancel_now, retry
from otio_bridge.store.dispatch import add, dispatch
from otio_bridge.store.leases import CLAIMABLE, claim, due, reclaim, renew, stale_sending
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import Json, TakeRecord
from otio_bridge.store.shift import due_at, shift
from otio_bridge.store.tables import shot, take

__all__ = [
    "CLAIMABLE",
    "add",
    "ask_cancel",
    "by_shot",
    "by_state",
    "cancel_now",
    "claim",
    "counts",
    "dispatch",
    "due",
    "find",
    "get",
    "move",
    "reclaim",
    "renew",
    "retry",
    "stale_sending",
    "wait",
]

#: States a take reaches by what became of its calls (calls.py), never by `move`.
_BY_CALL = frozenset({TakeState.SENDING, TakeState.SUBMITTED, TakeState.UNCERTAIN})


def get(ledger: Ledger, take_id: str) -> TakeRecord:
    """One take. Raises LedgerError where there is none."""
    with ledger.read() as conn:
        return rows.take_by_id(conn, take_id, lock=False)


def find(ledger: Ledger, shot_name: str, *, number: int) -> TakeRecord:
    """`SHOT vNNN`. Raises LedgerError where there is none."""
    found = [row for row in by_shot(ledger, shot_name) if row.number == number]
    if not found:
        raise LedgerError(
            "there is no such take", value=f"{shot_name} v{number:03d}", next="otio-bridge takes"
        )
    return found[0]


def by_shot(ledger: Ledger, wanted: str) -> list[TakeRecord]:
    """The takes of one shot (its id or its name), by number."""
    query = rows.takes().where(or_(shot.c.id == wanted, shot.c.name == wanted)).order_by(take.c.number)
    with ledger.read() as conn:
        return rows.read_takes(conn, query)


def by_state(ledger: Ledger, states: TakeState | Iterable[TakeState]) -> list[TakeRecord]:
    """Every take in one of the states, by shot and number."""
    wanted = [states] if isinstance(states, str) else list(states)
    query = rows.takes().where(take.c.state.in_(wanted)).order_by(shot.c.name, take.c.number)
    with ledger.read() as conn:
        return rows.read_takes(conn, query)


def counts(ledger: Ledger) -> dict[TakeState, int]:
    """How many takes are in each state."""
    query = select(take.c.state, func.count()).group_by(take.c.state)
    with ledger.read() as conn:
        return {TakeState(state): number for state, number in conn.execute(query)}


def move(
    ledger: Ledger,
    held: TakeRecord,
    to: TakeState,
    *,
    queue: str | None = None,
    due_in: float | None = 0,
    wait_code: WaitCode | None = None,
    why: str = "",
    result: Json | None = None,
    code: str | None = None,
    resume_state: TakeState | None = None,
    by: str | None = None,
) -> TakeRecord:
    """T5. Say what is finished: state, event, where the next step belongs and when it is due.

    The lease is given back, tries are zeroed, parts follow, money no longer needed is released. `result` is
    merged over what stands; `queue=None` keeps the queue; `due_in=None` waits for a person. A move that
    stands already (the same holder again) only updates queue, due time and result. Raises StaleMove where
    somebody else claimed or moved the take, LedgerError where the move is not legal or belongs to calls.py.
    """
    with ledger.write("T5") as conn:
        now = ledger.now(conn)
        row = rows.fenced(conn, held, any_state=True)
        values: dict[str, Any] = {"queue": queue or row.queue}
        if result is not None:
            values["result"] = {**row.result, **result}
        if row.state is to and held.state is not to:
            if row.lease_owner is None:
                values |= {"due_at": due_at(now, due_in), "wait_code": wait_code, "why": why or row.why}
                conn.execute(update(take).where(take.c.id == row.id).values(**values))
            return rows.take_by_id(conn, row.id)
        row = rows.fenced(conn, held)
        by_call = to in _BY_CALL or row.state in (TakeState.SENDING, TakeState.UNCERTAIN)
        if by_call and to is not TakeState.FAILED:
            raise LedgerError(f"{row.label} becomes {to} by its call, not by a move", value=row.state)
        if to is TakeState.FAILED:
            values |= {"code": code or "failed", "resume_state": resume_state or _resume(row.state)}
        parts.follow_move(conn, row, to)
        by = by or held.lease_owner or ""
        return shift(conn, now, row, to, by=by, why=why, due_in=due_in, wait_code=wait_code, **values)


def wait(
    ledger: Ledger,
    held: TakeRecord,
    *,
    wait_code: WaitCode,
    due_in: float | None,
    why: str,
    by: str | None = None,
) -> TakeRecord:
    """Let a take lie for `due_in` seconds (None: until `retry`) and say why; its state stays.

    The lease is given back and tries are zeroed: faults of the surroundings never fail a take. An event is
    written only where the reason is a new one. Raises StaleMove.
    """
    with ledger.write() as conn:
        now = ledger.now(conn)
        row = rows.fenced(conn, held)
        values = {"wait_code": wait_code, "due_at": due_at(now, due_in), "why": why, "tries": 0}
        free = {"lease_owner": None, "lease_until": None, "changed_at": now}
        conn.execute(update(take).where(take.c.id == row.id).values(**values, **free))
        if why != row.why:
            events.write(
                conn,
                now,
                "wait",
                who=by or held.lease_owner or "",
                why=why,
                take_id=row.id,
                shot_id=row.shot_id,
                from_state=row.state,
                to_state=row.state,
                data={"wait_code": wait_code},
            )
        return rows.take_by_id(conn, row.id)


def _resume(state: TakeState) -> TakeState:
    """Where a retry goes on after a failure in `state`."""
    return TakeState.PREPARED if state in _BY_CALL else state
