"""Where users are reached: linked channels, one-time codes, wrong guesses."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OPEN = sa.text("ended_at IS NULL")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "callback_channels",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("service", sa.String(32), nullable=False),
        sa.Column("address", sa.String(256), nullable=False),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("linked_by", sa.Text, nullable=False),
        sa.Column("quiet", sa.Integer, nullable=False, server_default="0"),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_why", sa.String(16)),
    )
    for name, columns, unique in (
        ("callback_channels_address", ["service", "address"], True),
        ("callback_channels_user", ["user_id"], False),
    ):
        op.create_index(name, "callback_channels", columns, unique=unique, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "callback_link_codes",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("callback_link_codes_user", "callback_link_codes", ["user_id"])
    op.create_table(
        "callback_link_guesses",
        sa.Column("service", sa.String(32), nullable=False),
        sa.Column("address", sa.String(256), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("service", "address"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
