"""Edits, shots, their occurrences and their plates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from otio_bridge.errors import LedgerError, StaleMove
from otio_bridge.store import events
from otio_bridge.store.ledger import Ledger, new_id
from otio_bridge.store.records import (
    EditRecord,
    EditWrite,
    Json,
    OccurrenceRecord,
    OccurrenceWrite,
    PlateRecord,
    PlateWrite,
    ShotRecord,
    ShotWrite,
)
from otio_bridge.store.rows import chunks
from otio_bridge.store.tables import edit, occurrence, plate, shot

# ---------------------------------------------------------------- verbs


def save_edit(
    ledger: Ledger, saved: EditWrite, *, shots: Sequence[ShotWrite] = (), complete: bool = False, author: str
) -> EditRecord:
    """Remember an edit and the shots it shows, sending nothing.

    With `complete`, occurrences of its cut that are not among `shots` are no longer present. Raises StaleMove
    where another shot took a name in the meantime.
    """
    with ledger.write() as conn:
        ledger.exclusive(conn, "dispatch")
        now = ledger.now(conn)
        record = write_edit(conn, now, saved, author=author)
        written = write_shots(conn, now, shots, edit_id=record.id, author=author)
        if complete:
            there = (occurrence.c.cut == saved.cut) & occurrence.c.present
            rows = conn.execute(select(occurrence.c.id, occurrence.c.shot_id).where(there))
            gone = [row.id for row in rows if row.shot_id not in set(written.values())]
            for some in chunks(gone):
                conn.execute(update(occurrence).where(occurrence.c.id.in_(some)).values(present=False))
        return record


def add_occurrence(
    ledger: Ledger, shot_id: str, seen: OccurrenceWrite, *, seen_at: datetime
) -> OccurrenceRecord:
    """Remember a clip of an edit that was not sent, so that it can be picked for; the others stay as they are."""
    with ledger.write() as conn:
        values = {**dict(seen), "id": new_id(), "shot_id": shot_id, "edit_id": None}
        values |= {"present": True, "seen_at": seen_at}
        conn.execute(insert(occurrence), [values])
        return OccurrenceRecord.of(values)


def known_shots(ledger: Ledger, cuts: Iterable[str] | None = None) -> list[ShotRecord]:
    """Shots with their occurrences and plates, by name; of the cuts named, else of all.

    A shot belongs to every cut it has an occurrence in (present or not), and keeps those of other cuts.
    """
    query = select(shot).order_by(shot.c.name)
    if cuts is not None:
        wanted = list(cuts)
        seen = select(occurrence.c.shot_id).where(occurrence.c.cut.in_(wanted))
        query = query.where(shot.c.cut.in_(wanted) | shot.c.id.in_(seen))
    return _shots(ledger, query)


def all_shots(ledger: Ledger) -> list[ShotRecord]:
    """Every shot of the project, by name."""
    return known_shots(ledger)


def shot_by_name(ledger: Ledger, name: str) -> ShotRecord | None:
    """The shot of that name."""
    found = _shots(ledger, select(shot).where(shot.c.name == name))
    return found[0] if found else None


def shot_by_id(ledger: Ledger, shot_id: str) -> ShotRecord | None:
    """The shot with that id."""
    found = _shots(ledger, select(shot).where(shot.c.id == shot_id))
    return found[0] if found else None


def edits(ledger: Ledger, cut: str | None = None) -> list[EditRecord]:
    """The edits of a cut, or all, oldest first."""
    query = select(edit).order_by(edit.c.created_at, edit.c.id)
    with ledger.read() as conn:
        rows = conn.execute(query if cut is None else query.where(edit.c.cut == cut)).mappings()
        return [EditRecord.of(row) for row in rows]


def plates_of(ledger: Ledger, shot_id: str) -> list[PlateRecord]:
    """A shot's plates, oldest first."""
    query = select(plate).where(plate.c.shot_id == shot_id).order_by(plate.c.number)
    with ledger.read() as conn:
        return [PlateRecord.of(row) for row in conn.execute(query).mappings()]


