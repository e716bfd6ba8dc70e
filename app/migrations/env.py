"""Alembic's environment: always on a connection that was handed in, inside the caller's transaction."""

from alembic import context

from app.migrations.run import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
