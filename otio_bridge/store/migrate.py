"""Bringing a ledger to the schema this version knows; alembic is imported only where there is work."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, column, func, insert, inspect, select, table

from otio_bridge.errors import LedgerError
from otio_bridge.store import tables

#: The revision this version reads and writes: the newest in migrations/versions.
HEAD = "0001"
SCRIPTS = Path(__file__).parent / "migrations"
#: Any constant; the same for every process that migrates.
_LOCK = 0x6F74696F  # "otio"
# alembic's context is a module global: one thread at a time.
_one_at_a_time = threading.Lock()
_version = table("alembic_version", column("version_num"))


def upgrade(engine: Engine, *, create: bool, ledger_id: str) -> None:
    """Make or migrate the schema, once over all processes. Raises LedgerError for a newer ledger."""
    with engine.connect() as conn:
        if revision(conn) == HEAD:
            return
    with _one_at_a_time, engine.execution_options(ledger_writes=True).begin() as conn:
        if engine.dialect.name == "postgresql":
            conn.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        found = revision(conn)
        if found == HEAD:
            return
        if found is None and not create:
            raise LedgerError("there is no ledger here", value=_where(conn), next="otio-bridge init")
        if found is not None and found not in known():
            raise LedgerError(
                "this ledger was written by a newer otio-bridge",
                value=f"revision {found}",
                allowed=f"up to {HEAD}",
                next="pip install --upgrade otio-bridge",
            )
        _run(conn)
        if found is None:
            conn.execute(insert(tables.meta).values(key="id", value=ledger_id))


def revision(conn: Connection) -> str | None:
    """The ledger's revision; None for an empty database."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(select(_version.c.version_num)).scalar_one_or_none()


def known() -> frozenset[str]:
    """Every revision that can be migrated from: the names of the version files before their `_`."""
    return frozenset(path.name.partition("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*_*.py"))


def _run(conn: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 0.1 s that only a new or old ledger should cost
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def _where(conn: Connection) -> str:
    return conn.engine.url.render_as_string(hide_password=True)
