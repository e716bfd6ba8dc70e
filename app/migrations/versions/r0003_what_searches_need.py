"""A user's orders are found, rare senders' callbacks, and those that an answer or a person had applied."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ORDERS = sa.text("wallet_no IS NOT NULL")
_OUTCOMES = sa.text("outcome <> 'applied' OR decided_by IS NOT NULL")
_RARE = sa.text("provider NOT IN ('midtrans', 'digiflazz')")


def upgrade() -> None:
    """Change the schema."""
    op.create_index(
        "callback_orders_wallet", "callback_orders", ["wallet_no"], sqlite_where=_ORDERS, postgresql_where=_ORDERS
    )
    op.drop_index("callback_outcomes_order", "callback_outcomes")
    op.create_index(
        "callback_outcomes_order",
        "callback_outcomes",
        ["order_no", "callback_id"],
        sqlite_where=_OUTCOMES,
        postgresql_where=_OUTCOMES,
    )
    op.create_index(
        "callback_outcomes_rare",
        "callback_outcomes",
        ["provider", "callback_id"],
        sqlite_where=_RARE,
        postgresql_where=_RARE,
    )


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
