"""The parts of a take, and what they say about it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from otio_bridge.errors import LedgerError
from otio_bridge.model.take import ADVANCE, TakeState, of_parts
from otio_bridge.store import events, rows
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import Json, PartRecord, TakeRecord
from otio_bridge.store.tables import part as table

#: What a part may be set to by hand: a file was fetched, or has to be fetched again.
_BY_HAND = frozenset({TakeState.DONE, TakeState.FETCHED})


def parts_of(ledger: Ledger, take_id: str) -> list[PartRecord]:
    """A take's parts in order."""
    with ledger.read() as conn:
        return read(conn, take_id)


def set_part(
    ledger: Ledger,
    take: TakeRecord,
    part: int,
    *,
    state: TakeState,
    file: str | None = None,
    sha256: str | None = None,
    result: Json | None = None,
) -> PartRecord:
    """Write a part's file, hash and state (DONE or FETCHED); None leaves what stands there.

    The take itself is moved by `takes.move`. Raises StaleMove where somebody else has claimed it since,
    LedgerError for a state that only a call can bring about.
    """
    with ledger.write() as conn:
        now = ledger.now(conn)
        row = rows.fenced(conn, take, any_state=True)
        found = one(conn, row.id, part)
        if state is not found.state and not {state, found.state} <= _BY_HAND:
            raise LedgerError(
                "a part gets there by its call, or with its take",
                value=f"{row.label} part {part}: {found.state} to {state}",
                allowed=sorted(_BY_HAND),
            )
        given = {"file": file, "sha256": sha256, "result": result}
        values = {name: value for name, value in given.items() if value is not None}
        put(conn, row.id, [part], state, **values)
        why = f"part {part}"
        events.write(
            conn,
            now,
            "part",
            who=row.lease_owner or "",
            why=why,
            take_id=row.id,
            shot_id=row.shot_id,
            from_state=found.state,
            to_state=state,
            data={"part": part, "sha256": sha256},
        )
        return one(conn, row.id, part)


# ---------------------------------------------------------------- inside a transaction


def read(conn: Connection, take_id: str) -> list[PartRecord]:
    """A take's parts in order."""
    query = select(table).where(table.c.take_id == take_id).order_by(table.c.part)
    return [PartRecord.of(row) for row in conn.execute(query).mappings()]


def one(conn: Connection, take_id: str, part: int) -> PartRecord:
    """One part. Raises LedgerError where there is none."""
    query = select(table).where(table.c.take_id == take_id, table.c.part == part)
    row = conn.execute(query).mappings().first()
    if row is None:
        raise LedgerError("the take has no such part", value=part)
    return PartRecord.of(row)


def put(conn: Connection, take_id: str, parts: Sequence[int], state: TakeState, **values: object) -> None:
    """Set the state (and more) of some parts."""
    if parts:
        mine = (table.c.take_id == take_id) & table.c.part.in_(parts)
        conn.execute(update(table).where(mine).values(state=state, **values))


def begun(take: TakeRecord, parts: Sequence[PartRecord]) -> list[PartRecord]:
    """The parts that count: of a chain, those whose turn has come."""
    if not take.chained:
        return list(parts)
    return [one for one in parts if one.state is not TakeState.PLANNED] or list(parts[:1])


def state_of(take: TakeRecord, parts: Sequence[PartRecord]) -> TakeState:
    """The state a take has by its parts: SENDING while one is on its way, whatever befalls the others."""
    states = [one.state for one in begun(take, parts)]
    return TakeState.SENDING if TakeState.SENDING in states else of_parts(states)


def follow_move(conn: Connection, take: TakeRecord, to: TakeState) -> None:
    """Bring the parts to where their take is moved (FAILED and CANCELLED leave them as they are)."""
    if to in (TakeState.FAILED, TakeState.CANCELLED):
        return
    there = read(conn, take.id)
    if to is TakeState.PREPARED:
        waiting = [one.part for one in there if one.state is TakeState.PLANNED]
        if take.state is TakeState.FETCHED and not (take.chained and waiting):
            raise LedgerError("there is no next part to prepare", value=take.label)
        put(conn, take.id, waiting[:1] if take.chained else waiting, to)
        return
    if take.chained and to in (TakeState.CONFORMED, TakeState.READY) and len(begun(take, there)) < len(there):
        raise LedgerError("not every part of the chain was made", value=take.label)
    behind = [one.part for one in begun(take, there) if _before(one.state, to)]
    put(conn, take.id, behind, to)


def _before(state: TakeState, to: TakeState) -> bool:
    return state in ADVANCE and ADVANCE.index(state) < ADVANCE.index(to)
