"""Callbacks that were decided long after they came are found by an index: their numbers say nothing of their time."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LATE = sa.text("decided_at - received_at > 10000000")


def upgrade() -> None:
    """Change the schema."""
    op.create_index(
        "callback_outcomes_late", "callback_outcomes", ["callback_id"], sqlite_where=_LATE, postgresql_where=_LATE
    )


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
