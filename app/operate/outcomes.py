"""Reads what became of callbacks: outcome rows as lines, those of one order, and open alerts; changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection, text

from app.core.language import Lang
from app.engine.callback import Callback
from app.ledger.books import OrderRow, order_ids, users_of
from app.operate.advice import alert_text, outcome_text
from app.operate.alerts_shown import AlertShown
from app.operate.callbacks_shown import CallbackLine
from app.operate.shown import time_text


class OutcomeRow(msgspec.Struct, frozen=True):
    """What became of one callback, as the state has it."""

    callback_id: int
    provider: str
    event_type: str
    order_no: int | None
    outcome: str
    reason: str
    detail: Mapping[str, Any]
    decided_by: int | None
    received_at: int
    decided_at: int


_FIELDS = OutcomeRow.__struct_fields__
COLUMNS = ", ".join(_FIELDS)


def detail_of(column: str) -> dict[str, Any]:
    """The `detail` column of an outcome, a dead letter or an alert."""
    return dict(orjson.loads(column)) if column else {}


def outcome_row(row: Sequence[Any]) -> OutcomeRow:
    """A row of `COLUMNS`."""
    values = dict(zip(_FIELDS, row, strict=True))
    return OutcomeRow(**{**values, "detail": detail_of(values["detail"])})


def outcomes_of(connection: Connection, callback_ids: Iterable[int]) -> dict[int, OutcomeRow]:
    """What became of these callbacks; those that are not decided yet are missing."""
    rows = connection.execute(
        text(
            f"SELECT {COLUMNS} FROM callback_outcomes WHERE callback_id IN (SELECT value FROM json_each(:ids))"
            " ORDER BY callback_id"
        ),
        {"ids": orjson.dumps(sorted(set(callback_ids))).decode()},
    )
    return {row[0]: outcome_row(row) for row in rows}


def of_order(connection: Connection, number: int) -> list[OutcomeRow]:
    """Outcomes of callbacks about this order, oldest first: those that told facts, and those that did not."""
    # Those that were applied are found by the facts they told first: an index on every outcome would make each dearer.
    rows = connection.execute(
        text(
            "SELECT callback_id FROM callback_outcomes WHERE (outcome <> 'applied' OR decided_by IS NOT NULL)"
            " AND order_no = :number"
            " UNION SELECT source_id FROM callback_facts WHERE order_no = :number AND source_id > 0"
        ),
        {"number": number},
    )
    found = outcomes_of(connection, [row[0] for row in rows])
    return [found[callback_id] for callback_id in sorted(found)]


def line(row: OutcomeRow, order_id: str | None, *, lang: Lang) -> CallbackLine:
    """One decided callback in a list."""
    return CallbackLine(
        callback_id=str(row.callback_id),
        provider=row.provider,
        event_type=row.event_type,
        received_at=time_text(row.received_at),
        order_id=order_id,
        outcome=row.outcome,
        reason=row.reason,
        text=outcome_text(row.outcome, row.reason, row.detail, lang),
    )


def undecided(callback: Callback, *, lang: Lang) -> CallbackLine:
    """A callback of the log that nobody decided yet."""
    return CallbackLine(
        callback_id=str(callback.id),
        provider=callback.provider,
        event_type=callback.event_type,
        received_at=time_text(callback.received_at),
        order_id=None,
        outcome="",
        reason="",
        text=outcome_text("", "", {}, lang),
    )


def lines(connection: Connection, rows: Sequence[OutcomeRow], *, lang: Lang) -> list[CallbackLine]:
    """Decided callbacks in a list, with their orders' ids."""
    ids = order_ids(connection, (row.order_no for row in rows))
    return [line(row, ids.get(row.order_no) if row.order_no else None, lang=lang) for row in rows]


def callbacks_of_order(connection: Connection, order: OrderRow, *, lang: Lang) -> list[CallbackLine]:
    """The callbacks about one order, oldest first."""
    return [line(row, order.order_id, lang=lang) for row in of_order(connection, order.no)]


_ALERT = "SELECT id, kind, subject, detail, since, last_at, count, closed_at, closed_by FROM callback_alerts"


def alerts_about(connection: Connection, subjects: Sequence[str], *, lang: Lang) -> list[AlertShown]:
    """Open alerts about these subjects (`order:TU-1`, `wallet:ani`)."""
    rows = connection.execute(
        text(f"{_ALERT} WHERE closed_at IS NULL AND subject IN (SELECT value FROM json_each(:subjects)) ORDER BY id"),
        {"subjects": orjson.dumps(list(subjects)).decode()},
    )
    return _alerts_shown(connection, rows, lang=lang)


def alerts_found(
    connection: Connection, *, kind: str, closed: bool, before: int, rows_max: int, lang: Lang
) -> list[AlertShown]:
    """Alerts below `before`, newest first; the open ones, or with `closed` all."""
    rows = connection.execute(
        text(
            f"{_ALERT} WHERE id < :before AND (:closed OR closed_at IS NULL) AND (:kind = '' OR kind = :kind)"
            " ORDER BY id DESC LIMIT :rows"
        ),
        {"before": before, "closed": closed, "kind": kind, "rows": rows_max},
    )
    return _alerts_shown(connection, rows, lang=lang)


def _alerts_shown(connection: Connection, rows: Iterable[Sequence[Any]], *, lang: Lang) -> list[AlertShown]:
    found = list(rows)
    orders = [_order_of(row[2]) for row in found]
    users = users_of(connection, (order_id for order_id in orders if order_id is not None))
    return [_alert_shown(row, users.get(order or "", ""), lang=lang) for row, order in zip(found, orders, strict=True)]


def subjects_of(order_id: str) -> list[str]:
    """What alerts about an order have as their subject."""
    return [f"{family}{order_id}" for family in _FAMILIES]


def _order_of(subject: str) -> str | None:
    return next((subject.removeprefix(family) for family in _FAMILIES if subject.startswith(family)), None)


#: `refund:` of what a report says of a refund, beside what it says of the payment.
_FAMILIES = ("order:", "refund:")


def _alert_shown(row: Sequence[Any], user_id: str, *, lang: Lang) -> AlertShown:
    """One alert's row as people see it; `user_id`: whose order it is about."""
    number, kind, subject, column, since, last_at, count, closed_at, closed_by = row
    detail = detail_of(column)
    told, to_do, commands = alert_text(kind, subject, detail, lang, user_id=user_id)
    return AlertShown(
        id=str(number),
        kind=kind,
        subject=subject,
        text=told,
        what_to_do=to_do,
        commands=commands,
        detail=detail,
        since=time_text(since),
        last_at=time_text(last_at),
        count=count,
        closed_at=None if closed_at is None else time_text(closed_at),
        closed_by=closed_by,
    )