def plate_by_id(ledger: Ledger, plate_id: str) -> PlateRecord:
    """One plate. Raises LedgerError where there is none."""
    with ledger.read() as conn:
        return _plate(conn, plate_id)


def set_plate(
    ledger: Ledger, plate_id: str, *, path: str, sha256: str, spec: Json | None = None, by: str = ""
) -> PlateRecord:
    """Write where a plate lies, once: who comes second is given what the first one wrote."""
    with ledger.write() as conn:
        now = ledger.now(conn)
        values: dict[str, Any] = {"path": path, "sha256": sha256} | ({} if spec is None else {"spec": spec})
        mine = (plate.c.id == plate_id) & plate.c.path.is_(None)
        done = conn.execute(update(plate).where(mine).values(**values))
        found = _plate(conn, plate_id)
        if done.rowcount:
            why = f"{found.name} {path}"
            events.write(conn, now, "plate", who=by, why=why, shot_id=found.shot_id, data={"sha256": sha256})
        return found


# ---------------------------------------------------------------- inside a transaction


def write_edit(conn: Connection, now: datetime, saved: EditWrite, *, author: str) -> EditRecord:
    """The edit's row; the same file of the same cut is the same edit."""
    same = (edit.c.cut == saved.cut) & (edit.c.sha256 == saved.sha256) & (edit.c.path == saved.path)
    found = conn.execute(select(edit).where(same)).mappings().first()
    if found is not None:
        return EditRecord.of(found)
    record = EditRecord(**dict(saved), id=new_id(), author=author, created_at=now)
    conn.execute(insert(edit), [dict(record)])
    return record


def write_shots(
    conn: Connection, now: datetime, shots: Sequence[ShotWrite], *, edit_id: str | None, author: str
) -> dict[str, str]:
    """Make or refresh shots and their occurrences; the ledger's id for each id given.

    They differ where two sends at once proposed the same new shot: it is made once. Raises StaleMove where
    the name means another shot by now.
    """
    wanted = {one.id: one for one in shots}
    known = {row["id"]: row for row in _rows_in(conn, select(shot), shot.c.id, wanted)}
    named = {row["name"]: row for row in _rows_in(conn, select(shot), shot.c.name, [w.name for w in shots])}
    ids: dict[str, str] = {}
    fresh: list[dict[str, Any]] = []
    for one in wanted.values():
        holder = named.get(one.name)
        if one.id not in known and holder is not None:
            _same_shot(one, holder)
        elif holder is not None and holder["id"] != one.id:
            raise _taken(one.name)
        ids[one.id] = holder["id"] if one.id not in known and holder is not None else one.id
        columns = {**dict(one), "changed_at": now}
        del columns["occurrences"]
        if one.id in known:
            conn.execute(update(shot).where(shot.c.id == one.id).values(**columns))
        elif holder is None:
            row = {**columns, "created_at": now}
            fresh.append(row)
            named[one.name] = row
    if fresh:
        conn.execute(insert(shot), fresh)
        made = [events.row(now, "shot", who=author, why=row["name"], shot_id=row["id"]) for row in fresh]
        events.insert_all(conn, made)
    _write_occurrences(conn, now, wanted.values(), ids, edit_id)
    return ids


def write_plates(
    conn: Connection, now: datetime, wanted: Sequence[tuple[str, PlateWrite]]
) -> list[PlateRecord]:
    """For each (shot id, plate) the shot's plate of that media, range, rate and encoding, made if need be."""
    there: dict[str, list[PlateRecord]] = defaultdict(list)
    query = select(plate).order_by(plate.c.number)
    for row in _rows_in(conn, query, plate.c.shot_id, [shot_id for shot_id, _ in wanted]):
        there[row["shot_id"]].append(PlateRecord.of(row))
    answer: list[PlateRecord] = []
    fresh: list[PlateRecord] = []
    for shot_id, one in wanted:
        same = [found for found in there[shot_id] if _plate_key(found) == _plate_key(one)]
        if not same:
            number = max((found.number for found in there[shot_id]), default=0) + 1
            made = PlateRecord(**dict(one), id=new_id(), shot_id=shot_id, number=number, created_at=now)
            there[shot_id].append(made)
            fresh.append(made)
            same = [made]
        answer.append(same[0])
    if fresh:
        conn.execute(insert(plate), [dict(made) for made in fresh])
    return answer


