"""Changing a take's state inside a transaction: the one place that does it.

Every change of state goes through `shift`: it checks `model.take.MOVES`, zeroes the tries, gives the lease
back, releases money that is no longer needed, and writes the event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.sql.functions import count
from sqlalchemy.sql.functions import sum as sum_

from otio_bridge.errors import LedgerError
from otio_bridge.model.take import CallState, TakeState, WaitCode, may_move
from otio_bridge.store import events, money, parts, rows
from otio_bridge.store.records import TakeRecord
from otio_bridge.store.tables import call, take

#: Here nothing more will be bought; money not bound in a call is given back.
CLOSED = frozenset({TakeState.READY, TakeState.FAILED, TakeState.CANCELLED})
_FAILURES = frozenset({CallState.FAILED, CallState.REFUSED})
#: Calls whose end is not known.
OPEN_CALLS = frozenset({CallState.INTENT, CallState.ACCEPTED, CallState.UNCERTAIN})


def shift(
    conn: Connection,
    now: datetime,
    row: TakeRecord,
    to: TakeState,
    *,
    by: str,
    why: str = "",
    due_in: float | None = 0,
    wait_code: WaitCode | None = None,
    keep_lease: bool = False,
    **values: Any,
) -> TakeRecord:
    """Move a locked take. Raises LedgerError where `model.take.MOVES`, or an open call, does not allow it."""
    if not may_move(row.state, to):
        raise LedgerError(f"{row.label} cannot become {to}", value=row.state, next="otio-bridge status")
    if to in (TakeState.CANCELLED, TakeState.DONE) and open_calls(conn, row.id):
        raise LedgerError(f"{row.label} cannot become {to}: a call of it is open", value=row.state)
    values |= {
        "state": to,
        "tries": 0,
        "why": why,
        "wait_code": wait_code,
        "due_at": due_at(now, due_in),
        "changed_at": now,
    }
    if not keep_lease:
        values |= {"lease_owner": None, "lease_until": None}
    if to is not TakeState.FAILED:
        values |= {"code": None, "resume_state": None}
    if to in CLOSED:
        free = row.held - bound(conn, row.id)
        money.release(conn, row, free)
        values["held"] = row.held - free
    conn.execute(update(take).where(take.c.id == row.id).values(**values))
    events.write(
        conn,
        now,
        "move",
        who=by,
        why=why,
        shot_id=row.shot_id,
        take_id=row.id,
        from_state=row.state,
        to_state=to,
        data={key: str(values[key]) for key in ("queue", "wait_code", "code") if values.get(key)},
    )
    return rows.take_by_id(conn, row.id)


def follow(conn: Connection, now: datetime, row: TakeRecord, *, by: str, **more: Any) -> TakeRecord:
    """Bring a take to the state of its parts, after a call changed one of them.

    FAILED and CANCELLED stay until a person acts, and what is past DONE follows its own steps.
    """
    if row.state in CLOSED or row.state in (TakeState.DONE, TakeState.FETCHED, TakeState.CONFORMED):
        return row
    to = parts.state_of(row, parts.read(conn, row.id))
    if to is row.state:
        return row
    if row.state is TakeState.PREPARED and to in (TakeState.SUBMITTED, TakeState.DONE):
        # An answer that came after its request was cleared to be sent again.
        row = shift(conn, now, row, TakeState.SENDING, by=by, why="its answer came late")
    if row.state in (TakeState.SENDING, TakeState.UNCERTAIN) and to is TakeState.DONE:
        row = shift(conn, now, row, TakeState.SUBMITTED, by=by)
    if to is TakeState.FAILED:
        # Possibly by a part that failed while another was on its way.
        ends = [one for one in rows.calls_of_take(conn, row.id) if one.state in _FAILURES]
        last = max(ends, key=lambda one: one.n)
        more |= {"why": last.why, "code": last.detail.get("code"), "resume_state": TakeState.PREPARED}
    return shift(conn, now, row, to, by=by, **more)


def bound(conn: Connection, take_id: str) -> int:
    """Micro-units held by the take's calls."""
    total = conn.execute(select(sum_(call.c.held)).where(call.c.take_id == take_id)).scalar()
    return int(total or 0)


def open_calls(conn: Connection, take_id: str) -> int:
    """How many of the take's calls are on their way or under way."""
    mine = (call.c.take_id == take_id) & call.c.state.in_(OPEN_CALLS)
    return conn.execute(select(count()).select_from(call).where(mine)).scalar_one()


def due_at(now: datetime, due_in: float | None) -> datetime | None:
    """The moment `due_in` seconds from now; None stays None: when somebody says so."""
    return None if due_in is None else now + timedelta(seconds=due_in)
