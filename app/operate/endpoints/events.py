"""Domain events: what a change of an order's status is called, and publishing it with the change."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection, text

from app.core.errors import FieldError
from app.core.money import format_amount
from app.engine.outcomes import driver
from app.ledger import books
from app.ledger.book import Noticed
from app.operate.shown import time_text

#: What an event is called: by the order's kind and its new status. Another kind of order: `{kind}.{status}`.
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
    ("ppob", "waiting"): "ppob.waiting",
}
#: Sent by `endpoints test`; nobody subscribes to it.
TEST = "endpoint.test"
KNOWN = tuple(sorted(set(TYPES.values())))
_PATTERNS_MAX = 20

_HEARD = "SELECT EXISTS (SELECT 1 FROM callback_endpoints WHERE events <> '')"
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
    """Write these changes of status down as events, in the transaction that made them, where anybody listens.

    Costs one small question a batch where nobody does.
    """
    raw = driver(connection)
    if not raw.execute(_HEARD).fetchone()[0]:
        return
    orders = {number: books.order_no(connection, number) for number in {notice[1] for notice in notices}}
    raw.executemany(_INSERT, [_row(notice, order) for notice in notices if (order := orders[notice[1]]) is not None])


def _row(notice: Noticed, order: books.OrderRow) -> tuple[Any, ...]:
    source_id, number, status, at = notice
    data = {
        "order_id": order.order_id,
        "user_id": order.user_id,
        "kind": order.kind,
        "amount": format_amount(order.amount),
        "currency": order.currency,
        "provider": order.provider,
        "status": status,
        **({"callback_id": str(source_id)} if source_id > 0 else {}),
    }
    return type_of(order.kind, status), source_id, number, status, at, orjson.dumps(data).decode()


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
    """Made of what caused it: the same after a state was built anew from the same log."""
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
