"""The first schema."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "callback_accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "currency", name="callback_accounts_key"),
        sa.CheckConstraint("typeof(balance) IN ('integer', 'null')", name="callback_accounts_exact").ddl_if(
            dialect="sqlite"
        ),
    )
    op.create_table(
        "callback_alerts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=192), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("callback_alerts", schema=None) as batch_op:
        batch_op.create_index(
            "callback_alerts_open",
            ["kind", "subject"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "callback_causes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=True),
        sa.Column("callback_id", sa.BigInteger(), nullable=True),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("callback_causes", schema=None) as batch_op:
        batch_op.create_index("callback_causes_order", ["order_no"], unique=False)

    op.create_table(
        "callback_counters",
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("provider", "name"),
    )
    op.create_table(
        "callback_dead",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.BigInteger(), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_how", sa.String(length=16), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("callback_dead", schema=None) as batch_op:
        batch_op.create_index("callback_dead_ref", ["kind", "ref"], unique=False)

    op.create_table(
        "callback_facts",
        sa.Column("order_no", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_no", "kind", "attempt", "key", "amount"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "callback_journals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "callback_notices",
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "order_no", "status"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "callback_offsets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("deaths", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trying", sa.BigInteger(), nullable=True),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("epoch"),
    )
    op.create_table(
        "callback_orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=128), nullable=False),
        sa.Column("announced_at", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=32), server_default="", nullable=False),
        sa.Column("user_id", sa.String(length=128), server_default="", nullable=False),
        sa.Column("amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="IDR", nullable=False),
        sa.Column("wallet_no", sa.BigInteger(), nullable=True),
        sa.Column("held_no", sa.BigInteger(), nullable=True),
        sa.Column("product", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_no", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.String(length=32), server_default="waiting", nullable=False),
        sa.Column("fact_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("fee", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "provider", name="callback_orders_key"),
    )
    with op.batch_alter_table("callback_orders", schema=None) as batch_op:
        batch_op.create_index(
            "callback_orders_announced",
            ["order_id"],
            unique=True,
            sqlite_where=sa.text("announced_at IS NOT NULL"),
            postgresql_where=sa.text("announced_at IS NOT NULL"),
        )

    op.create_table(
        "callback_outcomes",
        sa.Column("callback_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("epoch_no", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("event_type", sa.String(length=64), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("callback_id"),
    )
    with op.batch_alter_table("callback_outcomes", schema=None) as batch_op:
        batch_op.create_index(
            "callback_outcomes_order",
            ["order_no", "callback_id"],
            unique=False,
            sqlite_where=sa.text("outcome <> 'applied'"),
            postgresql_where=sa.text("outcome <> 'applied'"),
        )
        batch_op.create_index(
            "callback_outcomes_outcome",
            ["outcome", "callback_id"],
            unique=False,
            sqlite_where=sa.text("outcome <> 'applied'"),
            postgresql_where=sa.text("outcome <> 'applied'"),
        )

    op.create_table(
        "callback_pending",
        sa.Column("callback_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Text(), server_default="", nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("callback_id"),
    )
    with op.batch_alter_table("callback_pending", schema=None) as batch_op:
        batch_op.create_index("callback_pending_order", ["order_no", "callback_id"], unique=False)
        batch_op.create_index("callback_pending_since", ["state", "since"], unique=False)

    op.create_table(
        "callback_postings",
        sa.Column("account_no", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_no", "at", "journal_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "callback_tasks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=192), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("destination", sa.String(length=128), nullable=False),
        sa.Column("payload", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="ready", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=True),
        sa.Column("callback_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("callback_tasks", schema=None) as batch_op:
        batch_op.create_index(
            "callback_tasks_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('ready', 'running')"),
            postgresql_where=sa.text("state IN ('ready', 'running')"),
        )


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
