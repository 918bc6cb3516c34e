"""The first ledger: edits, shots, plates, takes, calls, money, decisions, events, processes.

One statement a table; longer than 300 lines because a migration is never edited once released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "budget",
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("currency", sa.String(length=12), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cap >= 0", name=op.f("ck_budget_cap")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_budget_held")),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_budget_spent")),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_budget")),
    )
    op.create_table(
        "edit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("cut", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rate", sa.String(length=40), nullable=False),
        sa.Column("drop", sa.Boolean(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edit")),
    )
    op.create_index(op.f("ix_edit_cut"), "edit", ["cut"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "process",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("roots", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
    )
    op.create_index(op.f("ix_process_seen_at"), "process", ["seen_at"], unique=False)
    op.create_table(
        "shot",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("cut", sa.String(length=255), nullable=False),
        sa.Column("op_class", sa.String(length=40), nullable=False),
        sa.Column("placement", sa.String(length=40), nullable=False),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("rate", sa.String(length=40), nullable=False),
        sa.Column("drop", sa.Boolean(), nullable=False),
        sa.Column("need", sa.Text(), nullable=False),
        sa.Column("ask", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shot")),
        sa.UniqueConstraint("name", name=op.f("uq_shot_name")),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint(
            "provider", "account", "content", name=op.f("uq_upload_provider_account_content")
        ),
    )
    op.create_table(
        "occurrence",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("shot_id", sa.String(length=36), nullable=False),
        sa.Column("edit_id", sa.String(length=36), nullable=True),
        sa.Column("cut", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("track", sa.Integer(), nullable=False),
        sa.Column("track_name", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("gap", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("rate", sa.String(length=40), nullable=False),
        sa.Column("drop", sa.Boolean(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("need", sa.Text(), nullable=False),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=255), nullable=True),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["edit_id"], ["edit.id"], name=op.f("fk_occurrence_edit_id")),
        sa.ForeignKeyConstraint(["shot_id"], ["shot.id"], name=op.f("fk_occurrence_shot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrence")),
    )
    op.create_index(op.f("ix_occurrence_cut"), "occurrence", ["cut"], unique=False)
    op.create_index(op.f("ix_occurrence_shot_id"), "occurrence", ["shot_id"], unique=False)
    op.create_table(
        "plate",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("shot_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("range", sa.Text(), nullable=False),
        sa.Column("rate", sa.String(length=40), nullable=False),
        sa.Column("drop", sa.Boolean(), nullable=False),
        sa.Column("encoding", sa.String(length=40), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shot_id"], ["shot.id"], name=op.f("fk_plate_shot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plate")),
        sa.UniqueConstraint("shot_id", "number", name=op.f("uq_plate_shot_id_number")),
    )
    op.create_table(
        "take",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("shot_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plate_id", sa.String(length=36), nullable=True),
        sa.Column("parent_id", sa.String(length=36), nullable=True),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("chained", sa.Boolean(), nullable=False),
        sa.Column("temp", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("resume_state", sa.String(length=40), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("wait_code", sa.String(length=40), nullable=True),
        sa.Column("queue", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.String(length=255), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("cancel_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=12), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_take_held")),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_take_spent")),
        sa.ForeignKeyConstraint(["parent_id"], ["take.id"], name=op.f("fk_take_parent_id")),
        sa.ForeignKeyConstraint(["plate_id"], ["plate.id"], name=op.f("fk_take_plate_id")),
        sa.ForeignKeyConstraint(["shot_id"], ["shot.id"], name=op.f("fk_take_shot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_take")),
        sa.UniqueConstraint("shot_id", "number", name=op.f("uq_take_shot_id_number")),
        sa.UniqueConstraint(
            "shot_id", "request_hash", "ordinal", name=op.f("uq_take_shot_id_request_hash_ordinal")
        ),
    )
    op.create_index("ix_take_ready", "take", ["queue", "state", "due_at"], unique=False)
    op.create_index(op.f("ix_take_state"), "take", ["state"], unique=False)
    op.create_table(
        "call",
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("take_id", sa.String(length=36), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quiet_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sender", sa.String(length=255), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("fraction", sa.Float(), nullable=True),
        sa.Column("hold", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=12), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=40), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_call_held")),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_call_spent")),
        sa.ForeignKeyConstraint(["take_id"], ["take.id"], name=op.f("fk_call_take_id")),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_call")),
        sa.UniqueConstraint(
            "provider", "account", "remote_id", name=op.f("uq_call_provider_account_remote_id")
        ),
        sa.UniqueConstraint("take_id", "part", "n", name=op.f("uq_call_take_id_part_n")),
    )
    op.create_index("ix_call_due", "call", ["state", "due_at"], unique=False)
    op.create_index(
        "uq_call_holding",
        "call",
        ["take_id", "part"],
        unique=True,
        sqlite_where=sa.text("state IN ('ACCEPTED', 'INTENT', 'SETTLED', 'UNCERTAIN')"),
        postgresql_where=sa.text("state IN ('ACCEPTED', 'INTENT', 'SETTLED', 'UNCERTAIN')"),
    )
    op.create_table(
        "event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("shot_id", sa.String(length=36), nullable=True),
        sa.Column("take_id", sa.String(length=36), nullable=True),
        sa.Column("call_uuid", sa.String(length=36), nullable=True),
        sa.Column("from_state", sa.String(length=40), nullable=True),
        sa.Column("to_state", sa.String(length=40), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shot_id"], ["shot.id"], name=op.f("fk_event_shot_id")),
        sa.ForeignKeyConstraint(["take_id"], ["take.id"], name=op.f("fk_event_take_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_shot_id"), "event", ["shot_id"], unique=False)
    op.create_index(op.f("ix_event_take_id"), "event", ["take_id"], unique=False)
    op.create_table(
        "part",
        sa.Column("take_id", sa.String(length=36), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["take_id"], ["take.id"], name=op.f("fk_part_take_id")),
        sa.PrimaryKeyConstraint("take_id", "part", name=op.f("pk_part")),
    )
    op.create_table(
        "pick",
        sa.Column("shot_id", sa.String(length=36), nullable=False),
        sa.Column("occurrence_id", sa.String(length=36), nullable=False),
        sa.Column("take_id", sa.String(length=36), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shot_id"], ["shot.id"], name=op.f("fk_pick_shot_id")),
        sa.ForeignKeyConstraint(["take_id"], ["take.id"], name=op.f("fk_pick_take_id")),
        sa.PrimaryKeyConstraint("shot_id", "occurrence_id", name=op.f("pk_pick")),
    )
    op.create_table(
        "review",
        sa.Column("take_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["take_id"], ["take.id"], name=op.f("fk_review_take_id")),
        sa.PrimaryKeyConstraint("take_id", name=op.f("pk_review")),
    )
