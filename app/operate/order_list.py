"""`callbacks transactions list`: orders that were announced, newest first, by user, kind, sender, status and time.

A status is computed from an order's facts, so a list by status computes that of each order it looks at.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection, Engine, text

from app.core.database import reading
from app.core.ends import ID_MAX, LATEST
from app.core.errors import FieldError
from app.core.language import Lang
from app.core.money import Minor, format_amount
from app.engine.outcomes import driver
from app.ledger import books
from app.ledger.cases import Cases
from app.ledger.effect import FORMULAS
from app.operate import texts
from app.operate.candidates import Numbered, halve
from app.operate.looking import SECONDS, Page, look
from app.operate.moments import moment_from
from app.operate.order_list_shown import TransactionLine, TransactionsShown
from app.operate.shown import time_text

PAGE_MAX = 200
_ROWS_MAX = 1_000
#: A status costs the facts of its order: an answer takes longer where many are asked for.
_SECONDS_FOR_STATUSES = 0.3
#: An order whose callbacks came before its announcement has the number of their arrival, up to a day earlier.
_PARKED = 86_400_000_000


class OrderSearch(msgspec.Struct, frozen=True):
    """Which orders; "" for any, times of announcement in microseconds UTC (`until` is not within)."""

    user_id: str = ""
    kind: str = ""
    provider: str = ""
    status: str = ""
    since: int = 0
    until: int = LATEST


class _Order(msgspec.Struct, frozen=True):
    no: int
    order_id: str
    user_id: str
    kind: str
    provider: str
    amount: Minor
    currency: str
    announced_at: int


_COLUMNS = "id, order_id, user_id, kind, provider, amount, currency, announced_at"


def order_search_from(
    *,
    user_id: str = "",
    kind: str = "",
    provider: str = "",
    status: str = "",
    since: str = "",
    until: str = "",
    at: int,
) -> OrderSearch:
    """What a person looks for; `at` is now. Raises FieldError for a kind or a status that is none, or no moment."""
    if kind and kind not in FORMULAS:
        raise FieldError("kind", f"must be one of {', '.join(sorted(FORMULAS))}")
    if status and status not in texts.STATUSES:
        raise FieldError("status", f"must be one of {', '.join(texts.STATUSES)}")
    return OrderSearch(
        user_id=user_id,
        kind=kind,
        provider=provider,
        status=status,
        since=moment_from("from", since, at=at) if since else 0,
        until=moment_from("to", until, at=at) if until else LATEST,
    )


def list_orders(
    engine: Engine,
    search: OrderSearch,
    *,
    before: int | None = None,
    rows_max: int = 50,
    seconds: float | None = None,
    lang: Lang,
) -> TransactionsShown:
    """A page of orders, newest first, below the number `before`; looked for no longer than about `seconds`."""
    if seconds is None:
        seconds = _SECONDS_FOR_STATUSES if search.status else SECONDS
    with reading(engine) as connection:
        statuses: dict[int, str] = {}

        def keep(page: Sequence[_Order]) -> list[_Order]:
            if search.status:
                statuses.update(_statuses(connection, page))
            return [order for order in page if search.status in {"", statuses.get(order.no)}]

        found = look(
            _source(connection, search),
            keep,
            lambda order: order.no,
            before=ID_MAX if before is None else before,
            rows_max=max(1, min(rows_max, PAGE_MAX)),
            seconds=seconds,
        )
        statuses.update(_statuses(connection, [order for order in found.rows if order.no not in statuses]))
        looked = books.order_no(connection, found.looked_back_to) if found.looked_back_to is not None else None
        return TransactionsShown(
            transactions=[_line(order, statuses[order.no], lang) for order in found.rows],
            next_cursor=None if found.cursor is None else str(found.cursor),
            looked_back_to=looked.order_id if looked else None,
            looked_back_at=time_text(looked.announced_at) if looked and looked.announced_at is not None else None,
        )


def _line(order: _Order, status: str, lang: Lang) -> TransactionLine:
    return TransactionLine(
        order_id=order.order_id,
        user_id=order.user_id,
        kind=order.kind,
        provider=order.provider,
        amount=format_amount(order.amount),
        currency=order.currency,
        status=status,
        text=texts.status(status, lang),
        announced_at=time_text(order.announced_at),
    )


def _statuses(connection: Connection, orders: Sequence[_Order]) -> dict[int, str]:
    cases = Cases(connection).open_numbers([order.no for order in orders])
    return {case.no: case.effect().status for case in cases}


def _source(connection: Connection, search: OrderSearch) -> Callable[[int, int], Page[_Order]]:
    first = _number_at(connection, search.since - _PARKED) if search.since else 0
    end = _number_at(connection, search.until + _PARKED) if search.until < LATEST else ID_MAX
    within = "id < :before AND id >= :first AND announced_at IS NOT NULL"
    wallets = _wallets(connection, search.user_id) if search.user_id else []
    if search.user_id:
        within += " AND wallet_no IN (SELECT value FROM json_each(:wallets)) AND wallet_no IS NOT NULL"
    looked = f"FROM callback_orders WHERE {within} ORDER BY id DESC LIMIT :looked"
    wanted = (
        "(:kind = '' OR kind = :kind) AND (:provider = '' OR provider = :provider)"
        " AND announced_at >= :since AND announced_at < :until"
    )
    fitting = text(
        f"SELECT {_COLUMNS} FROM (SELECT {_COLUMNS} {looked}) WHERE {wanted} ORDER BY id DESC LIMIT {_ROWS_MAX}"
    )
    oldest = text(f"SELECT min(id), count(*) FROM (SELECT id {looked})")
    values: dict[str, Any] = {
        **msgspec.structs.asdict(search),
        "first": first,
        "wallets": orjson.dumps(wallets).decode(),
    }

    def source(before: int, rows_max: int) -> Page[_Order]:
        asked = {**values, "before": min(before, end), "looked": rows_max}
        rows = [_Order(*row) for row in connection.execute(fitting, asked)]
        if len(rows) == _ROWS_MAX:
            return Page(rows, rows[-1].no)
        last, count = connection.execute(oldest, asked).one()
        return Page(rows, last if count == rows_max else None)

    return source


def _wallets(connection: Connection, user_id: str) -> list[int]:
    rows = connection.execute(
        text("SELECT id FROM callback_accounts WHERE name = :name"), {"name": f"wallet:{user_id}"}
    )
    return list(rows.scalars())


def _number_at(connection: Connection, moment: int) -> int:
    """The number from which on orders were announced at `moment` or later."""
    raw = driver(connection)

    def next_after(number: int) -> Numbered | None:
        found: Numbered | None = raw.execute(
            "SELECT id, announced_at FROM callback_orders WHERE id > ? AND announced_at IS NOT NULL"
            " ORDER BY id LIMIT 1",
            (number,),
        ).fetchone()
        return found

    newest = int(raw.execute("SELECT coalesce(max(id), 0) FROM callback_orders").fetchone()[0])
    found = halve(next_after, moment, newest)
    return newest + 1 if found is None else found
