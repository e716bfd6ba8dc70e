"""What a search asks of a callback, put to pages of candidates: what is at hand first, what has to be read last."""

from collections.abc import Iterable, Sequence

import msgspec
import orjson
from sqlalchemy import Connection, text

from app.engine.log import Log
from app.ledger import books
from app.operate.candidates import Candidate, Search
from app.operate.outcomes import outcomes_of

#: A user with more orders than this is found by looking through all outcomes: theirs are many among them.
USER_ORDERS_MAX = 500


def needles(sought: str) -> tuple[bytes, ...]:
    """The bytes that say this text in a body: as UTF-8, and as JSON writes it in ASCII; ASCII in small letters."""
    escaped = orjson.dumps(sought)[1:-1].decode()
    ascii_only = "".join(sign if sign.isascii() else _escape(sign) for sign in escaped)
    forms = (sought, escaped, ascii_only, ascii_only.replace("/", "\\/"))
    return tuple({form.encode(errors="replace").lower(): None for form in forms})


def _escape(sign: str) -> str:
    units = sign.encode("utf-16-be", errors="replace")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


class Fitting:
    """A search, put to callbacks on one connection."""

    def __init__(self, connection: Connection, callbacks: Log, search: Search) -> None:
        """Looks up the orders that are meant."""
        self._connection = connection
        self._log = callbacks
        self._search = search
        self._needles = needles(search.text) if search.text else ()
        #: the orders that are meant, where they are few enough to be named; None: any, or too many
        self.order_nos = self._orders()

    def _orders(self) -> list[int] | None:
        search = self._search
        if search.order_id:
            numbers = books.numbers_of(self._connection, search.order_id)
            return self._of_user(numbers) if search.user_id else numbers
        if search.user_id:
            found = books.numbers_of_user(self._connection, search.user_id, rows_max=USER_ORDERS_MAX + 1)
            return found if len(found) <= USER_ORDERS_MAX else None
        return None

    def keep(self, page: Sequence[Candidate]) -> list[Candidate]:
        """Those of a page that fit, with what became of them."""
        search = self._search
        found = [
            each
            for each in page
            if search.since <= each.received_at < search.until
            and search.provider in {"", each.provider}
            and (each.callback is None or self._says(each.callback.body))
        ]
        found = self._with_outcomes(found)
        if search.outcome:
            found = [each for each in found if each.outcome is not None and each.outcome.outcome == search.outcome]
        if search.order_id or search.user_id:
            found = self._about(found)
        return [each for each in found if self._body_says(each)] if self._needles else found

    def _says(self, body: bytes) -> bool:
        if not self._needles:
            return True
        small = body.lower()
        return any(needle in small for needle in self._needles)

    def _body_says(self, each: Candidate) -> bool:
        if each.callback is not None:
            return True  # was asked before
        callback = self._log.get(each.id)
        return callback is not None and self._says(callback.body)

    def _with_outcomes(self, page: Sequence[Candidate]) -> list[Candidate]:
        missing = [each.id for each in page if each.outcome is None]
        known = outcomes_of(self._connection, missing) if missing else {}
        return [each if each.outcome else msgspec.structs.replace(each, outcome=known.get(each.id)) for each in page]

    def _about(self, page: Sequence[Candidate]) -> list[Candidate]:
        """Those about the orders that are meant; while they are not decided, what they must stay in order with is."""
        search = self._search
        told = {each.outcome.order_no for each in page if each.outcome and each.outcome.order_no}
        mine = set(self._of_user(told) if self.order_nos is None else self.order_nos)
        named = {each.callback.ordering_key for each in page if each.outcome is None and each.callback is not None}
        if search.order_id:
            named &= {search.order_id}
        if search.user_id:
            named = books.order_ids_of_user(self._connection, search.user_id, named)
        return [
            each
            for each in page
            if (
                each.outcome.order_no in mine if each.outcome else each.callback and each.callback.ordering_key in named
            )
        ]

    def _of_user(self, numbers: Iterable[int]) -> list[int]:
        rows = self._connection.execute(
            text(
                "SELECT id FROM callback_orders WHERE id IN (SELECT value FROM json_each(:numbers))"
                " AND user_id = :user AND announced_at IS NOT NULL"
            ),
            {"numbers": orjson.dumps(list(numbers)).decode(), "user": self._search.user_id},
        )
        return list(rows.scalars())
