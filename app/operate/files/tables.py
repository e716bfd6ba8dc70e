"""Files: watched folders with what was seen in them, imports, the product list, uploads, top-ups by hand."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, Text, text

from app.engine.tables import Id, metadata

#: Folders that a person let us read: those that were watched once.
folders = Table(
    "callback_folders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("path", Text, nullable=False, unique=True),  # resolved, without symbolic links
    Column("since", BigInteger, nullable=False),
    Column("scanned_at", BigInteger, nullable=False, server_default="0"),  # 0: never to its end
    Column("trouble", Text, nullable=False, server_default=""),  # why the last scan was not whole
    Column("device", BigInteger),  # of the folder itself, as it was scanned last
    Column("inode", BigInteger),
    Column("telling", BigInteger),  # what is logged after this callback may not be in -files; NULL: all of it is
)

#: The snapshot: each file as it was told last. The next scan is compared with it.
files = Table(
    "callback_files",
    metadata,
    Column("folder_no", Integer, nullable=False),
    Column("path", LargeBinary, nullable=False),  # below the folder, as the system spells it: names need be no text
    Column("device", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("folder_no", "path"),
    sqlite_with_rowid=False,
)

#: Reports and price lists, by what is in them: the same content is imported once, whatever it is called.
imports = Table(
    "callback_imports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(32), nullable=False),  # `midtrans_settlement`, `digiflazz_prices`
    Column("digest", String(64), nullable=False),  # of its bytes
    Column("callback_id", BigInteger, nullable=False),  # the file event that brought it first
    Column("filename", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("next_row", Integer, nullable=False, server_default="0"),  # rows below it are done
    Column("counts", Text, nullable=False, server_default=""),  # JSON: what became of the rows so far
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("callback_imports_content", "kind", "digest", unique=True),
)

#: What the supplier sells, as its newest price list says.
products = Table(
    "callback_products",
    metadata,
    Column("provider", String(64), nullable=False),
    Column("sku", String(128), nullable=False),  # Digiflazz: buyer_sku_code
    Column("name", Text, nullable=False),
    Column("category", Text, nullable=False, server_default=""),
    Column("brand", Text, nullable=False, server_default=""),
    Column("type", Text, nullable=False, server_default=""),
    Column("seller", Text, nullable=False, server_default=""),
    Column("price", BigInteger),  # what the shop pays, minor units; NULL for bills, which have `admin`
    Column("price_before", BigInteger),
    Column("price_changed_at", BigInteger),
    Column("admin", BigInteger),
    Column("commission", BigInteger),
    Column("buyer_active", Integer),  # 1, 0; NULL where the list does not say
    Column("seller_active", Integer),
    Column("stock", Integer),  # NULL: unlimited, or not said
    Column("start_cut_off", String(8), nullable=False, server_default=""),  # Jakarta time, HH:MM
    Column("end_cut_off", String(8), nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("import_no", BigInteger, nullable=False),  # the list that told it last
    Column("told_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("provider", "sku"),
    sqlite_with_rowid=False,
)

uploads = Table(
    "callback_uploads",
    metadata,
    Column("callback_id", Id, primary_key=True, autoincrement=False),
    Column("user_id", String(128), nullable=False),
    Column("upload_type", String(32), nullable=False),  # `topup_proof`, `profile_image`, `general`
    Column("original_filename", Text, nullable=False),  # made safe
    Column("media_type", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),  # of what came
    Column("digest", String(64), nullable=False),  # of what came
    Column("drawn", String(64), nullable=False),  # of what is kept
    Column("stored_as", Text, nullable=False),  # below CALLBACK_UPLOADS
    Column("thumbnail", Text),
    Column("at", BigInteger, nullable=False),
)

#: Proofs of payment that a person decides on.
topups = Table(
    "callback_topups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("callback_id", BigInteger, nullable=False, unique=True),  # the upload
    Column("user_id", String(128), nullable=False),
    Column("amount", BigInteger),  # minor units, as the user says; NULL: not said
    Column("note", Text, nullable=False, server_default=""),
    Column("digest", String(64), nullable=False),  # of the proof as it came
    Column("drawn", String(64), nullable=False),  # as it is kept
    Column("state", String(16), nullable=False, server_default="open"),  # `open`, `approved`, `rejected`
    Column("order_id", String(128)),  # the order that credited it
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_by", Text),
    Column("closed_reason", Text),
    Index("callback_topups_digest", "digest"),
    Index("callback_topups_drawn", "drawn"),
    Index(
        "callback_topups_open",
        "id",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)
