"""Domain events, and the destinations that hear of them."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_UNDER_WAY = sa.text("kind IN ('forward', 'event') AND state IN ('ready', 'running')")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "callback_events",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("source_id", sa.BigInteger, nullable=False),
        sa.Column("order_no", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("callback_events_once", "callback_events", ["source_id", "order_no", "status"], unique=True)
    op.create_table(
        "callback_endpoints",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.String(128), nullable=False, unique=True),
        sa.Column("url", sa.Text),
        sa.Column("secret", sa.Text, nullable=False, server_default=""),
        sa.Column("old_secret", sa.Text, nullable=False, server_default=""),
        sa.Column("old_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("events", sa.Text, nullable=False, server_default=""),
        sa.Column("callbacks", sa.Text, nullable=False, server_default=""),
        sa.Column("off_why", sa.String(16), nullable=False, server_default=""),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("heard_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("hears_from", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.BigInteger, nullable=False),
        sa.Column("callback_id", sa.BigInteger, nullable=False),
        sa.Column("missing_since", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "callback_tasks_forward",
        "callback_tasks",
        ["destination"],
        sqlite_where=_UNDER_WAY,
        postgresql_where=_UNDER_WAY,
    )


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
