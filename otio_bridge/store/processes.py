"""What runs where: every worker, poller and supervisor shows itself here, and is declared gone here.

Silence proves nothing: `gone` is said only by who saw the process end (its supervisor, or the poller on its
host by pid and start time).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert, select, update

from otio_bridge.store import events
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import ProcessRecord, ProcessWrite
from otio_bridge.store.tables import process


def beat(ledger: Ledger, seen: ProcessWrite) -> ProcessRecord:
    """Show that a process runs; the first beat registers it."""
    with ledger.write() as conn:
        ledger.exclusive(conn, f"process {seen.id}")
        now = ledger.now(conn)
        record = ProcessRecord(**dict(seen), seen_at=now, gone_at=None)
        values = dict(record)
        if conn.execute(update(process).where(process.c.id == seen.id).values(**values)).rowcount == 0:
            conn.execute(insert(process).values(**values))
        return record


def gone(ledger: Ledger, process_id: str, *, why: str = "", by: str = "") -> ProcessRecord | None:
    """Declare a process dead, for who *knows*; None where the ledger never heard of it."""
    with ledger.write() as conn:
        now = ledger.now(conn)
        mine = process.c.id == process_id
        if conn.execute(
            update(process).where(mine, process.c.gone_at.is_(None)).values(gone_at=now)
        ).rowcount:
            events.write(conn, now, "gone", who=by, why=why, data={"process": process_id})
        row = conn.execute(select(process).where(mine)).mappings().first()
        return ProcessRecord.of(row) if row else None


def get(ledger: Ledger, process_id: str) -> ProcessRecord | None:
    """One process; None where the ledger never heard of it."""
    with ledger.read() as conn:
        row = conn.execute(select(process).where(process.c.id == process_id)).mappings().first()
    return ProcessRecord.of(row) if row else None


def alive(ledger: Ledger, within: float | None = None) -> list[ProcessRecord]:
    """Processes not known to be gone; with `within`, those seen in the last so many seconds."""
    query = select(process).where(process.c.gone_at.is_(None)).order_by(process.c.host, process.c.id)
    with ledger.read() as conn:
        if within is not None:
            query = query.where(process.c.seen_at > ledger.now(conn) - timedelta(seconds=within))
        return [ProcessRecord.of(row) for row in conn.execute(query).mappings()]


def forget(ledger: Ledger, *, gone_for: float) -> int:
    """Remove processes gone longer than so many seconds; how many."""
    with ledger.write() as conn:
        old = process.c.gone_at < ledger.now(conn) - timedelta(seconds=gone_for)
        return conn.execute(process.delete().where(old)).rowcount
