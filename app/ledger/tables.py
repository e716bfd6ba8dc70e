"""The state database's tables; every name begins with `callback_`, so that an application's own live beside them.

Their shape follows the hot path: an order's number is given in order of announcement, facts and postings are clustered
(`WITHOUT ROWID`), and no index covers a column that the worker changes.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

#: Numbers that grow by themselves; SQLite wants INTEGER for a rowid.
_Id = BigInteger().with_variant(Integer(), "sqlite")

orders = Table(
    "callback_orders",
    metadata,
    Column("id", _Id, primary_key=True),  # the order's number, in order of announcement (a bare row: of arrival)
    Column("provider", String(64), nullable=False),  # the sender it waits for
    Column("order_id", String(128), nullable=False),
    Column("announced_at", BigInteger),  # microseconds; NULL: a bare row, something to lock for what is parked
    Column("kind", String(32), nullable=False, server_default=""),  # `topup`, `ppob`, your own
    Column("user_id", String(128), nullable=False, server_default=""),
    Column("amount", BigInteger, nullable=False, server_default="0"),
    Column("currency", String(3), nullable=False, server_default="IDR"),
    Column("wallet_no", BigInteger),  # callback_accounts.id of wallet:{user}
    Column("held_no", BigInteger),  # callback_accounts.id of held:{user}
    Column("product", Text, nullable=False, server_default=""),
    Column("customer_no", Text, nullable=False, server_default=""),
    # what the worker changes
    Column("status", String(32), nullable=False, server_default="waiting"),
    Column("fact_count", Integer, nullable=False, server_default="0"),  # 0: no facts need to be looked up
    Column("cost", BigInteger),  # what the shop pays its supplier
    Column("fee", BigInteger),  # what the payer bore beside the amount
    UniqueConstraint("provider", "order_id", name="callback_orders_key"),
    Index(
        "callback_orders_announced",
        "order_id",
        unique=True,
        sqlite_where=text("announced_at IS NOT NULL"),
        postgresql_where=text("announced_at IS NOT NULL"),
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
    Column("id", _Id, primary_key=True),
    Column(
        "name", String(160), nullable=False
    ),  # wallet:{user} held:{user} clearing:{provider} sales:{kind} adjustment
    Column("currency", String(3), nullable=False),
    Column("balance", BigInteger),  # NULL: a system account, summed when asked
    UniqueConstraint("name", "currency", name="callback_accounts_key"),
)

#: Causes that are no callback (an announcement, an answer of a status API, a person's word) have negative ids.
causes = Table(
    "callback_causes",
    metadata,
    Column("id", _Id, primary_key=True),  # journal and fact sources refer to it as -id
    Column("kind", String(16), nullable=False),  # `announcement`, `answer`, `person`
    Column("order_no", BigInteger),
    Column("callback_id", BigInteger),  # the callback that made us ask
    Column("who", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("body", LargeBinary),  # an answer's bytes
    Column("at", BigInteger, nullable=False),
)

journals = Table(
    "callback_journals",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),  # a callback's id, or -causes.id
    Column("order_no", BigInteger),  # NULL: an adjustment
    Column("at", BigInteger, nullable=False),
)

postings = Table(
    "callback_postings",
    metadata,
    Column("account_no", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),  # the journal's: a statement is one range of this table
    Column("journal_id", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),  # minor units; a journal's postings sum to zero
    PrimaryKeyConstraint("account_no", "at", "journal_id"),
    sqlite_with_rowid=False,
)

outcomes = Table(
    "callback_outcomes",
    metadata,
    Column("callback_id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("epoch_no", Integer, nullable=False),  # callback_offsets.id of the log it was read from
    Column("provider", String(64), nullable=False),
    Column("event_type", String(64), nullable=False),
    Column("order_no", BigInteger),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),  # JSON
    Column("decided_by", BigInteger),  # -causes.id of the answer or person, where the callback did not decide alone
    Column("received_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Index(
        "callback_outcomes_order",
        "order_no",
        "callback_id",
        sqlite_where=text("outcome <> 'applied'"),
        postgresql_where=text("outcome <> 'applied'"),
    ),
    Index(
        "callback_outcomes_outcome",
        "outcome",
        "callback_id",
        sqlite_where=text("outcome <> 'applied'"),
        postgresql_where=text("outcome <> 'applied'"),
    ),
)

offsets = Table(
    "callback_offsets",
    metadata,
    Column("id", Integer, primary_key=True),  # the epoch's number
    Column("epoch", String(64), nullable=False, unique=True),
    Column("offset", BigInteger, nullable=False),
    Column("deaths", Integer, nullable=False, server_default="0"),  # workers that died at this offset
    Column("trying", BigInteger),  # the callback that is being worked on alone, noted before it is touched
    Column("moved_at", BigInteger, nullable=False),
)

#: What waits: parked callbacks until their order is announced, doubted ones until the sender's API answers.
pending = Table(
    "callback_pending",
    metadata,
    Column("callback_id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("order_no", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # `parked`, `in_doubt`, `lapsed` (parked for over a day)
    Column("attempt", Text, nullable=False, server_default=""),
    Column("level", Integer, nullable=False),
    Column("told", LargeBinary, nullable=False),  # facts.Told as JSON
    Column("since", BigInteger, nullable=False),
    Index("callback_pending_order", "order_no", "callback_id"),
    Index("callback_pending_since", "state", "since"),
)

dead = Table(
    "callback_dead",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),  # `callback`, `task`
    Column("ref", BigInteger, nullable=False),  # the callback's or the task's id
    Column("order_no", BigInteger),
    Column("reason", String(64), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),  # JSON
    Column("since", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_how", String(16)),  # `retried`, `dropped`, `announced`
    Column("closed_by", Text),
    Column("closed_reason", Text),
    Index("callback_dead_ref", "kind", "ref"),
)

alerts = Table(
    "callback_alerts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("subject", String(192), nullable=False),  # `order:TU-1`, `wallet:ani`, `provider:midtrans`, `log`
    Column("detail", Text, nullable=False, server_default=""),  # JSON
    Column("since", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("closed_at", BigInteger),
    Column("closed_by", Text),
    Index(
        "callback_alerts_open",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

notices = Table(
    "callback_notices",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("order_no", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),  # rendered with the order's own values when it is shown
    Column("source_id", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)

tasks = Table(
    "callback_tasks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column(
        "key", String(192), nullable=False, unique=True
    ),  # the guard against doing it twice, and the idempotency key
    Column("kind", String(32), nullable=False),  # which performer
    Column("destination", String(128), nullable=False),
    Column("payload", Text, nullable=False, server_default=""),  # JSON
    Column("state", String(16), nullable=False, server_default="ready"),  # `ready`, `running`, `done`, `dead`
    Column("due_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),  # grows with each claim; who comes late cannot write
    Column("lease_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("order_no", BigInteger, ForeignKey("callback_orders.id")),
    Column("callback_id", BigInteger),
    Index(
        "callback_tasks_due",
        "due_at",
        sqlite_where=text("state IN ('ready', 'running')"),
        postgresql_where=text("state IN ('ready', 'running')"),
    ),
)

#: Counters that survive restarts: accepted by provider, refused by reason.
counters = Table(
    "callback_counters",
    metadata,
    Column("provider", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("value", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("provider", "name"),
)
