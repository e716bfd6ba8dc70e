"""Orders in hand, with what is known of them and what waits for them: loaded with one statement a batch.

The keys go in as one JSON array, whatever their number.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection

from app.engine.outcomes import driver
from app.ledger.effect import Effect, effect
from app.ledger.facts import Fact, FactKind, Level, Told
from app.ledger.judgement import Order


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A callback that is parked or in doubt: enough of it to be decided later, without the log."""

    callback_id: int
    told: Told
    level: Level
    since: int = 0  # microseconds
    state: str = ""


class Case:
    """One order in hand: its row, what is known of it, and the effect of that."""

    __slots__ = (
        "announced",
        "before",
        "cost",
        "fee",
        "held_no",
        "known",
        "no",
        "order",
        "order_id",
        "provider",
        "user_id",
        "wallet_no",
    )

    def __init__(self, row: tuple[Any, ...]) -> None:
        """`row` in the order of `_ORDER_COLUMNS`."""
        (self.no, self.provider, self.order_id, announced_at, kind, self.user_id, amount, currency) = row[:8]
        self.wallet_no, self.held_no, self.cost, self.fee = row[8:]
        self.announced = announced_at is not None
        self.order = Order(kind, amount, currency)
        self.known: dict[Fact, Level] = {}
        self.before: Effect | None = None

    def effect(self) -> Effect:
        """The effect of what is known, computed once until more is known."""
        if self.before is None:
            self.before = effect(self.order.kind, self.order.amount, self.known)
        return self.before


_ORDER_COLUMNS = (
    "o.id, o.provider, o.order_id, o.announced_at, o.kind, o.user_id, o.amount, o.currency,"
    " o.wallet_no, o.held_no, o.cost, o.fee"
)
NO_AMOUNT = -1  # a part of the facts' key, where NULL would be equal to nothing
_KINDS: dict[str, FactKind] = {str(kind): kind for kind in FactKind}
_LEVELS = tuple(Level)
_decode_told = msgspec.json.Decoder(Told).decode


class Cases:
    """The orders that a batch of callbacks is about."""

    def __init__(self, connection: Connection) -> None:
        """`connection` stands in a writing transaction."""
        self._raw = driver(connection)
        self._all: dict[tuple[str, str], Case] = {}
        self._owners: dict[str, Case] = {}  # the announced order of each id
        self._bare: dict[str, list[Case]] = {}
        self._twins: set[tuple[str, str]] = set()

    def open_orders(self, keys: Iterable[tuple[str, str]]) -> None:
        """Load the orders of these (provider, order_id), whoever announced them, with their facts."""
        ids = list(dict.fromkeys(order_id for _, order_id in keys))
        if ids:
            self._load(
                f"SELECT {_ORDER_COLUMNS} FROM json_each(?) AS j CROSS JOIN callback_orders AS o"
                " ON o.order_id = j.value",
                ids,
            )

    def open_numbers(self, numbers: Sequence[int]) -> list[Case]:
        """Load the orders with these numbers, with their facts."""
        return self._load(
            f"SELECT {_ORDER_COLUMNS} FROM json_each(?) AS j CROSS JOIN callback_orders AS o ON o.id = j.value",
            numbers,
        )

    def _load(self, statement: str, keys: Sequence[Any]) -> list[Case]:
        cases = self._all
        loaded: list[Case] = []
        told_of: dict[int, Case] = {}
        for row in self._raw.execute(statement, (orjson.dumps(keys),)):
            key = (row[1], row[2])
            case = cases.get(key)
            if case is None:
                case = cases[key] = Case(row)
                told_of[case.no] = case
                if case.announced:
                    self._owners[case.order_id] = case
                else:
                    self._bare.setdefault(case.order_id, []).append(case)
            loaded.append(case)
        if told_of:
            self._load_facts(told_of)
        return loaded

    def _load_facts(self, told_of: dict[int, Case]) -> None:
        for no, kind, attempt, key, amount, level in self._raw.execute(
            "SELECT f.order_no, f.kind, f.attempt, f.key, f.amount, f.level FROM json_each(?) AS j"
            " CROSS JOIN callback_facts AS f ON f.order_no = j.value",
            (orjson.dumps(list(told_of)),),
        ):
            fact = Fact(_KINDS[kind], attempt, key, None if amount == NO_AMOUNT else amount)
            told_of[no].known[fact] = _LEVELS[level]

    def open_twins(self, keys: Sequence[tuple[str, str]]) -> None:
        """Look up which of these other readings of signed texts are orders that we know, announced or parked."""
        if keys:
            self._twins.update(
                self._raw.execute(
                    "SELECT o.provider, o.order_id FROM json_each(?) AS j CROSS JOIN callback_orders AS o"
                    " ON o.order_id = j.value",
                    (orjson.dumps(list({order_id for _, order_id in keys})),),
                )
            )

    def get(self, provider: str, order_id: str) -> Case | None:
        """The order in hand, announced or bare."""
        return self._all.get((provider, order_id))

    def owner_of(self, order_id: str) -> Case | None:
        """The announced order of this id, whichever sender it waits for."""
        return self._owners.get(order_id)

    def is_known(self, provider: str, order_id: str) -> bool:
        """Whether we know such an order, announced or parked."""
        return (provider, order_id) in self._twins or (provider, order_id) in self._all

    def waiting(self, case: Case, *, states: Sequence[str], attempt: str | None = None) -> list[Waiting]:
        """What waits for this order, in the log's order; of one `attempt`, what is in doubt about it."""
        rows = self._raw.execute(
            "SELECT callback_id, told, level, since, state FROM callback_pending WHERE order_no = ?"
            " AND (? IS NULL OR attempt = ?) ORDER BY callback_id",
            (case.no, attempt, attempt),
        )
        return [Waiting(r[0], _decode_told(r[1]), _LEVELS[r[2]], r[3], r[4]) for r in rows if r[4] in states]

    def opened(self, number: int, provider: str, order_id: str, contents: tuple[Any, ...], bare: Case | None) -> Case:
        """The case of an order that is being announced; `contents`: announced_at … held_no. Keeps what is known."""
        case = Case((number, provider, order_id, *contents, None, None))
        if bare is not None:
            case.known = bare.known
        self._all[provider, order_id] = case
        self._owners[order_id] = case
        return case

    def strangers(self, case: Case) -> list[Case]:
        """Bare rows of the same id that other senders brought about."""
        return [other for other in self._bare.get(case.order_id, ()) if other.provider != case.provider]

    def bare(self, provider: str, order_id: str) -> Case:
        """A row for an order that nobody announced yet."""
        row = self._raw.execute(
            "INSERT INTO callback_orders (provider, order_id) VALUES (?, ?) RETURNING id", (provider, order_id)
        ).fetchone()
        case = Case((row[0], provider, order_id, None, "", "", 0, "IDR", None, None, None, None))
        self._all[provider, order_id] = case
        self._bare.setdefault(order_id, []).append(case)
        return case
