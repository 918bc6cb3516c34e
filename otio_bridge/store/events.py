"""The append-only record of who changed what, when, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import EventRecord, Json
from otio_bridge.store.tables import event


def row(
    now: datetime,
    kind: str,
    *,
    who: str,
    why: str = "",
    shot_id: str | None = None,
    take_id: str | None = None,
    call_uuid: str | None = None,
    from_state: str | None = None,
    to_state: str | None = None,
    data: Json | None = None,
) -> dict[str, Any]:
    """The columns of one event."""
    return {
        "at": now,
        "kind": kind,
        "who": who,
        "why": why,
        "shot_id": shot_id,
        "take_id": take_id,
        "call_uuid": call_uuid,
        "from_state": from_state,
        "to_state": to_state,
        "data": data or {},
    }


def write(conn: Connection, now: datetime, kind: str, **columns: Any) -> None:
    """Append one event inside a transaction (see `row`)."""
    conn.execute(insert(event), [row(now, kind, **columns)])


def events_of(
    ledger: Ledger,
    take_id: str | None = None,
    *,
    shot_id: str | None = None,
    kind: str | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[EventRecord]:
    """Events oldest first, of one take, one shot, one kind or all; `after` is the last id already seen."""
    query = select(event).where(event.c.id > after).order_by(event.c.id).limit(limit)
    if take_id is not None:
        query = query.where(event.c.take_id == take_id)
    if shot_id is not None:
        query = query.where(event.c.shot_id == shot_id)
    if kind is not None:
        query = query.where(event.c.kind == kind)
    with ledger.read() as conn:
        return [EventRecord.of(found) for found in conn.execute(query).mappings()]


def note(
    ledger: Ledger,
    why: str,
    *,
    author: str,
    kind: str = "note",
    take_id: str | None = None,
    shot_id: str | None = None,
    data: Json | None = None,
) -> None:
    """Write down something that changed no state."""
    with ledger.write() as conn:
        write(
            conn,
            ledger.now(conn),
            kind,
            who=author,
            why=why,
            take_id=take_id,
            shot_id=shot_id,
            data=data,
        )


def insert_all(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Append many events at once."""
    if rows:
        conn.execute(insert(event), rows)
