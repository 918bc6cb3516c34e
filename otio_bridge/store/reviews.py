"""What people think of takes (a review per take) and which they want to see (a pick per occurrence)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, insert, select, update

from otio_bridge.errors import LedgerError
from otio_bridge.model.take import ReviewState
from otio_bridge.store import events, rows
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import PickRecord, ReviewRecord, TakeRecord
from otio_bridge.store.tables import occurrence
from otio_bridge.store.tables import pick as picked
from otio_bridge.store.tables import review as reviewed


def review(
    ledger: Ledger, held: TakeRecord, state: ReviewState, *, author: str, note: str = ""
) -> ReviewRecord:
    """Set a take's review; every decision stays as an event."""
    with ledger.write() as conn:
        now = ledger.now(conn)
        row = rows.take_by_id(conn, held.id)
        mine = reviewed.c.take_id == row.id
        before = conn.execute(select(reviewed.c.state).where(mine)).scalar_one_or_none()
        values = {"state": state, "note": note, "author": author, "at": now}
        if before is None:
            conn.execute(insert(reviewed).values(take_id=row.id, **values))
        else:
            conn.execute(update(reviewed).where(mine).values(**values))
        events.write(
            conn,
            now,
            "review",
            who=author,
            why=note,
            take_id=row.id,
            shot_id=row.shot_id,
            from_state=before or ReviewState.UNREVIEWED,
            to_state=state,
        )
        return ReviewRecord(take_id=row.id, state=state, note=note, author=author, at=now)


def reviews(ledger: Ledger, take_ids: Iterable[str] | None = None) -> dict[str, ReviewRecord]:
    """Reviews by take id; a take without one is unreviewed."""
    with ledger.read() as conn:
        if take_ids is None:
            found = list(conn.execute(select(reviewed)).mappings())
        else:
            found = [
                row
                for some in rows.chunks(take_ids)
                for row in conn.execute(select(reviewed).where(reviewed.c.take_id.in_(some))).mappings()
            ]
    return {row["take_id"]: ReviewRecord.of(row) for row in found}


def pick(ledger: Ledger, held: TakeRecord, *, author: str, occurrence_id: str | None = None) -> PickRecord:
    """Choose a take for one occurrence, or for the shot wherever it is shown (which ends single choices)."""
    with ledger.write() as conn:
        now = ledger.now(conn)
        row = rows.take_by_id(conn, held.id)
        mine = picked.c.shot_id == row.shot_id
        if occurrence_id is not None:
            mine &= picked.c.occurrence_id == occurrence_id
            there = (occurrence.c.id == occurrence_id) & (occurrence.c.shot_id == row.shot_id)
            if conn.execute(select(occurrence.c.id).where(there)).first() is None:
                raise LedgerError(f"{row.shot} is not shown there", value=occurrence_id)
        conn.execute(delete(picked).where(mine))
        record = PickRecord(
            shot_id=row.shot_id,
            occurrence_id=occurrence_id or "",
            take_id=row.id,
            author=author,
            at=now,
        )
        conn.execute(insert(picked).values(**dict(record)))
        whose = {"take_id": row.id, "shot_id": row.shot_id, "data": {"occurrence_id": occurrence_id}}
        events.write(conn, now, "pick", who=author, **whose)
        return record


def unpick(ledger: Ledger, shot_id: str, *, author: str, occurrence_id: str | None = None) -> None:
    """Take back the choice for one occurrence, or every choice of the shot."""
    with ledger.write() as conn:
        mine = picked.c.shot_id == shot_id
        if occurrence_id is not None:
            mine &= picked.c.occurrence_id == occurrence_id
        if conn.execute(delete(picked).where(mine)).rowcount:
            data = {"occurrence_id": occurrence_id}
            events.write(conn, ledger.now(conn), "unpick", who=author, shot_id=shot_id, data=data)


def picks(ledger: Ledger, shot_ids: Iterable[str] | None = None) -> list[PickRecord]:
    """Every pick; an occurrence's own outranks its shot's."""
    query = select(picked).order_by(picked.c.shot_id, picked.c.occurrence_id)
    wanted = None if shot_ids is None else set(shot_ids)
    with ledger.read() as conn:
        found = [PickRecord.of(row) for row in conn.execute(query).mappings()]
    return [one for one in found if wanted is None or one.shot_id in wanted]
