"""Domain events: what a change of an order's status is called, and publishing it with the change."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection, Engine, text

from app.core.database import reading, writing
from app.core.errors import FieldError
from app.core.money import format_amount
from app.engine.outcomes import driver
from app.ledger.book import NEWS_US, Noticed
from app.operate.shown import time_text

#: What an event is called: by the order's kind and its new status.
TYPES: Mapping[tuple[str, str], str] = {
    ("topup", "paid"): "transaction.settled",
    ("topup", "pending"): "transaction.pending",
    ("topup", "authorized"): "transaction.authorized",
    ("topup", "challenged"): "transaction.challenged",
    ("topup", "denied"): "transaction.denied",
    ("topup", "cancelled"): "transaction.cancelled",
    ("topup", "expired"): "transaction.expired",
    ("topup", "failed"): "transaction.failed",
    ("topup", "partially_refunded"): "transaction.partially_refunded",
    ("topup", "refunded"): "transaction.refunded",
    ("topup", "charged_back"): "transaction.charged_back",
    ("topup", "waiting"): "transaction.waiting",
    ("ppob", "pending"): "ppob.pending",
    ("ppob", "succeeded"): "ppob.succeeded",
    ("ppob", "failed"): "ppob.failed",
    ("ppob", "returned"): "ppob.returned",
}
#: Sent by `endpoints test`; nobody subscribes to it.
TEST = "endpoint.test"
KNOWN = tuple(sorted(set(TYPES.values())))
_PATTERNS_MAX = 20

_ORDERS = (
    "SELECT o.id, o.order_id, o.user_id, o.kind, o.amount, o.currency, o.provider FROM json_each(?) AS j"
    " CROSS JOIN callback_orders AS o ON o.id = j.value"
)
_WRITTEN = (
    "EXISTS (SELECT 1 FROM callback_events AS e"
    " WHERE e.source_id = n.source_id AND e.order_no = n.order_no AND e.status = n.status)"
)
# By the key where a callback caused them: their ids are about the clock's microseconds. What was imported long after
# it happened is news to nobody.
_NOTICED = (
    "SELECT n.source_id, n.order_no, n.status, n.at FROM callback_notices AS n LEFT JOIN callback_outcomes AS c"
    " ON c.callback_id = n.source_id WHERE n.source_id > ?1 AND coalesce(n.at - c.received_at, 0) < ?2"
    f" AND NOT {_WRITTEN}"
    " UNION ALL SELECT source_id, order_no, status, at FROM callback_notices AS n WHERE source_id < 0 AND at > ?1"
    f" AND NOT {_WRITTEN}"
)
_BATCH_ROWS = 1_000
_INSERT = (
    "INSERT INTO callback_events (type, source_id, order_no, status, at, data) VALUES (?,?,?,?,?,?)"
    " ON CONFLICT DO NOTHING"
)


class Event(msgspec.Struct, frozen=True):
    """One domain event; `id` is the same whenever and to whomever it is told."""

    id: str
    type: str
    timestamp: str  # ISO 8601, UTC
    data: Mapping[str, Any]

    def body(self) -> bytes:
        """As it is sent. Source: Standard Webhooks, "Payload structure"."""
        return orjson.dumps({"id": self.id, "type": self.type, "timestamp": self.timestamp, "data": self.data})


def publish(connection: Connection, notices: Sequence[Noticed]) -> None:
    """Write these changes of status down as events, in the transaction that made them; each is written once."""
    raw = driver(connection)
    numbers = orjson.dumps(list({notice[1] for notice in notices}))
    orders = {row[0]: row[1:] for row in raw.execute(_ORDERS, (numbers,))}
    raw.executemany(_INSERT, [_row(notice, orders[notice[1]]) for notice in notices])


def publish_since(engine: Engine, since: int) -> None:
    """Write down as events what changed after this moment, where nobody listened then. Microseconds."""
    with reading(engine) as connection:
        rows = driver(connection).execute(_NOTICED, (since, NEWS_US)).fetchall()
    rows.sort(key=lambda row: (row[3], row[0]))
    for start in range(0, len(rows), _BATCH_ROWS):
        with writing(engine) as connection:
            publish(connection, rows[start : start + _BATCH_ROWS])


def _row(notice: Noticed, order: tuple[Any, ...]) -> tuple[Any, ...]:
    source_id, number, status, at = notice
    order_id, user_id, kind, amount, currency, provider = order
    data = {
        "order_id": order_id,
        "user_id": user_id,
        "kind": kind,
        "amount": format_amount(amount),
        "currency": currency,
        "provider": provider,
        "status": status,
    }
    if source_id > 0:
        data["callback_id"] = str(source_id)
    return type_of(kind, status), source_id, number, status, at, orjson.dumps(data).decode()


def type_of(kind: str, status: str) -> str:
    """`("topup", "paid")` → `transaction.settled`."""
    return TYPES.get((kind, status)) or f"{kind}.{status}"


def event_at(connection: Connection, number: int) -> Event | None:
    """An event by its place in the sequence; None where it was pruned."""
    row = connection.execute(
        text("SELECT type, source_id, status, at, data FROM callback_events WHERE id = :id"), {"id": number}
    ).first()
    if row is None:
        return None
    data = orjson.loads(row.data)
    return Event(_id(row.source_id, str(data["order_id"]), row.status), row.type, time_text(row.at), data)


def _id(source_id: int, order_id: str, status: str) -> str:
    """Made of what caused it: the same when the state is built anew from the same log."""
    return f"evt_{sha256(f'{source_id}:{status}:{order_id}'.encode()).hexdigest()[:32]}"


def patterns_from(field: str, told: str | Iterable[str]) -> str:
    """`transaction.*, ppob.failed` → as it is kept. Raises FieldError for what matches no event there is."""
    parts = [part.strip() for part in (told.split(",") if isinstance(told, str) else told)]
    patterns = tuple(dict.fromkeys(part for part in parts if part))
    if len(patterns) > _PATTERNS_MAX:
        raise FieldError(field, f"holds more than {_PATTERNS_MAX} patterns")
    for pattern in patterns:
        if not any(fnmatchcase(known, pattern) for known in KNOWN):
            raise FieldError(field, f"{pattern[:60]!r} matches none of {', '.join(KNOWN)}")
    return ",".join(patterns)


def matches(patterns: str, event_type: str) -> bool:
    """Whether one of these patterns, as they are kept, fits."""
    return any(fnmatchcase(event_type, pattern) for pattern in patterns.split(",") if pattern)
