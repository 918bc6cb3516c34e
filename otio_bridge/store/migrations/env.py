"""Run by alembic: the connection is handed in by store/migrate.py, its transaction already begun."""

from __future__ import annotations

from alembic import context

from otio_bridge.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
