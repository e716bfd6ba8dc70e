"""The ledger's tables: orders, facts, accounts, journals, postings, and what waits.

Their shape follows the hot path: an order's number is given in order of announcement, facts are clustered by it
(`WITHOUT ROWID`), postings stand in order of time, and no index covers a column that the worker changes.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.engine.tables import Id, metadata

orders = Table(
    "callback_orders",
    metadata,
    Column("id", Id, primary_key=True),  # the order's number, in order of announcement (a bare row: of arrival)
    Column("provider", String(64), nullable=False),  # the sender it waits for
    Column("order_id", String(128), nullable=False),
    Column("announced_at", BigInteger),  # microseconds; NULL: a bare row, to which belongs what is parked
    Column("kind", String(32), nullable=False, server_default=""),  # `topup`, `ppob`, your own
    Column("user_id", String(128), nullable=False, server_default=""),
    Column("amount", BigInteger, nullable=False, server_default="0"),
    Column("currency", String(3), nullable=False, server_default="IDR"),
    Column("wallet_no", BigInteger),  # callback_accounts.id of wallet:{user}
    Column("held_no", BigInteger),  # callback_accounts.id of held:{user}
    Column("product", Text, nullable=False, server_default=""),
    Column("customer_no", Text, nullable=False, server_default=""),
    # No status: it follows from the facts, and to keep it here would cost every callback a page more.
    Column("cost", BigInteger),  # what the shop pays its supplier
    Column("fee", BigInteger),  # what the payer bore beside the amount
    UniqueConstraint("order_id", "provider", name="callback_orders_key"),
    Index(
        "callback_orders_announced",
        "order_id",
        unique=True,
        sqlite_where=text("announced_at IS NOT NULL"),
        postgresql_where=text("announced_at IS NOT NULL"),
    ),
    # a user's orders; only announcing writes it, the worker's bare rows have no wallet
    Index(
        "callback_orders_wallet",
        "wallet_no",
        sqlite_where=text("wallet_no IS NOT NULL"),
        postgresql_where=text("wallet_no IS NOT NULL"),
    ),
)

facts = Table(
    "callback_facts",
    metadata,
    Column("order_no", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("attempt", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),  # -1: none
    Column("level", Integer, nullable=False),  # facts.Level, raised in place
    Column(
        "source_id", BigInteger, nullable=False
    ),  # who told it first: a callback's id, or an answer's, a person's (< 0)
    Column("told_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("order_no", "kind", "attempt", "key", "amount"),
    sqlite_with_rowid=False,
)

accounts = Table(
    "callback_accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "name", String(160), nullable=False
    ),  # wallet:{user} held:{user} clearing:{provider} sales:{kind} adjustment
    Column("currency", String(3), nullable=False),
    Column("balance", BigInteger),  # NULL: a system account, summed when asked
    Column("last_posting", BigInteger, nullable=False, server_default="0"),  # a user's newest one, 0: none
    UniqueConstraint("name", "currency", name="callback_accounts_key"),
    # SQLite turns a sum beyond 64 bits into a float without a word: the callback is set aside instead
    CheckConstraint("typeof(balance) IN ('integer', 'null')", name="callback_accounts_exact").ddl_if(dialect="sqlite"),
)

#: Causes that are no callback (an announcement, an answer of a status API, a person's word) have negative ids.
causes = Table(
    "callback_causes",
    metadata,
    Column("id", Id, primary_key=True),  # journal and fact sources refer to it as -id
    Column("kind", String(16), nullable=False),  # `announcement`, `answer`, `person`
    Column("order_no", BigInteger),
    Column("callback_id", BigInteger),  # the callback that made us ask
    Column("who", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("body", LargeBinary),  # an answer's bytes, what a person said of a wallet
    Column("at", BigInteger, nullable=False),
    Index("callback_causes_order", "order_no"),
)

journals = Table(
    "callback_journals",
    metadata,
    Column("id", Id, primary_key=True),  # a callback's id, or -causes.id
    Column("order_no", BigInteger),  # NULL: an adjustment
    Column("at", BigInteger, nullable=False),
    Column("first_posting", BigInteger, nullable=False, server_default="0"),  # its postings stand one after another
    Column("posting_count", Integer, nullable=False, server_default="0"),
)

#: Written one after another, whichever their account: in the order of accounts each would lie on a page of its own. A
#: statement follows the chain from `accounts.last_posting` backwards.
postings = Table(
    "callback_postings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_no", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),  # the journal's
    Column("journal_id", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),  # minor units; a journal's postings sum to zero
    # of a user's account, else 0: what it held afterwards, and its posting before this one (0: this is the first)
    Column("balance", BigInteger, nullable=False, server_default="0"),
    Column("before", BigInteger, nullable=False, server_default="0"),
)

#: What waits: parked callbacks until their order is announced, doubted ones until the sender's API answers.
pending = Table(
    "callback_pending",
    metadata,
    Column("callback_id", Id, primary_key=True),
    Column("order_no", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # `parked`, `in_doubt`, `lapsed` (parked for over a day)
    Column("attempt", Text, nullable=False, server_default=""),
    Column("level", Integer, nullable=False),
    Column("told", LargeBinary, nullable=False),  # facts.Told as JSON
    Column("since", BigInteger, nullable=False),
    Index("callback_pending_order", "order_no", "callback_id"),
    Index("callback_pending_since", "state", "since"),
)

#: What a user is told about an order, found like journals by what caused it. Clustered by order, each would be written
#: to a page of its own when callbacks arrive in random order.
notices = Table(
    "callback_notices",
    metadata,
    Column("source_id", BigInteger, nullable=False),
    Column("order_no", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),  # rendered with the order's own values when it is shown
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source_id", "order_no", "status"),
    sqlite_with_rowid=False,
)
