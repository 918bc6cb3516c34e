"""What became of a paid request: T4 receipt, not sent, uncertain; how it ends is settlement.py.

Nothing here is fenced by a lease: an answer is money, whoever brings it, however late. All of it is keyed on
the call's uuid; saying the same thing twice changes nothing, saying what cannot be any more is a StaleMove.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from otio_bridge.errors import LedgerError, StaleMove
from otio_bridge.model.money import Money
from otio_bridge.model.take import CALL_MOVES, CallState, TakeState, WaitCode
from otio_bridge.store import money, parts, rows
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import CallRecord, Receipt, TakeRecord
from otio_bridge.store.shift import CLOSED, due_at, follow
from otio_bridge.store.tables import call, take
from otio_bridge.store.turn import WAITING, answer, hold_orphan, note, turn


def receive(
    ledger: Ledger,
    uuid: str,
    *,
    remote_id: str,
    quoted: Money | None = None,
    due_in: float = 0,
    by: str = "",
) -> Receipt:
    """T4. The provider has it: ACCEPTED, asked after in `due_in` seconds; the last part makes SUBMITTED.

    If it was believed not sent it is an ORPHAN: booked, asked after, and its take is held for a person. A
    `conflict` (the call, or another one, has an id already) is noted and changes nothing.
    """
    with ledger.write("T4") as conn:
        one, row = rows.call_by_uuid(conn, uuid)
        return _accept(conn, ledger.now(conn), one, row, remote_id, quoted, due_in, by)


def not_sent(
    ledger: Ledger,
    uuid: str,
    *,
    why: str,
    due_in: float = 0,
    wait_code: WaitCode | None = None,
    queue: str | None = None,
    by: str = "",
) -> Receipt:
    """It provably never reached the provider: the part is PREPARED again, to be sent in `due_in` seconds.

    For who holds the proof (refused connection, 429, a complete list); people use `resolve`.
    """
    with ledger.write() as conn:
        one, row = rows.call_by_uuid(conn, uuid)
        return _unsend(conn, ledger.now(conn), one, row, why, by, due_in, wait_code, queue)


def uncertain(
    ledger: Ledger, uuid: str, *, why: str, due_in: float | None = 0, over: bool = False, by: str = ""
) -> Receipt:
    """The answer was lost: UNCERTAIN, never sent again by itself; asked after in `due_in` s (None: never).

    `over`: said by the sender itself, whose exchange has ended, so that nobody is sending it any more.
    """
    with ledger.write() as conn:
        now = ledger.now(conn)
        one, row = rows.call_by_uuid(conn, uuid)
        ended = {"quiet_at": now, "detail": {**one.detail, "over": True}} if over else {}
        if one.state is CallState.UNCERTAIN:
            if ended and not one.detail.get("over"):
                # Judged while it was being sent; now it is known when that ended.
                conn.execute(update(call).where(call.c.uuid == uuid).values(**ended))
            return answer(conn, uuid)
        turn(conn, now, one, CallState.UNCERTAIN, by, why, due_at=due_at(now, due_in), again=False, **ended)
        parts.put(conn, row.id, [one.part], TakeState.UNCERTAIN)
        follow(conn, now, row, by=by, why=why)
        return answer(conn, uuid)


def send_again(
    ledger: Ledger,
    uuid: str,
    *,
    why: str,
    due_in: float = 0,
    wait_code: WaitCode | None = None,
    queue: str | None = None,
    by: str = "",
) -> Receipt:
    """Clear a lost call of a pure or keyed provider to be sent once more, with the same uuid.

    Its part is PREPARED again. The next `intend` of the part gives this call back. Never for a paid provider.
    """
    with ledger.write() as conn:
        now = ledger.now(conn)
        one, row = rows.call_by_uuid(conn, uuid)
        if one.state is not CallState.INTENT:
            raise StaleMove("the call is not under way", value=one.state)
        if not one.again:
            conn.execute(update(call).where(call.c.uuid == uuid).values(again=True, why=why))
            parts.put(conn, row.id, [one.part], TakeState.PREPARED)
            queue = queue or row.queue
            follow(conn, now, row, by=by, why=why, due_in=due_in, wait_code=wait_code, queue=queue)
        return answer(conn, uuid)


def resolve(
    ledger: Ledger, held: TakeRecord, *, sent: str | None, author: str, part: int | None = None
) -> TakeRecord:
    """A person says what became of a lost call: its remote id, or None for "not sent".

    "Not sent" is refused until nobody can still be sending it. Raises LedgerError for that, where nothing is
    uncertain, where several parts are (`part` says which), and for a remote id of another call.
    """
    with ledger.write("T4") as conn:
        now = ledger.now(conn)
        row = rows.take_by_id(conn, held.id)
        one = _lost(conn, now, row, part)
        if sent is not None:
            receipt = _accept(conn, now, one, row, sent, None, 0, author)
            if receipt.conflict:
                raise LedgerError("this remote id belongs to another call", value=sent)
            return receipt.take
        until = max(one.quiet_at, row.lease_until or now)
        if now < until:
            raise LedgerError(
                f"{row.label} may still be on its way",
                value=f"until {until:%Y-%m-%d %H:%M:%S} UTC",
                next=f"otio-bridge resolve-uncertain {row.shot} {row.name} --not-sent, after that",
            )
        return _unsend(conn, now, one, row, "said not to have been sent", author, 0, None, None).take


def missed(ledger: Ledger, uuid: str, *, due_in: float) -> int:
    """The provider says that it does not know a request it accepted: how often so far; asked again then."""
    with ledger.write() as conn:
        now = ledger.now(conn)
        one, _ = rows.call_by_uuid(conn, uuid)
        times = int(one.detail.get("missed", 0)) + 1
        values = {"detail": {**one.detail, "missed": times}, "due_at": due_at(now, due_in), "asked_at": now}
        conn.execute(update(call).where(call.c.uuid == uuid).values(**values, asks=one.asks + 1))
        return times


# ---------------------------------------------------------------- inside a transaction


def _accept(
    conn: Connection,
    now: datetime,
    one: CallRecord,
    row: TakeRecord,
    remote_id: str,
    quoted: Money | None,
    due_in: float,
    by: str,
) -> Receipt:
    if one.remote_id == remote_id:
        return Receipt(call=one, take=row, orphan=one.state is CallState.ORPHAN)
    orphan = one.state is CallState.NOT_SENT
    to = CallState.ORPHAN if orphan else CallState.ACCEPTED
    if one.remote_id is not None or to not in CALL_MOVES[one.state] or _known(conn, one, remote_id):
        why = f"an answer names {remote_id}, the call is {one.state} as {one.remote_id}"
        note(conn, now, "conflict", one, row, by, why, {"remote_id": remote_id})
        return Receipt(call=one, take=row, conflict=True)
    detail = one.detail if quoted is None else {**one.detail, "quoted": quoted.model_dump(mode="json")}
    values = {"remote_id": remote_id, "accepted_at": now, "due_at": due_at(now, due_in), "detail": detail}
    turn(conn, now, one, to, by, remote_id, again=False, **values)
    if orphan:
        hold_orphan(conn, now, one, row, by)
        return answer(conn, one.uuid, orphan=True)
    if parts.one(conn, row.id, one.part).state in WAITING:
        parts.put(conn, row.id, [one.part], TakeState.SUBMITTED)
    follow(conn, now, row, by=by, why=f"part {one.part} accepted as {remote_id}")
    return answer(conn, one.uuid)


def _known(conn: Connection, one: CallRecord, remote_id: str) -> bool:
    """Whether another call of the account has this remote id."""
    account = (call.c.provider == one.provider) & (call.c.account == one.account)
    mine = account & (call.c.remote_id == remote_id) & (call.c.uuid != one.uuid)
    return conn.execute(select(call.c.uuid).where(mine)).first() is not None


def _unsend(
    conn: Connection,
    now: datetime,
    one: CallRecord,
    row: TakeRecord,
    why: str,
    by: str,
    due_in: float,
    wait_code: WaitCode | None,
    queue: str | None,
) -> Receipt:
    if one.state is CallState.NOT_SENT:
        return Receipt(call=one, take=row)
    turn(conn, now, one, CallState.NOT_SENT, by, why, held=0, again=False, due_at=None)
    if row.state in CLOSED:
        money.release(conn, row, one.held)
        conn.execute(update(take).where(take.c.id == row.id).values(held=row.held - one.held))
    if parts.one(conn, row.id, one.part).state in WAITING:
        parts.put(conn, row.id, [one.part], TakeState.PREPARED)
    queue = queue or row.queue
    follow(conn, now, row, by=by, why=why, due_in=due_in, wait_code=wait_code, queue=queue)
    return answer(conn, one.uuid)


def _lost(conn: Connection, now: datetime, row: TakeRecord, part: int | None) -> CallRecord:
    """The one call of a take whose answer was lost: UNCERTAIN, or sent by somebody whose lease ended."""
    over = row.lease_until is None or row.lease_until <= now
    lost = [
        one
        for one in rows.calls_of_take(conn, row.id)
        if part in (None, one.part)
        and (one.state is CallState.UNCERTAIN or (one.state is CallState.INTENT and over))
    ]
    if not lost:
        raise LedgerError(f"nothing of {row.label} is uncertain", value=row.state, next="otio-bridge status")
    if len(lost) > 1:
        raise LedgerError(
            f"several parts of {row.label} are uncertain",
            allowed=[str(one.part) for one in lost],
            next="say which with --part",
        )
    return lost[0]
