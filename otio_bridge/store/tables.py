"""The ledger's tables, for SQLite and PostgreSQL alike (design §4).

Money is integer micro-units with its currency. Times are UTC. JSON is text with one spelling
(`model.request.canonical_json`). Uniqueness that protects money stands here, in the database, not in code.

Longer than 300 lines because it is a list: the whole schema, to be read on one page.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from otio_bridge.model.request import canonical_json
from otio_bridge.model.take import HOLDING_CALLS
from otio_bridge.model.value import Value, fraction_text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps it as text of fixed width, which sorts as time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC; naive for SQLite, which has no zones. A naive time is a programming error."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """Text holding canonical JSON; takes frozen values as well as plain JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """One spelling, so that equal values are equal text."""
        if value is None:
            return None
        return canonical_json(value.model_dump(mode="json") if isinstance(value, Value) else value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Plain JSON; the record that reads it makes the value."""
        return None if value is None else json.loads(value)


class Exact(TypeDecorator[Fraction]):
    """A fraction as text, `24000/1001`."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Fraction | None, dialect: Dialect) -> str | None:
        """Exact text."""
        return None if value is None else fraction_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Fraction | None:
        """The fraction again."""
        return None if value is None else Fraction(value)


_ID = String(36)
_WORD = String(40)
_NAME = String(255)
_SHA = String(64)


def _id(name: str, target: str, *, null: bool = False) -> Column[str]:
    return Column(name, _ID, ForeignKey(target), nullable=null)


def _micro(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


#: What is true of the ledger itself: its id, when it was made.
meta = Table("meta", metadata, Column("key", _WORD, primary_key=True), Column("value", Text, nullable=False))

edit = Table(
    "edit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("cut", _NAME, nullable=False),
    Column("name", _NAME, nullable=False),
    Column("path", Text, nullable=False),
    Column("format", _WORD, nullable=False),
    Column("sha256", _SHA, nullable=False),
    Column("rate", Exact, nullable=False),
    Column("drop", Boolean, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("author", _NAME, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index(None, "cut"),
)

shot = Table(
    "shot",
    metadata,
    Column("id", _ID, primary_key=True),
    #: Names belong to the project; none is ever used again for another shot.
    Column("name", _NAME, nullable=False, unique=True),
    Column("cut", _NAME, nullable=False),
    Column("op_class", _WORD, nullable=False),
    Column("placement", _WORD, nullable=False),
    Column("media", Text, nullable=False),
    Column("rate", Exact, nullable=False),
    Column("drop", Boolean, nullable=False),
    Column("need", Json, nullable=False),
    Column("ask", Json, nullable=False),
    Column("spec", Json, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
)

occurrence = Table(
    "occurrence",
    metadata,
    Column("id", _ID, primary_key=True),
    _id("shot_id", "shot.id"),
    _id("edit_id", "edit.id", null=True),
    Column("cut", _NAME, nullable=False),
    Column("address", _NAME, nullable=False),
    Column("track", Integer, nullable=False),
    Column("track_name", _NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("gap", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("record", Json, nullable=False),
    Column("rate", Exact, nullable=False),
    Column("drop", Boolean, nullable=False),
    Column("span", Json, nullable=False),
    Column("need", Json, nullable=False),
    Column("media", Text, nullable=False),
    Column("token", _NAME),
    Column("spec", Json, nullable=False),
    #: Whether the newest edit of its cut still shows it.
    Column("present", Boolean, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Index(None, "shot_id"),
    Index(None, "cut"),
)

plate = Table(
    "plate",
    metadata,
    Column("id", _ID, primary_key=True),
    _id("shot_id", "shot.id"),
    Column("number", Integer, nullable=False),
    Column("media", Text, nullable=False),
    Column("range", Json, nullable=False),
    Column("rate", Exact, nullable=False),
    Column("drop", Boolean, nullable=False),
    Column("encoding", _WORD, nullable=False),
    Column("path", Text),
    Column("sha256", _SHA),
    Column("spec", Json, nullable=False),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("shot_id", "number"),
)

take = Table(
    "take",
    metadata,
    Column("id", _ID, primary_key=True),
    _id("shot_id", "shot.id"),
    Column("number", Integer, nullable=False),
    _id("plate_id", "plate.id", null=True),
    _id("parent_id", "take.id", null=True),
    Column("request", Json, nullable=False),
    Column("request_hash", _SHA, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("seed", BigInteger),
    Column("provider", _NAME, nullable=False),
    Column("model", _NAME, nullable=False),
    Column("account", _NAME, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("chained", Boolean, nullable=False),
    Column("temp", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", _WORD, nullable=False),
    Column("resume_state", _WORD),
    Column("code", _WORD),
    Column("why", Text, nullable=False),
    Column("wait_code", _WORD),
    Column("queue", _WORD, nullable=False),
    #: When its next step may begin; NULL: when somebody says so.
    Column("due_at", Utc),
    Column("token", BigInteger, nullable=False),
    Column("lease_owner", _NAME),
    Column("lease_until", Utc),
    Column("tries", Integer, nullable=False),
    Column("cancel_asked_at", Utc),
    _micro("hold"),
    _micro("held"),
    _micro("spent"),
    Column("currency", String(12), nullable=False),
    Column("provenance", Json, nullable=False),
    Column("result", Json, nullable=False),
    Column("author", _NAME, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    UniqueConstraint("shot_id", "number"),
    UniqueConstraint("shot_id", "request_hash", "ordinal"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("spent >= 0", name="spent"),
    Index("ix_take_ready", "queue", "state", "due_at"),
    Index(None, "state"),
)

part = Table(
    "part",
    metadata,
    Column("take_id", _ID, ForeignKey("take.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("state", _WORD, nullable=False),
    Column("file", Text),
    Column("sha256", _SHA),
    Column("result", Json, nullable=False),
)

_HOLDING = f"state IN ({', '.join(repr(state.value) for state in sorted(HOLDING_CALLS))})"

call = Table(
    "call",
    metadata,
    #: Our reference at the provider.
    Column("uuid", _ID, primary_key=True),
    _id("take_id", "take.id"),
    Column("part", Integer, nullable=False),
    #: Which attempt at this part, from 1.
    Column("n", Integer, nullable=False),
    Column("provider", _NAME, nullable=False),
    Column("account", _NAME, nullable=False),
    Column("fingerprint", _NAME, nullable=False),
    Column("state", _WORD, nullable=False),
    #: It may be sent once more with the same uuid (pure and keyed providers).
    Column("again", Boolean, nullable=False),
    Column("intent_at", Utc, nullable=False),
    #: Nobody can still be sending it after this (lease, step deadline and HTTP timeout).
    Column("quiet_at", Utc, nullable=False),
    Column("sender", _NAME),
    Column("remote_id", Text),
    Column("accepted_at", Utc),
    Column("due_at", Utc),
    Column("asked_at", Utc),
    Column("asks", Integer, nullable=False),
    Column("fraction", Float),
    _micro("hold"),
    _micro("held"),
    _micro("spent"),
    Column("currency", String(12), nullable=False),
    Column("settled_at", Utc),
    #: "provider" where it said what it charged, else "table".
    Column("settled_by", _WORD),
    Column("why", Text, nullable=False),
    #: Quote, price in the provider's own currency, exchange rate.
    Column("detail", Json, nullable=False),
    UniqueConstraint("take_id", "part", "n"),
    UniqueConstraint("provider", "account", "remote_id"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("spent >= 0", name="spent"),
    #: A part is never paid for twice: the rule that carries the money.
    Index(
        "uq_call_holding",
        "take_id",
        "part",
        unique=True,
        sqlite_where=text(_HOLDING),
        postgresql_where=text(_HOLDING),
    ),
    Index("ix_call_due", "state", "due_at"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("provider", _NAME, nullable=False),
    Column("account", _NAME, nullable=False),
    #: SHA-256 of what was uploaded.
    Column("content", _SHA, nullable=False),
    Column("handle", Text, nullable=False),
    Column("expires_at", Utc),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("provider", "account", "content"),
)

budget = Table(
    "budget",
    metadata,
    #: `project`, `provider:<name>`, `shot:<id>` (money.scopes_of).
    Column("scope", _NAME, primary_key=True),
    Column("currency", String(12), nullable=False),
    _micro("cap"),
    _micro("held"),
    _micro("spent"),
    Column("changed_at", Utc, nullable=False),
    CheckConstraint("cap >= 0", name="cap"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("spent >= 0", name="spent"),
)

review = Table(
    "review",
    metadata,
    Column("take_id", _ID, ForeignKey("take.id"), primary_key=True),
    Column("state", _WORD, nullable=False),
    Column("note", Text, nullable=False),
    Column("author", _NAME, nullable=False),
    Column("at", Utc, nullable=False),
)

pick = Table(
    "pick",
    metadata,
    Column("shot_id", _ID, ForeignKey("shot.id"), primary_key=True),
    #: One occurrence, or empty: wherever the shot is shown.
    Column("occurrence_id", _ID, primary_key=True),
    _id("take_id", "take.id"),
    Column("author", _NAME, nullable=False),
    Column("at", Utc, nullable=False),
)

#: Append-only: who did what when, from which state to which, and why.
event = Table(
    "event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Utc, nullable=False),
    Column("who", _NAME, nullable=False),
    Column("kind", _WORD, nullable=False),
    _id("shot_id", "shot.id", null=True),
    _id("take_id", "take.id", null=True),
    Column("call_uuid", _ID),
    Column("from_state", _WORD),
    Column("to_state", _WORD),
    Column("why", Text, nullable=False),
    Column("data", Json, nullable=False),
    Index(None, "take_id"),
    Index(None, "shot_id"),
)

process = Table(
    "process",
    metadata,
    #: The `owner` of leases.
    Column("id", _NAME, primary_key=True),
    Column("kind", _WORD, nullable=False),
    Column("host", _NAME, nullable=False),
    Column("pid", Integer, nullable=False),
    #: The operating system's start time of the process in microseconds: with the pid, its identity.
    Column("started", BigInteger, nullable=False),
    Column("queues", Json, nullable=False),
    Column("roots", Json, nullable=False),
    Column("detail", Json, nullable=False),
    Column("seen_at", Utc, nullable=False),
    #: Known dead since; NULL while it may be alive.
    Column("gone_at", Utc),
    Index(None, "seen_at"),
)
