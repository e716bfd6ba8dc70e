"""Events that are to be told, and the destinations that hear of them."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, text

from app.engine.tables import Id, metadata, tasks

#: What happened to orders, in the order of its happening; written only while somebody listens.
events = Table(
    "callback_events",
    metadata,
    Column("id", Id, primary_key=True),  # the sequence that destinations go along
    Column("type", String(64), nullable=False),
    Column("source_id", BigInteger, nullable=False),  # the callback that caused it; below zero another cause
    Column("order_no", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("data", Text, nullable=False),  # JSON, as it was then
    Index("callback_events_once", "source_id", "order_no", "status", unique=True),
    sqlite_autoincrement=True,  # the number of a row that was pruned is never given again: destinations stand there
)

#: Who hears: an HTTP service of the user's own, or a function of the application (no address).
endpoints = Table(
    "callback_endpoints",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("url", Text),  # NULL: a function that the application subscribed
    Column("secret", Text, nullable=False, server_default=""),
    Column("old_secret", Text, nullable=False, server_default=""),
    Column("old_until", BigInteger, nullable=False, server_default="0"),
    Column("events", Text, nullable=False, server_default=""),  # patterns, separated by commas
    Column("callbacks", Text, nullable=False, server_default=""),  # senders whose raw callbacks go on, likewise
    Column("off_why", String(16), nullable=False, server_default=""),  # "" on; `person`, `gone`, `failing`
    Column("failing_since", BigInteger),
    Column("heard_at", BigInteger, nullable=False, server_default="0"),  # the last success
    Column("made_at", BigInteger, nullable=False),
    Column("hears_from", BigInteger, nullable=False),  # what happened before is not for it
    Column("event_id", BigInteger, nullable=False),  # events up to here are tasks
    Column("callback_id", BigInteger, nullable=False),  # callbacks up to here are
    Column("missing_since", BigInteger),  # of a function: since when the worker's code has none of this name
    sqlite_autoincrement=True,  # tasks' keys hold its number: one that is made anew does not inherit them
)

#: What is under way to whom; other kinds of tasks pay nothing for it.
_UNDER_WAY = "kind IN ('forward', 'event') AND state IN ('ready', 'running')"
Index(
    "callback_tasks_forward",
    tasks.c.destination,
    sqlite_where=text(_UNDER_WAY),
    postgresql_where=text(_UNDER_WAY),
)
