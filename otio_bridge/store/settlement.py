"""How paid requests end: settled (T6), failed, or refused; money is booked here and nowhere else."""

from __future__ import annotations

from otio_bridge.model.money import Money
from otio_bridge.model.take import CallState, TakeState
from otio_bridge.store import parts, rows
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import CallRecord, Json, Receipt
from otio_bridge.store.shift import follow
from otio_bridge.store.turn import WAITING, answer, pay, turn


def settle(
    ledger: Ledger,
    uuid: str,
    *,
    charge: Money,
    reported: bool,
    queue: str = "net",
    due_in: float = 0,
    priced: Json | None = None,
    by: str = "",
) -> Receipt:
    """T6. Finished and paid, once: the hold becomes what was charged; the last part makes the take DONE.

    A charge above the hold, or beyond a cap, is booked all the same and noted as an event (`overage`).
    `queue` is where the take's next step belongs; `priced` keeps the provider's own price and the rate.
    """
    with ledger.write("T6") as conn:
        now = ledger.now(conn)
        one, row = rows.call_by_uuid(conn, uuid)
        if one.settled_at is not None:
            return Receipt(call=one, take=row, orphan=one.state is CallState.ORPHAN)
        by_whom = "provider" if reported else "table"
        if one.state is CallState.ORPHAN:
            pay(conn, now, one, row, charge, by, {"settled_by": by_whom})
            return answer(conn, uuid, orphan=True)
        turn(
            conn,
            now,
            one,
            CallState.SETTLED,
            by,
            "",
            settled_by=by_whom,
            detail={**one.detail, **(priced or {})},
        )
        row = pay(conn, now, one, row, charge, by)
        if parts.one(conn, row.id, one.part).state in WAITING | {TakeState.SUBMITTED}:
            parts.put(conn, row.id, [one.part], TakeState.DONE)
        follow(conn, now, row, by=by, queue=queue, due_in=due_in)
        return answer(conn, uuid)


def failed(
    ledger: Ledger,
    uuid: str,
    *,
    charge: Money | None,
    why: str,
    code: str = "provider-failed",
    reported: bool = True,
    by: str = "",
) -> Receipt:
    """T6. The provider declared failure: settled at what it charged, FAILED until a person retries."""
    with ledger.write("T6") as conn:
        now = ledger.now(conn)
        one, row = rows.call_by_uuid(conn, uuid)
        if one.settled_at is not None:
            return Receipt(call=one, take=row, orphan=one.state is CallState.ORPHAN)
        orphan = one.state is CallState.ORPHAN
        if not orphan:
            values = {
                "settled_by": "provider" if reported else "table",
                "detail": {**one.detail, "code": code},
            }
            turn(conn, now, one, CallState.FAILED, by, why, **values)
        row = pay(conn, now, one, row, charge or _nothing(one), by)
        if not orphan:
            parts.put(conn, row.id, [one.part], TakeState.FAILED)
            follow(conn, now, row, by=by)
        return answer(conn, uuid, orphan=orphan)


def refused(
    ledger: Ledger, uuid: str, *, charge: Money | None, why: str, code: str = "refused", by: str = ""
) -> Receipt:
    """The provider would not have it (`code`: refused, moderated): the take is FAILED, `charge` is booked."""
    with ledger.write() as conn:
        now = ledger.now(conn)
        one, row = rows.call_by_uuid(conn, uuid)
        if one.state is CallState.REFUSED:
            return Receipt(call=one, take=row)
        turn(conn, now, one, CallState.REFUSED, by, why, detail={**one.detail, "code": code})
        row = pay(conn, now, one, row, charge or _nothing(one), by)
        parts.put(conn, row.id, [one.part], TakeState.FAILED)
        follow(conn, now, row, by=by)
        return answer(conn, uuid)


def _nothing(one: CallRecord) -> Money:
    return Money(micro=0, currency=one.currency)
