"""Who works on what until when (T2): claiming, renewing, and finding what was left lying."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update

from otio_bridge.errors import StaleMove
from otio_bridge.model.take import OPEN_STATES, CallState, TakeState
from otio_bridge.store import events, rows
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import ProcessRecord, StaleSending, TakeRecord
from otio_bridge.store.shift import shift
from otio_bridge.store.tables import call, process, take

#: Open states with a step a worker can do; SENDING is judged, UNCERTAIN and SUBMITTED belong to the poller.
CLAIMABLE = OPEN_STATES - {TakeState.SENDING, TakeState.UNCERTAIN, TakeState.SUBMITTED}


def claim(ledger: Ledger, queue: str, *, owner: str, lease: float, tries: int) -> TakeRecord | None:
    """T2. The most urgent ready take of a queue, leased to `owner` for `lease` seconds; None: there is none.

    A take that was claimed `tries` times without one move kills its workers: it becomes FAILED (`poison`).
    """
    if not due(ledger, queue):
        return None
    with ledger.write("T2") as conn:
        while True:
            now = ledger.now(conn)
            query = (
                rows.takes()
                .where(_ready(queue, now))
                .order_by(take.c.priority.desc(), take.c.due_at, take.c.created_at, take.c.number, take.c.id)
                .limit(1)
                .with_for_update(of=take, skip_locked=True)
            )
            found = rows.read_takes(conn, query)
            if not found:
                return None
            row = found[0]
            if row.tries < tries:
                values = {
                    "token": row.token + 1,
                    "tries": row.tries + 1,
                    "lease_owner": owner,
                    "lease_until": now + timedelta(seconds=lease),
                    "wait_code": None,
                }
                conn.execute(update(take).where(take.c.id == row.id).values(**values))
                return row.model_copy(update=values)
            why = f"{row.tries} workers died on it at {row.state}"
            shift(conn, now, row, TakeState.FAILED, by=owner, why=why, code="poison", resume_state=row.state)


def renew(ledger: Ledger, held: TakeRecord, *, lease: float) -> TakeRecord:
    """Keep a claimed take for another `lease` seconds. Raises StaleMove where it is no longer ours."""
    with ledger.write() as conn:
        until = ledger.now(conn) + timedelta(seconds=lease)
        mine = (
            (take.c.id == held.id) & (take.c.token == held.token) & (take.c.lease_owner == held.lease_owner)
        )
        if conn.execute(update(take).where(mine).values(lease_until=until)).rowcount != 1:
            raise StaleMove(f"the lease of {held.label} is no longer ours", value=held.lease_owner)
    return held.model_copy(update={"lease_until": until})


def due(ledger: Ledger, queue: str) -> int:
    """How many takes of a queue are ready to be worked on."""
    with ledger.read() as conn:
        ready = _ready(queue, ledger.now(conn))
        return conn.execute(select(func.count()).select_from(take).where(ready)).scalar_one()


def reclaim(ledger: Ledger) -> list[TakeRecord]:
    """Takes whose lease has run out: freed, so that the caller can nudge their queues.

    Those in SENDING are only named, not freed: `stale_sending` tells what is needed to judge them.
    """
    with ledger.read() as conn:
        late = _late(ledger.now(conn))
        if not conn.execute(select(func.count()).select_from(take).where(late)).scalar_one():
            return []
    with ledger.write() as conn:
        now = ledger.now(conn)
        query = rows.takes().where(_late(now)).order_by(take.c.due_at, take.c.id)
        found = rows.read_takes(conn, query.with_for_update(of=take, skip_locked=True))
        for row in found:
            if row.state in CLAIMABLE:
                freed = {"lease_owner": None, "lease_until": None}
                conn.execute(update(take).where(take.c.id == row.id).values(**freed))
                why = f"its lease ran out (try {row.tries})"
                who = row.lease_owner or ""
                events.write(conn, now, "lease", who=who, why=why, take_id=row.id, shot_id=row.shot_id)
        return found


def stale_sending(ledger: Ledger) -> list[StaleSending]:
    """Takes in SENDING whose sender's lease has run out, with their call and what is known of the sender."""
    with ledger.read() as conn:
        now = ledger.now(conn)
        gone = or_(take.c.lease_owner.is_(None), take.c.lease_until <= now)
        found = rows.read_takes(conn, rows.takes().where(take.c.state == TakeState.SENDING, gone))
        answer = []
        for row in found:
            intent = (call.c.take_id == row.id) & (call.c.state == CallState.INTENT) & ~call.c.again
            for one in rows.read_calls(conn, rows.calls().where(intent)):
                query = select(process).where(process.c.id == (one.sender or ""))
                holder = conn.execute(query).mappings().first()
                record = ProcessRecord.of(holder) if holder else None
                answer.append(StaleSending(take=row, call=one, holder=record))
        return answer


def _ready(queue: str, now: datetime) -> ColumnElement[bool]:
    free = or_(take.c.lease_owner.is_(None), take.c.lease_until <= now)
    return (take.c.queue == queue) & take.c.state.in_(CLAIMABLE) & (take.c.due_at <= now) & free


def _late(now: datetime) -> ColumnElement[bool]:
    return (
        take.c.lease_owner.is_not(None)
        & (take.c.lease_until <= now)
        & take.c.state.in_(CLAIMABLE | {TakeState.SENDING})
    )
