"""Paid requests: the intent before the call (T3), and what the poller asks after.

What becomes of a call is in answers.py (T4) and settlement.py (T6); all of it can be had from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from otio_bridge.errors import LedgerError, NoSlot, StaleMove
from otio_bridge.model.money import Money
from otio_bridge.model.take import CallState, TakeState
from otio_bridge.store import money, parts, rows
from otio_bridge.store.answers import missed, not_sent, receive, resolve, send_again, uncertain
from otio_bridge.store.ledger import Ledger, new_id
from otio_bridge.store.records import Asked, CallRecord, Json, TakeRecord
from otio_bridge.store.settlement import failed, refused, settle
from otio_bridge.store.shift import bound, due_at, shift
from otio_bridge.store.tables import call, part, take

__all__ = [
    "NoSlot",
    "asked",
    "asked_all",
    "calls_of",
    "failed",
    "get",
    "intend",
    "missed",
    "not_sent",
    "open_calls",
    "receive",
    "refused",
    "resolve",
    "send_again",
    "settle",
    "uncertain",
    "unfetched",
]

#: Seconds after which nobody can still be sending: an hour's step and half a minute's HTTP timeout, the
#: defaults of [queue] step_limit and [providers] timeout.
QUIET = 3630.0
#: A take is fetched at DONE; in these it may lie for days before that.
_HELD_UP = (TakeState.UNCERTAIN, TakeState.FAILED, TakeState.PREPARED, TakeState.SUBMITTED)
_AT_PROVIDER = frozenset({CallState.INTENT, CallState.ACCEPTED})


def intend(
    ledger: Ledger,
    held: TakeRecord,
    *,
    part: int,
    provider: str,
    account: str,
    fingerprint: str,
    hold: Money,
    slots: int,
    quiet_in: float = QUIET,
    uuid: str | None = None,
    detail: Json | None = None,
) -> CallRecord:
    """T3. Commit the intent to send one part: PREPARED becomes SENDING, the call has its uuid and a slot.

    The lease is kept. A call cleared by `send_again` is given back with its own uuid. `quiet_in`: seconds
    after which nobody can still be sending it (lease, step deadline and HTTP timeout). `uuid` is the call's,
    where the caller had to know it before. Raises StaleMove (lease lost or run out, cancel asked, already
    called, to be sent under another uuid), NoSlot, MoneyError (beyond what T1 reserved and a cap allows).
    """
    with ledger.write("T3") as conn:
        now = ledger.now(conn)
        row = rows.fenced(conn, held)
        _may_send(row, held, now)
        if parts.one(conn, row.id, part).state is not TakeState.PREPARED:
            raise StaleMove(f"part {part} of {row.label} is not to be sent")
        ledger.exclusive(conn, f"slots of {provider} {account}")
        _take_slot(conn, provider, account, slots)
        sender = {"sender": row.lease_owner, "intent_at": now, "quiet_at": now + timedelta(seconds=quiet_in)}
        mine = [one for one in rows.calls_of_take(conn, row.id) if one.part == part]
        cleared = next((one for one in mine if one.again and one.state is CallState.INTENT), None)
        if cleared is not None:
            if uuid not in (None, cleared.uuid):
                raise StaleMove(f"part {part} of {row.label} is to be sent as", value=cleared.uuid)
            uuid, extra = cleared.uuid, 0
            if cleared.fingerprint != fingerprint:
                raise LedgerError("what is sent again is not what was sent", value=row.label)
            conn.execute(update(call).where(call.c.uuid == uuid).values(again=False, **sender))
        else:
            extra = _reserve_more(conn, row, hold)
            uuid = uuid or new_id()
            conn.execute(
                insert(call).values(
                    uuid=uuid,
                    take_id=row.id,
                    part=part,
                    n=max((one.n for one in mine), default=0) + 1,
                    provider=provider,
                    account=account,
                    fingerprint=fingerprint,
                    state=CallState.INTENT,
                    again=False,
                    asks=0,
                    hold=hold.micro,
                    held=hold.micro,
                    spent=0,
                    currency=hold.currency,
                    why="",
                    detail=detail or {},
                    **sender,
                )
            )
        parts.put(conn, row.id, [part], TakeState.SENDING)
        why = f"part {part} as {uuid}"
        by = row.lease_owner or ""
        shift(conn, now, row, TakeState.SENDING, by=by, why=why, keep_lease=True, held=row.held + extra)
        return rows.call_by_uuid(conn, uuid)[0]


def get(ledger: Ledger, uuid: str) -> CallRecord:
    """One call. Raises LedgerError where there is none."""
    with ledger.read() as conn:
        found = rows.read_calls(conn, rows.calls().where(call.c.uuid == uuid))
    if not found:
        raise LedgerError("there is no such call", value=uuid)
    return found[0]


def calls_of(ledger: Ledger, take_id: str) -> list[CallRecord]:
    """A take's calls, by part and attempt."""
    with ledger.read() as conn:
        return rows.calls_of_take(conn, take_id)


