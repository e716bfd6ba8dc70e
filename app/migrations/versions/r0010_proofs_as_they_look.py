"""What a proof of payment looks like, beside its bytes."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    for table in ("callback_uploads", "callback_topups"):
        op.add_column(table, sa.Column("drawn", sa.String(64), nullable=False, server_default=""))
    op.create_index("callback_topups_drawn", "callback_topups", ["drawn"])


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
