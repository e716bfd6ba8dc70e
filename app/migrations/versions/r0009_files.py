"""Files: watched folders and what was seen in them, imports, the product list, uploads, top-ups by hand."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    """Change the schema."""
    _folders()
    _imports()
    _uploads()


def _folders() -> None:
    op.create_table(
        "callback_folders",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("scanned_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
        sa.Column("device", sa.BigInteger),
        sa.Column("inode", sa.BigInteger),
        sa.Column("telling", sa.BigInteger),
    )
    op.create_table(
        "callback_files",
        sa.Column("folder_no", sa.Integer, nullable=False),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("device", sa.BigInteger, nullable=False),
        sa.Column("inode", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("folder_no", "path"),
        sqlite_with_rowid=False,
    )


def _imports() -> None:
    op.create_table(
        "callback_imports",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("callback_id", sa.BigInteger, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("next_row", sa.Integer, nullable=False, server_default="0"),
        sa.Column("counts", sa.Text, nullable=False, server_default=""),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("callback_imports_content", "callback_imports", ["kind", "digest"], unique=True)
    op.create_table(
        "callback_products",
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("sku", sa.String(128), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False, server_default=""),
        sa.Column("brand", sa.Text, nullable=False, server_default=""),
        sa.Column("type", sa.Text, nullable=False, server_default=""),
        sa.Column("seller", sa.Text, nullable=False, server_default=""),
        sa.Column("price", sa.BigInteger),
        sa.Column("price_before", sa.BigInteger),
        sa.Column("price_changed_at", sa.BigInteger),
        sa.Column("admin", sa.BigInteger),
        sa.Column("commission", sa.BigInteger),
        sa.Column("buyer_active", sa.Integer),
        sa.Column("seller_active", sa.Integer),
        sa.Column("stock", sa.Integer),
        sa.Column("start_cut_off", sa.String(8), nullable=False, server_default=""),
        sa.Column("end_cut_off", sa.String(8), nullable=False, server_default=""),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("import_no", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("provider", "sku"),
        sqlite_with_rowid=False,
    )


def _uploads() -> None:
    op.create_table(
        "callback_uploads",
        sa.Column("callback_id", _ID, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("upload_type", sa.String(32), nullable=False),
        sa.Column("original_filename", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("drawn", sa.String(64), nullable=False),
        sa.Column("stored_as", sa.Text, nullable=False),
        sa.Column("thumbnail", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "callback_topups",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("callback_id", sa.BigInteger, nullable=False, unique=True),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("amount", sa.BigInteger),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("drawn", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, server_default="open"),
        sa.Column("order_id", sa.String(128)),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("closed_by", sa.Text),
        sa.Column("closed_reason", sa.Text),
    )
    op.create_index("callback_topups_digest", "callback_topups", ["digest"])
    op.create_index("callback_topups_drawn", "callback_topups", ["drawn"])
    op.create_index("callback_topups_open", "callback_topups", ["id"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
