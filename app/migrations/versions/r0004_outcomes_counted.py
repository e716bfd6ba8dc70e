"""Callbacks counted by outcome beside the outcomes: to count them when asked took seconds at ten million."""

from alembic import op
from alembic.util.exc import CommandError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count what there is, once; from then on whoever writes an outcome counts it."""
    op.execute(
        "INSERT INTO callback_counters (provider, name, value)"
        " SELECT provider, 'outcome:' || outcome, count(*) FROM callback_outcomes GROUP BY provider, outcome"
    )
    op.execute("DELETE FROM callback_counters WHERE name = 'decided'")


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