def open_calls(ledger: Ledger, *, due: bool = True) -> list[CallRecord]:
    """Calls to ask a provider about, most overdue first: ACCEPTED, UNCERTAIN, and ORPHAN not settled yet.

    With `due`, those whose time has come; one whose `due_at` is None is asked only when a person says so.
    """
    orphan = (call.c.state == CallState.ORPHAN) & call.c.settled_at.is_(None)
    wanted = or_(call.c.state.in_([CallState.ACCEPTED, CallState.UNCERTAIN]), orphan)
    query = rows.calls().where(wanted).order_by(call.c.due_at, call.c.uuid)
    with ledger.read() as conn:
        return rows.read_calls(conn, query.where(call.c.due_at <= ledger.now(conn)) if due else query)


def unfetched(ledger: Ledger) -> tuple[CallRecord, TakeRecord] | None:
    """A paid call whose part has no file yet, while another part keeps its take from being fetched."""
    held_up = take.c.state.in_(_HELD_UP) & take.c.lease_owner.is_(None)
    finished = (part.c.state == TakeState.DONE) & part.c.file.is_(None)
    mine = (part.c.take_id == call.c.take_id) & (part.c.part == call.c.part)
    with ledger.read() as conn:
        due = or_(call.c.due_at.is_(None), call.c.due_at <= ledger.now(conn))
        query = rows.calls().join(part, mine).where(call.c.state == CallState.SETTLED, finished, held_up, due)
        found = rows.read_calls(conn, query.order_by(call.c.settled_at).limit(1))
        return (found[0], rows.take_by_id(conn, found[0].take_id, lock=False)) if found else None


def asked(ledger: Ledger, uuid: str, *, due_in: float | None, fraction: float | None = None) -> None:
    """A call was asked after and is still open; ask again in `due_in` seconds (None: not by itself)."""
    asked_all(ledger, [Asked(uuid=uuid, due_in=due_in, fraction=fraction)])


def asked_all(ledger: Ledger, answers: Sequence[Asked]) -> None:
    """`asked` for many calls in one transaction."""
    if not answers:
        return
    with ledger.write() as conn:
        now = ledger.now(conn)
        change = (
            update(call)
            .where(call.c.uuid == bindparam("of"))
            .values(
                due_at=bindparam("due"),
                asked_at=now,
                asks=call.c.asks + 1,
                fraction=func.coalesce(bindparam("part_done"), call.c.fraction),
            )
        )
        conn.execute(
            change,
            [{"of": one.uuid, "due": due_at(now, one.due_in), "part_done": one.fraction} for one in answers],
        )


def _may_send(row: TakeRecord, held: TakeRecord, now: datetime) -> None:
    if row.state is not TakeState.PREPARED:
        raise LedgerError(f"{row.label} is not ready to be sent", value=row.state)
    if row.lease_owner is None or row.lease_owner != held.lease_owner:
        raise StaleMove(f"{row.label} is not claimed by who would send it", value=row.lease_owner)
    if row.lease_until is None or row.lease_until <= now:
        raise StaleMove(f"the lease of {row.label} has run out", value=row.lease_until)
    if row.cancel_asked_at is not None:
        raise StaleMove(f"{row.label} is to be cancelled", value=row.cancel_asked_at)


def _take_slot(conn: Connection, provider: str, account: str, slots: int) -> None:
    """Raise NoSlot where the account has `slots` calls at the provider (0: no limit).

    One that is UNCERTAIN takes none: it may wait for a person for days.
    """
    mine = (call.c.provider == provider) & (call.c.account == account) & call.c.state.in_(_AT_PROVIDER)
    used = conn.execute(select(func.count()).select_from(call).where(mine, ~call.c.again)).scalar_one()
    if slots and used >= slots:
        raise NoSlot(f"{provider} has as many of our calls as it takes at once", value=used)


def _reserve_more(conn: Connection, row: TakeRecord, hold: Money) -> int:
    """What the part can cost beyond what is reserved for the take; held now, inside the caps."""
    if hold.micro and hold.currency != row.currency:
        raise LedgerError("a hold is in another currency than the take", value=hold, allowed=row.currency)
    extra = max(0, hold.micro - (row.held - bound(conn, row.id)))
    amount = Money(micro=extra, currency=row.currency)
    money.reserve(conn, dict.fromkeys(money.scopes_of(row.shot_id, row.provider), amount))
    return extra
