"""Orders without status: it follows from the facts, and to keep it cost every callback a page more."""

from alembic import op
from alembic.util.exc import CommandError

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.drop_column("callback_orders", "fact_count")
    op.drop_column("callback_orders", "status")


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
