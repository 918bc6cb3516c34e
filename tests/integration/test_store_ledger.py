"""Opening, migrating and refusing a ledger; what the database says in our words."""

from __future__ import annotations

import sqlite3
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from otio_bridge.errors import LedgerError
from otio_bridge.store import events, migrate, place, tables
from otio_bridge.store.ledger import Ledger


def test_the_migrated_schema_is_the_schema(ledger: Ledger) -> None:
    with ledger.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_partial_indexes_and_checks_are_migrated_too(tmp_path: Path) -> None:
    """SQLite states its schema as text: every table and index, conditions and all."""
    made = create_engine(f"sqlite:///{tmp_path / 'made.sqlite'}")
    tables.metadata.create_all(made)
    made.dispose()
    Ledger.open(f"sqlite:///{tmp_path / 'migrated.sqlite'}").close()

    def schema(name: str) -> set[tuple[str, ...]]:
        conn = sqlite3.connect(tmp_path / name)
        found = [row[0] for row in conn.execute("SELECT sql FROM sqlite_master WHERE sql > ''")]
        conn.close()
        lines = [" ".join(line.replace('"', "").split()).removesuffix(" )") for line in found]
        # Constraints may be told in another order.
        return {tuple(sorted(line.split(", "))) for line in lines if "alembic_version" not in line}

    assert schema("migrated.sqlite") == schema("made.sqlite")


def test_the_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD
    assert migrate.HEAD in migrate.known()


def test_a_ledger_keeps_its_id(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as first, Ledger.open(ledger_url, create=False) as second:
        assert first.id == second.id and len(first.id) == 36
        assert abs((first.now() - second.now()).total_seconds()) < 30


def test_many_opening_a_new_ledger_at_once_make_one(ledger_url: str) -> None:
    def one(_: int) -> str:
        with Ledger.open(ledger_url, busy=60) as ledger:
            return ledger.id

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(one, range(5)))) == 1


def test_a_newer_ledger_is_refused_with_the_remedy(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger, ledger.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match="newer") as info:
        Ledger.open(ledger_url)
    assert info.value.next == "pip install --upgrade otio-bridge"


def test_a_missing_ledger_is_not_made_unasked(tmp_path: Path) -> None:
    path = tmp_path / "none" / "ledger.sqlite"
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger.open(f"sqlite:///{path}", create=False)
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger.open(f"sqlite:///{path}", create=False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.sqlite"
    Ledger.open(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_urls_that_cannot_be_a_ledger(url: str) -> None:
    with pytest.raises(LedgerError):
        Ledger.open(url)


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(LedgerError, match="not a database"):
        Ledger.open(f"sqlite:///{path}")


def test_a_locked_ledger_says_so_in_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with Ledger.open(url) as one, Ledger.open(url, busy=0.1) as two:
        with one.write(), pytest.raises(LedgerError, match="locked"):
            events.note(two, "x", author="ann")
        with one.write():
            assert events.events_of(two) == []  # readers are never locked out
        events.note(two, "x", author="ann")


def test_sqlite_is_durable(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger, ledger.read() as conn:
        found = [conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert found == ["wal", 2]
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_an_error_undoes_everything(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger.write() as conn:
        events.write(conn, ledger.now(conn), "note", who="ann")
        raise RuntimeError
    assert events.events_of(ledger) == []


def test_a_network_share_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The mount table is the system's, not ours: here it says what a render farm's says.
    class Mount:
        mountpoint, fstype = str(tmp_path), "nfs4"

    monkeypatch.setattr(place.psutil, "disk_partitions", lambda all: [Mount])
    with pytest.raises(LedgerError, match="network share"):
        Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    assert not list(tmp_path.iterdir())
