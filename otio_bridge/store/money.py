"""Budgets: what may be spent, what is reserved, what is spent (rule 5: money is spent once, on purpose).

A budget's `held` is the sum of its takes' `held`, its `spent` that of their `spent`; both change in the
same transaction as the take. Rows are always touched in the order of their scopes, so that two
transactions cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select, true, update

from otio_bridge.errors import MoneyError
from otio_bridge.model.money import Money
from otio_bridge.model.take import WaitCode
from otio_bridge.store import events
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import BudgetRecord, Spend, TakeRecord
from otio_bridge.store.tables import budget, call, shot, take

PROJECT = "project"


def scopes_of(shot_id: str, provider: str) -> tuple[str, ...]:
    """Every budget a take could count against; those that exist apply. New kinds of budget begin here."""
    return (PROJECT, f"provider:{provider}", f"shot:{shot_id}")


def _takes_in(scope: str) -> ColumnElement[bool]:
    """The takes that count against a scope: `scopes_of`, read backwards. Raises MoneyError."""
    kind, _, name = scope.partition(":")
    if scope == PROJECT:
        return true()
    if kind == "provider" and name:
        return take.c.provider == name
    if kind == "shot" and name:
        return take.c.shot_id == name
    raise MoneyError("no such budget", value=scope, allowed="project, provider:NAME, shot:ID")


# ---------------------------------------------------------------- verbs


def budgets(ledger: Ledger) -> list[BudgetRecord]:
    """Every budget, by scope."""
    with ledger.read() as conn:
        return [
            BudgetRecord.of(row) for row in conn.execute(select(budget).order_by(budget.c.scope)).mappings()
        ]


def set_cap(ledger: Ledger, scope: str, cap: Money, *, author: str = "settings") -> BudgetRecord:
    """Make or change a budget; takes waiting for money (BUDGET) become due.

    A cap below what is held and spent stops new sending only. Raises MoneyError for another currency than
    the budget's money is in.
    """
    with ledger.write() as conn:
        return put_cap(ledger, conn, ledger.now(conn), scope, cap, author=author)


def spend(ledger: Ledger) -> list[Spend]:
    """What was spent and is held at each provider's account, by shot."""
    columns = (call.c.provider, call.c.account, shot.c.name, call.c.currency)
    query = (
        select(
            *columns[:2],
            shot.c.name.label("shot"),
            call.c.currency,
            func.sum(call.c.held).label("held"),
            func.sum(call.c.spent).label("spent"),
            func.count().label("calls"),
        )
        .join(take, take.c.id == call.c.take_id)
        .join(shot, shot.c.id == take.c.shot_id)
        .group_by(*columns)
        .order_by(*columns)
    )
    with ledger.read() as conn:
        return [Spend.of(row) for row in conn.execute(query).mappings()]


# ---------------------------------------------------------------- inside a transaction


def put_cap(
    ledger: Ledger, conn: Connection, now: datetime, scope: str, cap: Money, *, author: str
) -> BudgetRecord:
    """`set_cap`, inside a transaction."""
    where = _takes_in(scope)
    mine = select(budget).where(budget.c.scope == scope)
    found = conn.execute(mine).mappings().first()
    if found is None:
        ledger.freeze_takes(conn)
        found = conn.execute(mine).mappings().first()
    if found is None:
        held, spent = conn.execute(
            select(func.coalesce(func.sum(take.c.held), 0), func.coalesce(func.sum(take.c.spent), 0)).where(
                where
            )
        ).one()
        values = {"scope": scope, "currency": cap.currency, "cap": cap.micro, "changed_at": now}
        conn.execute(insert(budget).values(**values, held=int(held), spent=int(spent)))
    elif found["currency"] != cap.currency and found["held"] + found["spent"]:
        raise MoneyError(
            f"the budget {scope} already holds or has spent {found['currency']}",
            value=str(cap),
            next=f"keep currency = {found['currency']!r} in [money]",
        )
    elif (found["cap"], found["currency"]) != (cap.micro, cap.currency):
        values = {"cap": cap.micro, "currency": cap.currency, "changed_at": now}
        conn.execute(update(budget).where(budget.c.scope == scope).values(**values))
    else:
        return BudgetRecord.of(found)
    events.write(conn, now, "cap", who=author, why=f"{scope} {cap}", data={"scope": scope, "cap": cap.micro})
    waiting = where & (take.c.wait_code == WaitCode.BUDGET) & take.c.lease_owner.is_(None)
    conn.execute(update(take).where(waiting).values(due_at=now, wait_code=None))
    return BudgetRecord.of(conn.execute(mine).mappings().one())


def reserve(conn: Connection, wanted: Mapping[str, Money]) -> None:
    """Hold an amount in each scope that has a budget, inside its cap, or raise MoneyError.

    The caller adds the same to its takes' `held`. Nothing to hold needs no budget.
    """
    asked = {scope: amount for scope, amount in sorted(wanted.items()) if amount.micro}
    if not asked:
        return
    found = {row.scope: row for row in conn.execute(select(budget).where(budget.c.scope.in_(asked)))}
    if PROJECT in asked and PROJECT not in found:
        raise MoneyError("the project has no budget", value=asked[PROJECT], next="set [money] budget")
    for scope in sorted(found):
        amount = asked[scope]
        if found[scope].currency != amount.currency:
            raise MoneyError(
                f"the budget {scope} is in {found[scope].currency}",
                value=amount,
                next=f"set [money.rates] {amount.currency}",
            )
        done = conn.execute(
            update(budget)
            .where(
                budget.c.scope == scope,
                budget.c.spent + budget.c.held + amount.micro <= budget.c.cap,
            )
            .values(held=budget.c.held + amount.micro)
        )
        if done.rowcount != 1:
            raise _beyond(conn, scope, amount)


def release(conn: Connection, row: TakeRecord, micro: int) -> None:
    """Give back what a take no longer needs; the caller lowers the take's `held`."""
    if micro:
        for scope in sorted(scopes_of(row.shot_id, row.provider)):
            conn.execute(update(budget).where(budget.c.scope == scope).values(held=budget.c.held - micro))


def book(conn: Connection, row: TakeRecord, *, held: int, spent: int) -> list[str]:
    """Turn what was held into what was spent; the scopes that are now beyond their cap are returned.

    A charge is evidence: it is booked even where no cap allows it.
    """
    scopes = sorted(scopes_of(row.shot_id, row.provider))
    for scope in scopes:
        changed = {"held": budget.c.held - held, "spent": budget.c.spent + spent}
        conn.execute(update(budget).where(budget.c.scope == scope).values(**changed))
    return list(_beyond_cap(conn, scopes))


def _beyond_cap(conn: Connection, scopes: Iterable[str]) -> Iterable[str]:
    over = budget.c.spent + budget.c.held > budget.c.cap
    return conn.execute(select(budget.c.scope).where(budget.c.scope.in_(list(scopes)), over)).scalars()


def _beyond(conn: Connection, scope: str, amount: Money) -> MoneyError:
    now = BudgetRecord.of(conn.execute(select(budget).where(budget.c.scope == scope)).mappings().one())
    return MoneyError(
        f"the budget {scope} does not allow it: cap {now.money(now.cap)}, "
        f"spent {now.money(now.spent)}, held {now.money(now.held)}",
        value=f"asked {amount}",
        allowed=f"up to {now.free}",
        next="raise [money] budget, or send less (otio-bridge plan)"
        if scope == PROJECT
        else "raise the cap of this budget, or send less (otio-bridge plan)",
    )
