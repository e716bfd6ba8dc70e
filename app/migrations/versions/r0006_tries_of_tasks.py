"""How each try of a task ended, and whether one of which nobody knows if it arrived may be made again."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.add_column("callback_tasks", sa.Column("repeatable", sa.Integer, nullable=False, server_default="1"))
    op.add_column("callback_tasks", sa.Column("unended", sa.Integer, nullable=False, server_default="0"))
    op.add_column("callback_tasks", sa.Column("all_rest", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "callback_tries",
        sa.Column("task_id", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("task_id", "number"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
