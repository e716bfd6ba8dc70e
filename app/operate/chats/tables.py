"""Where users are reached: their linked channels, the one-time codes that link them, and wrong guesses of codes."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, text

from app.engine.tables import Id, metadata

channels = Table(
    "callback_channels",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", String(128), nullable=False),
    Column("service", String(32), nullable=False),  # `telegram`, `discord`, a name of CALLBACK_CHANNELS
    Column("address", String(256), nullable=False),  # a chat's or a user's number there, an e-mail address
    Column("lang", String(2), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("linked_by", Text, nullable=False),  # `code`, or the person who did it
    Column("quiet", Integer, nullable=False, server_default="0"),  # 1: no notices until the user is heard of
    Column("ended_at", BigInteger),
    Column("ended_why", String(16)),  # `user`, `person`, `blocked`, `gone`, `replaced`
    Index(
        "callback_channels_address",
        "service",
        "address",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "callback_channels_user",
        "user_id",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

link_codes = Table(
    "callback_link_codes",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the code, hex: the code itself is kept nowhere
    Column("user_id", String(128), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("callback_link_codes_user", "user_id"),
    sqlite_with_rowid=False,
)

link_guesses = Table(
    "callback_link_guesses",
    metadata,
    Column("service", String(32), nullable=False),
    Column("address", String(256), nullable=False),
    Column("since", BigInteger, nullable=False),  # the first wrong one of those that count
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("service", "address"),
    sqlite_with_rowid=False,
)
