"""The ledger: one database, SQLite or PostgreSQL, behind two kinds of transaction.

SQLite runs in WAL with FULL sync: a commit is on the disk when `write()` returns, which the money needs
(T3, T4). Writers take the lock at their start (BEGIN IMMEDIATE), so that what they read stays true.
On PostgreSQL rows are locked one by one, and `exclusive` locks what has no row yet.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from otio_bridge.errors import BridgeError, LedgerError, StaleMove
from otio_bridge.failpoints import failpoint
from otio_bridge.store import migrate, tables
from otio_bridge.store.place import refuse_network_share

Clock = Callable[[], datetime]


class Ledger:
    """An open ledger; safe to use from several threads, not across a fork."""

    def __init__(self, engine: Engine, *, clock: Clock | None) -> None:
        self._engine = engine
        self._writer = engine.execution_options(ledger_writes=True)
        self._clock = clock
        self._sqlite = engine.dialect.name == "sqlite"
        with self.read() as conn:
            self.id: str = conn.execute(
                select(tables.meta.c.value).where(tables.meta.c.key == "id")
            ).scalar_one()

    @classmethod
    def open(cls, url: str, *, create: bool = True, busy: float = 10.0, clock: Clock | None = None) -> Ledger:
        """Open and, where need be, make or migrate the ledger at a SQLAlchemy URL.

        `busy` is how many seconds a locked database is waited for; `clock` replaces the real one in tests.
        Raises LedgerError: unknown URL, unreachable, none there (`create=False`), on a network share,
        or written by a newer version.
        """
        engine = _engine(url, create=create, busy=busy)
        try:
            with translated(engine):
                migrate.upgrade(
                    engine.execution_options(ledger_writes=True), create=create, ledger_id=new_id()
                )
            return cls(engine, clock=clock)
        except BaseException:
            engine.dispose()
            raise

    def close(self) -> None:
        """Let go of every connection; the ledger must not be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing and sees one moment. Raises LedgerError."""
        with translated(self._engine), self._engine.connect() as conn:
            yield conn

    @contextmanager
    def write(self, point: str = "") -> Iterator[Connection]:
        """A transaction that is committed at its end, or undone by any error.

        `point` names its failpoints (`T3`: `T3.before`, `T3.inside`, `T3.after`).
        Raises StaleMove where the database forbids what was to be written, else LedgerError.
        """
        if point:
            failpoint(f"{point}.before")
        with translated(self._engine), self._writer.begin() as conn:
            yield conn
            if point:
                failpoint(f"{point}.inside")
        if point:
            failpoint(f"{point}.after")

    def now(self, conn: Connection | None = None) -> datetime:
        """The time all processes agree on, UTC: the database's clock on PostgreSQL, else this machine's."""
        if self._clock is not None:
            return self._clock().astimezone(UTC)
        if self._sqlite:
            return datetime.now(UTC)
        if conn is None:
            with self.read() as own:
                return self.now(own)
        found: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)

    def exclusive(self, conn: Connection, what: str) -> None:
        """Hold `what` alone until the transaction ends; SQLite's writers are alone anyway."""
        if not self._sqlite:
            key = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], "big", signed=True)
            conn.execute(select(func.pg_advisory_xact_lock(key)))

    def freeze_takes(self, conn: Connection) -> None:
        """Let nobody else change a take until the transaction ends; SQLite's writers are alone anyway."""
        if not self._sqlite:
            conn.execute(text("LOCK TABLE take IN EXCLUSIVE MODE"))


def new_id() -> str:
    """A uuid as text; the one place where ids are made."""
    return str(uuid4())


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """SQLAlchemy's errors as ours, here and nowhere else. Raises StaleMove, LedgerError."""
    try:
        yield
    except BridgeError:
        raise
    except IntegrityError as exc:
        raise StaleMove("the ledger forbids it: somebody else was first", value=exc.orig) from exc
    except SQLAlchemyError as exc:
        raise _explained(engine, exc) from exc


def _explained(engine: Engine, exc: SQLAlchemyError) -> LedgerError:
    where = engine.url.render_as_string(hide_password=True)
    words = str(getattr(exc, "orig", None) or exc).strip().splitlines()[0]
    if "locked" in words or "busy" in words:
        what = f"the ledger is locked by another process ({words})"
        return LedgerError(what, value=where, next="try again; otio-bridge doctor says who holds it")
    if "full" in words:
        return LedgerError(f"the ledger's disk is full ({words})", value=where, next="free some space")
    return LedgerError(f"the ledger cannot be used ({words})", value=where, next="otio-bridge doctor")


def _engine(url: str, *, create: bool, busy: float) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise LedgerError("not a database URL", next="see database_url in docs/settings.md") from exc
    name = parsed.get_backend_name()
    if name == "sqlite":
        return _sqlite_engine(parsed, create=create, busy=busy)
    if name not in ("postgresql", "postgres"):
        raise LedgerError("unknown kind of database", value=name, allowed="sqlite, postgresql")
    try:
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": max(2, round(busy)),
                "options": f"-c lock_timeout={round(busy * 1000)}",
            },
        )
    except ModuleNotFoundError as exc:
        raise LedgerError(
            "PostgreSQL needs another package", value=exc.name, next="pip install 'otio-bridge[postgres]'"
        ) from exc


def _sqlite_engine(url: URL, *, create: bool, busy: float) -> Engine:
    if not url.database or url.database == ":memory:":
        raise LedgerError("a ledger needs a file", value=url.render_as_string())
    path = Path(url.database)
    refuse_network_share(path)
    _make_file(path, create=create)
    engine = create_engine(url, connect_args={"timeout": busy})

    @event.listens_for(engine, "connect")
    def _settle(connection: sqlite3.Connection, _: object) -> None:
        # The driver's own transactions would begin too late (at the first write): we say BEGIN ourselves.
        connection.isolation_level = None
        mode = _write_ahead(connection, busy)
        if mode != "wal":
            raise LedgerError("SQLite cannot use its write-ahead log here", value=path, next="a local disk")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        writes: Any = conn.get_execution_options().get("ledger_writes")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection, busy: float) -> str:
    """Switch the write-ahead log on; the mode it has then.

    SQLite does not wait by itself while the last other connection closes, or the first one opens the log.
    """
    until = time.monotonic() + busy
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _make_file(path: Path, *, create: bool) -> None:
    """An empty file only its owner reads, where there is none."""
    if path.is_file():
        return
    if not create:
        raise LedgerError("there is no ledger here", value=path, next="otio-bridge init")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as exc:
        raise LedgerError(f"the ledger cannot be made ({exc.strerror})", value=path) from exc
