"""Reading takes and calls inside a transaction, locked against every other writer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, select

from otio_bridge.errors import LedgerError, StaleMove
from otio_bridge.store.records import CallRecord, TakeRecord
from otio_bridge.store.tables import call, shot, take


def takes() -> Select[Any]:
    """Every column of a TakeRecord."""
    return select(take, shot.c.name.label("shot")).join(shot, shot.c.id == take.c.shot_id)


def calls() -> Select[Any]:
    """Every column of a CallRecord."""
    return (
        select(
            call,
            take.c.model,
            take.c.number,
            take.c.state.label("take_state"),
            take.c.cancel_asked_at,
            shot.c.name.label("shot"),
        )
        .join(take, take.c.id == call.c.take_id)
        .join(shot, shot.c.id == take.c.shot_id)
    )


def read_takes(conn: Connection, query: Select[Any]) -> list[TakeRecord]:
    """The takes a query over `takes()` finds."""
    return [TakeRecord.of(row) for row in conn.execute(query).mappings()]


def read_calls(conn: Connection, query: Select[Any]) -> list[CallRecord]:
    """The calls a query over `calls()` finds."""
    return [CallRecord.of(row) for row in conn.execute(query).mappings()]


def take_by_id(conn: Connection, take_id: str, *, lock: bool = True) -> TakeRecord:
    """One take, locked until the transaction ends. Raises LedgerError where there is none."""
    query = takes().where(take.c.id == take_id)
    found = read_takes(conn, query.with_for_update(of=take) if lock else query)
    if not found:
        raise LedgerError("there is no such take", value=take_id, next="otio-bridge takes")
    return found[0]


def fenced(conn: Connection, held: TakeRecord, *, any_state: bool = False) -> TakeRecord:
    """The take as it stands now, if nobody claimed (or, by default, moved) it since `held` was read.

    Raises StaleMove.
    """
    row = take_by_id(conn, held.id)
    if row.token != held.token or (row.state is not held.state and not any_state):
        raise StaleMove(
            f"{held.label} was moved by somebody else",
            value=f"{held.state} #{held.token}, now {row.state} #{row.token}",
        )
    return row


def call_by_uuid(conn: Connection, uuid: str) -> tuple[CallRecord, TakeRecord]:
    """A call and its take, both locked (take first, always). Raises LedgerError where there is none."""
    take_id = conn.execute(select(call.c.take_id).where(call.c.uuid == uuid)).scalar_one_or_none()
    if take_id is None:
        raise LedgerError("there is no such call", value=uuid)
    row = take_by_id(conn, take_id)
    return read_calls(conn, calls().where(call.c.uuid == uuid))[0], row


def calls_of_take(conn: Connection, take_id: str) -> list[CallRecord]:
    """A take's calls, by part and attempt."""
    return read_calls(conn, calls().where(call.c.take_id == take_id).order_by(call.c.part, call.c.n))


def chunks(values: Iterable[str], size: int = 500) -> Iterable[list[str]]:
    """Values in pieces small enough for one `IN (…)`."""
    ordered = sorted(set(values))
    return (ordered[i : i + size] for i in range(0, len(ordered), size))