def _plate_key(one: PlateWrite) -> tuple[Any, ...]:
    return (one.media, one.range, one.rate, one.encoding)


def _same_shot(wanted: ShotWrite, found: Any) -> None:
    """Whether a shot of the same name was made meanwhile for the same picture. Raises StaleMove."""
    there = ShotRecord.of(found)
    for field in ("cut", "op_class", "media", "need"):
        if getattr(wanted, field) != getattr(there, field):
            raise _taken(wanted.name)


def _taken(name: str) -> StaleMove:
    return StaleMove("another shot was given this name in the meantime", value=name, next="run it again")


def _write_occurrences(
    conn: Connection, now: datetime, shots: Iterable[ShotWrite], ids: dict[str, str], edit_id: str | None
) -> None:
    """Refresh the occurrences of each shot in the cuts written: by id, else by token, else by address."""
    shots = [one for one in shots if one.occurrences]
    there = defaultdict(list)
    for row in _rows_in(conn, select(occurrence), occurrence.c.shot_id, set(ids.values())):
        there[row["shot_id"]].append(OccurrenceRecord.of(row))
    fresh: list[dict[str, Any]] = []
    for one in shots:
        shot_id = ids[one.id]
        left = list(there[shot_id])
        for item in one.occurrences:
            match = _match(item, left)
            columns = {**dict(item), "shot_id": shot_id, "edit_id": edit_id, "present": True, "seen_at": now}
            columns["id"] = item.id or (match.id if match else new_id())
            if match is None:
                fresh.append(columns)
            else:
                left.remove(match)
                conn.execute(update(occurrence).where(occurrence.c.id == match.id).values(**columns))
        cuts = {item.cut for item in one.occurrences}
        gone = [item.id for item in left if item.cut in cuts and item.present]
        if gone:
            conn.execute(update(occurrence).where(occurrence.c.id.in_(gone)).values(present=False))
    if fresh:
        conn.execute(insert(occurrence), fresh)


def _match(item: OccurrenceWrite, there: Sequence[OccurrenceRecord]) -> OccurrenceRecord | None:
    for one in there:
        if item.id is not None:
            if one.id == item.id:
                return one
        elif one.cut == item.cut and (
            (item.token is not None and one.token == item.token) or one.address == item.address
        ):
            return one
    return None


def _shots(ledger: Ledger, query: Select[Any]) -> list[ShotRecord]:
    with ledger.read() as conn:
        rows = list(conn.execute(query).mappings())
        ids = [row["id"] for row in rows]
        seen: dict[str, list[OccurrenceRecord]] = defaultdict(list)
        for row in _rows_in(conn, select(occurrence), occurrence.c.shot_id, ids):
            seen[row["shot_id"]].append(OccurrenceRecord.of(row))
        cut: dict[str, list[PlateRecord]] = defaultdict(list)
        for row in _rows_in(conn, select(plate).order_by(plate.c.number), plate.c.shot_id, ids):
            cut[row["shot_id"]].append(PlateRecord.of(row))
    return [
        ShotRecord.of(
            {
                **row,
                "occurrences": tuple(
                    sorted(seen[row["id"]], key=lambda one: (one.cut, one.record.start, one.id))
                ),
                "plates": tuple(cut[row["id"]]),
            }
        )
        for row in rows
    ]


def _plate(conn: Connection, plate_id: str) -> PlateRecord:
    row = conn.execute(select(plate).where(plate.c.id == plate_id)).mappings().first()
    if row is None:
        raise LedgerError("there is no such plate", value=plate_id)
    return PlateRecord.of(row)


def _rows_in(conn: Connection, query: Select[Any], where: Any, values: Iterable[str]) -> list[Any]:
    """Rows whose column is one of `values`, asked for in pieces a database can take."""
    return [row for some in chunks(values) for row in conn.execute(query.where(where.in_(some))).mappings()]
