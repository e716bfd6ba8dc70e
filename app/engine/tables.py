"""The engine's tables: outcomes, offsets, dead letters, alerts, tasks, counters; and the metadata that all share.

Every name begins with `callback_`, so that an application's own tables live beside ours.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

#: Numbers that grow by themselves; SQLite wants INTEGER for a rowid.
Id = BigInteger().with_variant(Integer(), "sqlite")

outcomes = Table(
    "callback_outcomes",
    metadata,
    Column("callback_id", Id, primary_key=True),
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
        # decided_by: what an answer or a person had applied may have told its facts second, and be found by none
        sqlite_where=text("outcome <> 'applied' OR decided_by IS NOT NULL"),
        postgresql_where=text("outcome <> 'applied' OR decided_by IS NOT NULL"),
    ),
    Index(
        "callback_outcomes_outcome",
        "outcome",
        "callback_id",
        sqlite_where=text("outcome <> 'applied'"),
        postgresql_where=text("outcome <> 'applied'"),
    ),
)

#: Senders whose callbacks are so many that looking backwards finds them, and that an index would make each dearer.
FREQUENT = "('midtrans', 'digiflazz')"
Index(
    "callback_outcomes_rare",
    outcomes.c.provider,
    outcomes.c.callback_id,
    sqlite_where=text(f"provider NOT IN {FREQUENT}"),
    postgresql_where=text(f"provider NOT IN {FREQUENT}"),
)

#: Decided long after they came: what was imported, and what waited. All others lie in the order in which they came.
LATE = "decided_at - received_at > 10000000"
Index(
    "callback_outcomes_late",
    outcomes.c.callback_id,
    sqlite_where=text(LATE),
    postgresql_where=text(LATE),
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

dead = Table(
    "callback_dead",
    metadata,
    Column("id", Id, primary_key=True),
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
    Column("id", Id, primary_key=True),
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

tasks = Table(
    "callback_tasks",
    metadata,
    Column("id", Id, primary_key=True),
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
    Column("order_no", BigInteger),
    Column("callback_id", BigInteger),
    # whether a try of which nobody knows if it arrived may be made again
    Column("repeatable", Integer, nullable=False, server_default="1"),
    # whether the try before this one was cut by the end of its process
    Column("unended", Integer, nullable=False, server_default="0"),
    # whether the rest until `lease_until` is that of all destinations of its kind
    Column("all_rest", Integer, nullable=False, server_default="0"),
    Index(
        "callback_tasks_due",
        "due_at",
        sqlite_where=text("state IN ('ready', 'running')"),
        postgresql_where=text("state IN ('ready', 'running')"),
    ),
)

#: How each try ended, for people. A number without a row: its process died in it, or it was overtaken.
tries = Table(
    "callback_tries",
    metadata,
    Column("task_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),  # the fence that it was claimed with
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("result", String(16), nullable=False),  # `done`, `failed`, `lost` (nobody knows whether it arrived)
    Column("error", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("task_id", "number"),
    sqlite_with_rowid=False,
)

#: Counters that survive restarts: decided by provider, refused by provider and reason.
counters = Table(
    "callback_counters",
    metadata,
    Column("provider", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("value", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("provider", "name"),
)
