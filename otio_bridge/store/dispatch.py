"""T1: an edit's shots, their takes and the money for them, all or nothing.

Two sends at once make one set of takes: dispatches run one after the other (SQLite's write lock, an advisory
lock on PostgreSQL), and the second finds the first one's takes under the same request hash and ordinal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from otio_bridge.errors import LedgerError
from otio_bridge.model.money import Money
from otio_bridge.model.request import Request
from otio_bridge.model.take import TakeState
from otio_bridge.store import events, money, rows, shots
from otio_bridge.store.ledger import Ledger, new_id
from otio_bridge.store.records import Dispatched, EditWrite, Json, TakeRecord, Wanted
from otio_bridge.store.tables import part, take


def dispatch(
    ledger: Ledger,
    wanted: Sequence[Wanted],
    *,
    author: str,
    edit: EditWrite | None,
    currency: str,
    shot_cap: Money | None = None,
) -> Dispatched:
    """T1. Of each request there are `takes` takes afterwards, plus `more`; new ones are PLANNED and reserved.

    A take that failed counts as one that is there. `shot_cap` becomes the cap of every shot named. Raises
    MoneyError (nothing was written) where a cap does not allow it, StaleMove where a new shot's name was
    given to another shot in the meantime.
    """
    for one in wanted:
        if one.hold_each.currency != currency:
            raise LedgerError("a hold is in another currency than the budgets", value=one.hold_each)
    with ledger.write("T1") as conn:
        ledger.exclusive(conn, "dispatch")
        now = ledger.now(conn)
        saved = shots.write_edit(conn, now, edit, author=author) if edit is not None else None
        ids = shots.write_shots(
            conn,
            now,
            [one.shot for one in wanted],
            edit_id=saved.id if saved else None,
            author=author,
        )
        if shot_cap is not None:
            for shot_id in sorted(set(ids.values())):
                money.put_cap(ledger, conn, now, f"shot:{shot_id}", shot_cap, author=author)
        with_plate = [one for one in wanted if one.plate is not None]
        cut = shots.write_plates(
            conn, now, [(ids[one.shot.id], one.plate) for one in with_plate if one.plate is not None]
        )
        plates = {id(one): record.id for one, record in zip(with_plate, cut, strict=True)}
        book = _Book(conn, now, author, currency, {ids[one.shot.id] for one in wanted})
        asked = [book.ask(one, ids[one.shot.id], plates.get(id(one))) for one in wanted]
        book.write()
        found = {row.id: row for row in _takes(conn, [key for keys in asked for key in keys])}
        return Dispatched(
            edit=saved,
            takes=tuple(found[key] for key in dict.fromkeys(key for keys in asked for key in keys)),
            created=frozenset(row["id"] for row in book.fresh),
            held=Money(micro=sum(row["held"] for row in book.fresh), currency=currency),
        )


def add(
    ledger: Ledger,
    shot_id: str,
    *,
    request: Request,
    author: str,
    file: str,
    sha256: str,
    cost: Money,
    provider: str = "added",
    model: str = "",
    plate_id: str | None = None,
    parent_id: str | None = None,
    provenance: Json | None = None,
    temp: bool = False,
    queue: str = "cpu",
) -> TakeRecord:
    """A take made elsewhere: FETCHED, to be conformed and checked as any other; what it cost is booked."""
    with ledger.write() as conn:
        ledger.exclusive(conn, "dispatch")
        now = ledger.now(conn)
        book = _Book(conn, now, author, cost.currency, {shot_id})
        row = book.row(
            shot_id,
            request,
            ordinal=max(book.ordinals[shot_id, request.digest()], default=0) + 1,
            state=TakeState.FETCHED,
            plate_id=plate_id,
            parent_id=parent_id,
            provider=provider,
            model=model,
            account="",
            hold=0,
            parts=1,
            temp=temp,
            provenance=provenance or {},
            queue=queue,
        )
        book.write(files={row["id"]: (file, sha256)}, spent=cost.micro)
        made = rows.take_by_id(conn, row["id"])
        if cost.micro:
            money.book(conn, made, held=0, spent=cost.micro)
        return made


class _Book:
    """The takes of some shots as they stand, and those that are to be added."""

    def __init__(
        self, conn: Connection, now: datetime, author: str, currency: str, shot_ids: set[str]
    ) -> None:
        self.conn, self.now, self.author, self.currency = conn, now, author, currency
        self.numbers: dict[str, int] = defaultdict(int)
        #: (shot, request hash) -> ordinal -> take id
        self.ordinals: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
        self.fresh: list[dict[str, Any]] = []
        columns = (take.c.id, take.c.shot_id, take.c.request_hash, take.c.ordinal, take.c.number)
        for some in rows.chunks(shot_ids):
            for row in conn.execute(select(*columns).where(take.c.shot_id.in_(some))):
                self.ordinals[row.shot_id, row.request_hash][row.ordinal] = row.id
                self.numbers[row.shot_id] = max(self.numbers[row.shot_id], row.number)

    def ask(self, one: Wanted, shot_id: str, plate_id: str | None) -> list[str]:
        """The ids of every take of a request, after adding those that are missing."""
        there = self.ordinals[shot_id, one.request.digest()]
        highest = max([one.takes, *there])
        for ordinal in (*range(1, one.takes + 1), *range(highest + 1, highest + one.more + 1)):
            if ordinal not in there:
                self.row(
                    shot_id,
                    one.request,
                    ordinal=ordinal,
                    state=TakeState.PLANNED,
                    plate_id=plate_id,
                    parent_id=one.parent_id,
                    provider=one.provider,
                    model=one.model,
                    account=one.account,
                    hold=one.hold_each.micro,
                    parts=one.parts,
                    chained=one.chained,
                    temp=one.temp,
                    priority=one.priority,
                    provenance=one.provenance,
                    queue=one.queue,
                )
        return [there[ordinal] for ordinal in sorted(there)]

    def row(
        self,
        shot_id: str,
        request: Request,
        *,
        ordinal: int,
        hold: int,
        chained: bool = False,
        priority: int = 0,
        **columns: Any,
    ) -> dict[str, Any]:
        """Add one take, with the shot's next number."""
        self.numbers[shot_id] += 1
        digest = request.digest()
        row = {
            **columns,
            "id": new_id(),
            "shot_id": shot_id,
            "number": self.numbers[shot_id],
            "request": request,
            "request_hash": digest,
            "ordinal": ordinal,
            "seed": None if request.seed is None else request.seed + ordinal - 1,
            "chained": chained,
            "priority": priority,
            "resume_state": None,
            "code": None,
            "why": "",
            "wait_code": None,
            "due_at": self.now,
            "token": 0,
            "lease_owner": None,
            "lease_until": None,
            "tries": 0,
            "cancel_asked_at": None,
            "hold": hold,
            "held": hold,
            "spent": 0,
            "currency": self.currency,
            "result": {},
            "author": self.author,
            "created_at": self.now,
            "changed_at": self.now,
        }
        self.ordinals[shot_id, digest][ordinal] = row["id"]
        self.fresh.append(row)
        return row

    def write(self, *, files: dict[str, tuple[str, str]] | None = None, spent: int = 0) -> None:
        """Insert the takes with their parts and events, and reserve their money."""
        if not self.fresh:
            return
        for row in self.fresh:
            row["spent"] = spent
        self.conn.execute(insert(take), self.fresh)
        self.conn.execute(
            insert(part),
            [
                {
                    "take_id": row["id"],
                    "part": index,
                    "state": row["state"],
                    "file": (files or {}).get(row["id"], (None, None))[0],
                    "sha256": (files or {}).get(row["id"], (None, None))[1],
                    "result": {},
                }
                for row in self.fresh
                for index in range(row["parts"])
            ],
        )
        events.insert_all(self.conn, [self._event(row) for row in self.fresh])
        wanted: dict[str, int] = defaultdict(int)
        for row in self.fresh:
            for scope in money.scopes_of(row["shot_id"], row["provider"]):
                wanted[scope] += row["held"]
        money.reserve(
            self.conn, {scope: Money(micro=x, currency=self.currency) for scope, x in wanted.items()}
        )

    def _event(self, row: dict[str, Any]) -> dict[str, Any]:
        return events.row(
            self.now,
            "take",
            who=self.author,
            why=f"v{row['number']:03d} by {row['provider']}",
            shot_id=row["shot_id"],
            take_id=row["id"],
            to_state=row["state"],
            data={"held": row["held"], "spent": row["spent"]},
        )


def _takes(conn: Connection, ids: Sequence[str]) -> list[TakeRecord]:
    return [
        row
        for some in rows.chunks(ids)
        for row in rows.read_takes(conn, rows.takes().where(take.c.id.in_(some)))
    ]
