"""What people decide about a take: cancel it, retry it."""

from __future__ import annotations

from sqlalchemy import Connection, update

from otio_bridge.errors import LedgerError
from otio_bridge.model.money import Money
from otio_bridge.model.take import ADVANCE, HOLDING_CALLS, OPEN_STATES, CallState, TakeState
from otio_bridge.store import events, money, parts, rows
from otio_bridge.store.leases import CLAIMABLE
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import PartRecord, TakeRecord
from otio_bridge.store.shift import bound, shift
from otio_bridge.store.tables import take


def ask_cancel(ledger: Ledger, held: TakeRecord, *, author: str, why: str = "") -> TakeRecord:
    """Raise the cancel flag: no further call is made, and whoever comes by next sees it.

    What finishes anyway is fetched and kept. Raises LedgerError for a take that is finished.
    """
    with ledger.write() as conn:
        now = ledger.now(conn)
        row = rows.take_by_id(conn, held.id)
        if row.state not in OPEN_STATES | {TakeState.FAILED}:
            raise LedgerError(f"{row.label} is finished and is kept", value=row.state)
        if row.cancel_asked_at is not None:
            return row
        values = {"cancel_asked_at": now}
        if row.state in CLAIMABLE and row.lease_owner is None:
            values["due_at"] = now
        conn.execute(update(take).where(take.c.id == row.id).values(**values))
        events.write(conn, now, "cancel", who=author, why=why, take_id=row.id, shot_id=row.shot_id)
        return rows.take_by_id(conn, row.id)


def cancel_now(ledger: Ledger, held: TakeRecord, *, author: str, why: str = "") -> TakeRecord:
    """Give a take up: CANCELLED, its money released. Only where no call is open and nothing paid for is lost.

    Raises StaleMove where it moved since, LedgerError where it may not be cancelled (any more).
    """
    with ledger.write("T5") as conn:
        now = ledger.now(conn)
        row = rows.fenced(conn, held)
        paid = {one.part for one in rows.calls_of_take(conn, row.id) if one.state is CallState.SETTLED}
        if row.state is TakeState.PREPARED:
            # The rest of it would have to be bought: what was is at home, and that is all there will be.
            paid -= {one.part for one in parts.read(conn, row.id) if one.file is not None}
        if paid and row.state is not TakeState.FAILED:
            raise LedgerError(f"{row.label} is paid for: it is fetched and kept", value=row.state)
        return shift(conn, now, row, TakeState.CANCELLED, by=author, why=why or "cancelled")


def retry(ledger: Ledger, held: TakeRecord, *, author: str, queue: str | None = None) -> TakeRecord:
    """Go on with a FAILED take where it stopped, or with one that waits, now.

    A part whose call failed is called again, which is why only a person may say this; its money is reserved
    anew (MoneyError). Raises LedgerError where a call may still be on its way, or there is nothing to retry.
    """
    with ledger.write("T5") as conn:
        now = ledger.now(conn)
        row = rows.fenced(conn, held)
        if row.state in CLAIMABLE:
            values = {"due_at": now, "wait_code": None, "cancel_asked_at": None}
            conn.execute(update(take).where(take.c.id == row.id).values(**values))
            events.write(conn, now, "retry", who=author, take_id=row.id, shot_id=row.shot_id)
            return rows.take_by_id(conn, row.id)
        if row.state is not TakeState.FAILED:
            raise LedgerError(f"{row.label} has not failed", value=row.state, next="otio-bridge status")
        calls = rows.calls_of_take(conn, row.id)
        if any(one.state in (CallState.INTENT, CallState.UNCERTAIN) and not one.again for one in calls):
            raise LedgerError(
                f"a call of {row.label} may be on its way",
                next=f"otio-bridge resolve-uncertain {row.shot} {row.name} --sent REMOTE_ID | --not-sent",
            )
        held_by_call = {one.part for one in calls if one.state in HOLDING_CALLS}
        to = _rewind(conn, row, held_by_call)
        reserved = _reserve_again(conn, row, held_by_call)
        return shift(
            conn,
            now,
            row,
            to,
            by=author,
            why="retried",
            queue=queue or row.queue,
            held=row.held + reserved,
            cancel_asked_at=None,
        )


def _rewind(conn: Connection, row: TakeRecord, held_by_call: set[int]) -> TakeState:
    """Set parts back to where work goes on, and say where that is; what is paid for is never set back."""
    resume = row.resume_state or TakeState.PREPARED
    there = parts.read(conn, row.id)
    for one in parts.begun(row, there):
        if one.state is TakeState.FAILED:
            parts.put(conn, row.id, [one.part], min(resume, TakeState.PREPARED, key=ADVANCE.index))
        elif _ahead(one, resume) and (resume not in _BOUGHT or one.part not in held_by_call):
            parts.put(conn, row.id, [one.part], resume)
    return parts.state_of(row, parts.read(conn, row.id))


#: Going back to one of these would buy again what a part with a holding call has bought.
_BOUGHT = frozenset({TakeState.PLANNED, TakeState.PREPARED, TakeState.SUBMITTED})


def _ahead(one: PartRecord, resume: TakeState) -> bool:
    return one.state in ADVANCE and ADVANCE.index(one.state) > ADVANCE.index(resume)


def _reserve_again(conn: Connection, row: TakeRecord, held_by_call: set[int]) -> int:
    """Hold the worst case of the parts still to be called; what was held for them was released by FAILED."""
    each = -(-row.hold // row.parts)
    wanted = each * (row.parts - len(held_by_call))
    missing = max(0, wanted - (row.held - bound(conn, row.id)))
    amount = Money(micro=missing, currency=row.currency)
    money.reserve(conn, dict.fromkeys(money.scopes_of(row.shot_id, row.provider), amount))
    return missing
