"""Changing a call's state and money inside a transaction: the one place that does it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from otio_bridge.errors import MoneyError, StaleMove
from otio_bridge.model.money import Money
from otio_bridge.model.take import CALL_MOVES, CallState, TakeState, WaitCode
from otio_bridge.store import events, money, rows
from otio_bridge.store.records import CallRecord, Json, Receipt, TakeRecord
from otio_bridge.store.tables import call, take

#: A part whose request has no answer yet (PREPARED: it was cleared to be sent again).
WAITING = frozenset({TakeState.PREPARED, TakeState.SENDING, TakeState.UNCERTAIN})


def turn(
    conn: Connection, now: datetime, one: CallRecord, to: CallState, by: str, why: str, **values: Any
) -> None:
    """Change a call's state, with its event. Raises StaleMove where it cannot become that any more."""
    if to not in CALL_MOVES[one.state]:
        raise StaleMove(f"a call of {one.label} is {one.state}", value=f"not {to}")
    conn.execute(update(call).where(call.c.uuid == one.uuid).values(state=to, why=why, **values))
    shot_id = select(take.c.shot_id).where(take.c.id == one.take_id)
    events.write(
        conn,
        now,
        "call",
        who=by,
        why=why,
        shot_id=conn.execute(shot_id).scalar_one(),
        take_id=one.take_id,
        call_uuid=one.uuid,
        from_state=one.state,
        to_state=to,
        data={"part": one.part, "n": one.n},
    )


def pay(
    conn: Connection,
    now: datetime,
    one: CallRecord,
    row: TakeRecord,
    charge: Money,
    by: str,
    more: dict[str, Any] | None = None,
) -> TakeRecord:
    """Turn a call's hold into what it cost, in call, take and budgets."""
    if charge.currency != one.currency:
        raise MoneyError("a charge is in another currency than its hold", value=charge, allowed=one.currency)
    paid = {"held": 0, "spent": charge.micro, "settled_at": now, "due_at": None}
    conn.execute(update(call).where(call.c.uuid == one.uuid).values(**paid, **(more or {})))
    sums = {"held": row.held - one.held, "spent": row.spent + charge.micro}
    conn.execute(update(take).where(take.c.id == row.id).values(**sums))
    beyond = money.book(conn, row, held=one.held, spent=charge.micro)
    if charge.micro > one.held or beyond:
        why = f"charged {charge}, held {Money(micro=one.held, currency=one.currency)}"
        note(conn, now, "overage", one, row, by, why, {"beyond": beyond, "charge": charge.micro})
    return rows.take_by_id(conn, row.id)


def hold_orphan(conn: Connection, now: datetime, one: CallRecord, row: TakeRecord, by: str) -> None:
    """Hold an orphan's money whatever the caps say, and keep its take from being sent a second time."""
    conn.execute(update(call).where(call.c.uuid == one.uuid).values(held=one.hold))
    values: dict[str, Any] = {"held": row.held + one.hold}
    why = (
        f"a request believed not sent was accepted as part {one.part}: retry sends it again, cancel does not"
    )
    if row.state is TakeState.PREPARED:
        values |= {"token": row.token + 1, "lease_owner": None, "lease_until": None}
        values |= {"due_at": None, "wait_code": WaitCode.HELD, "why": why}
    conn.execute(update(take).where(take.c.id == row.id).values(**values))
    beyond = money.book(conn, row, held=-one.hold, spent=0)
    note(conn, now, "overage" if beyond else "orphan", one, row, by, why, {"beyond": beyond})


def note(
    conn: Connection,
    now: datetime,
    kind: str,
    one: CallRecord,
    row: TakeRecord,
    by: str,
    why: str,
    data: Json,
) -> None:
    """An event about a call that changed no state."""
    whose = {"shot_id": row.shot_id, "take_id": row.id, "call_uuid": one.uuid}
    events.write(conn, now, kind, who=by, why=why, data=data, **whose)


def answer(conn: Connection, uuid: str, *, orphan: bool = False) -> Receipt:
    """The call and its take as they stand after the change."""
    one, row = rows.call_by_uuid(conn, uuid)
    return Receipt(call=one, take=row, orphan=orphan)
