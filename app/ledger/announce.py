"""The shop announces orders: rows, accounts, holds, and what was parked for them, in one transaction.

One order and ten thousand go the same way. Announcing and arriving at the same moment never miss each other: both
write under the same lock, and whoever comes second finds what the first left.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection

from app.core.errors import BalanceTooSmall, CallbackError, FieldError, OrderConflict
from app.core.money import Minor, format_amount
from app.engine.callback import Outcome, OutcomeWord
from app.engine.outcomes import close_letters
from app.ledger.book import Book, Policy
from app.ledger.cases import Case, Waiting
from app.ledger.effect import PURCHASE
from app.ledger.parked import end_waiting
from app.ledger.record import decide_announced


class NewOrder(msgspec.Struct, frozen=True):
    """What the shop announces; checked by `operate.orders` before it comes here."""

    order_id: str
    user_id: str
    kind: str  # a key of effect.FORMULAS
    amount: Minor
    provider: str  # the sender that it waits for
    currency: str = "IDR"
    product: str = ""
    customer_no: str = ""


class Announced(msgspec.Struct, frozen=True):
    """An order that is announced, now (`created`) or before with the same contents."""

    no: int
    created: bool


def announce(connection: Connection, order: NewOrder, *, at: int, policy: Policy) -> Announced:
    """Announce one order inside the caller's writing transaction.

    Raises OrderConflict (the id is announced with other contents), BalanceTooSmall (nothing happens), FieldError (the
    user's wallet has another currency); the caller's transaction is then to be rolled back.
    """
    result = announce_many(connection, [order], at=at, policy=policy)[0]
    if isinstance(result, CallbackError):
        raise result
    return result


def announce_many(
    connection: Connection, orders: Sequence[NewOrder], *, at: int, policy: Policy
) -> list[Announced | CallbackError]:
    """Announce many orders → one result each, in their order; what is refused changes nothing."""
    book = Book(connection, at=at, policy=policy)
    book.cases.open_orders([(order.provider, order.order_id) for order in orders])
    page = _Page(book, orders)
    results = [page.announce(order) for order in orders]
    page.write()
    book.write()
    return results


class _Page:
    """The accounts of these orders' users, and the rows to be written."""

    def __init__(self, book: Book, orders: Sequence[NewOrder]) -> None:
        self.book = book
        self.next_no = int(book.raw.execute("SELECT coalesce(max(id), 0) + 1 FROM callback_orders").fetchone()[0])
        self.inserted: list[tuple[Any, ...]] = []
        self.updated: list[tuple[Any, ...]] = []
        self.accounts: dict[str, tuple[int, str, Minor]] = {}
        names = {f"wallet:{order.user_id}" for order in orders}
        names |= {f"held:{order.user_id}" for order in orders if order.kind == PURCHASE}
        self._load_accounts(sorted(names))

    def _load_accounts(self, names: Sequence[str]) -> None:
        rows = self.book.raw.execute(
            "SELECT a.name, a.id, a.currency, a.balance FROM json_each(?) AS j CROSS JOIN callback_accounts AS a"
            " ON a.name = j.value",
            (orjson.dumps(names),),
        )
        self.accounts.update((name, (number, currency, balance)) for name, number, currency, balance in rows)

    def announce(self, order: NewOrder) -> Announced | CallbackError:
        """Announce one order, or say why not."""
        owner = self.book.cases.owner_of(order.order_id)
        if owner is not None:
            return self._again(owner, order)
        wallet = self.accounts.get(f"wallet:{order.user_id}")
        if wallet is not None and wallet[1] != order.currency:
            return FieldError("currency", f"the wallet of {order.user_id} is kept in {wallet[1]}")
        if order.kind == PURCHASE and (refusal := self._cannot_pay(order, wallet)) is not None:
            return refusal
        return Announced(self._open(order).no, created=True)

    def _cannot_pay(self, order: NewOrder, wallet: tuple[int, str, Minor] | None) -> BalanceTooSmall | None:
        free = wallet[2] + self.book.moved(wallet[0]) if wallet is not None else 0
        if free >= order.amount:
            return None
        return BalanceTooSmall(
            f"the wallet of {order.user_id} holds {format_amount(free)} {order.currency},"
            f" the purchase costs {format_amount(order.amount)}"
        )

    def _again(self, owner: Case, order: NewOrder) -> Announced | OrderConflict:
        row = self.book.raw.execute(
            "SELECT product, customer_no FROM callback_orders WHERE id = ?", (owner.no,)
        ).fetchone() or self._written(owner.no)
        kept = (owner.provider, owner.order.kind, owner.user_id, owner.order.amount, owner.order.currency, *row)
        told = (order.provider, order.kind, order.user_id, order.amount, order.currency, order.product)
        names = ("provider", "kind", "user_id", "amount", "currency", "product", "customer_no")
        for name, before, now in zip(names, kept, (*told, order.customer_no), strict=True):
            if before != now:
                shown = (format_amount(owner.order.amount), format_amount(order.amount))
                shown = shown if name == "amount" else (str(before), str(now))
                return OrderConflict(
                    f"order_id {order.order_id!r} is announced already with {name} {shown[0]!r}, not {shown[1]!r}"
                )
        return Announced(owner.no, created=False)

    def _written(self, number: int) -> tuple[str, str]:
        row = next(row for row in self.inserted if row[0] == number)
        return (row[10], row[11])

    def _account(self, name: str, currency: str) -> int:
        account = self.accounts.get(name)
        if account is None:
            row = self.book.raw.execute(
                "INSERT INTO callback_accounts (name, currency, balance) VALUES (?, ?, 0) RETURNING id",
                (name, currency),
            ).fetchone()
            account = self.accounts[name] = (int(row[0]), currency, 0)
        return account[0]

    def _open(self, order: NewOrder) -> Case:
        wallet_no = self._account(f"wallet:{order.user_id}", order.currency)
        held_no = self._account(f"held:{order.user_id}", order.currency) if order.kind == PURCHASE else None
        bare = self.book.cases.get(order.provider, order.order_id)
        number = self.next_no if bare is None else bare.no
        contents = (self.book.at, order.kind, order.user_id, order.amount, order.currency, wallet_no, held_no)
        if bare is None:
            self.next_no += 1
            self.inserted.append((number, order.provider, order.order_id, *contents, order.product, order.customer_no))
        else:
            self.updated.append((*contents, order.product, order.customer_no, number))
        case = self.book.cases.opened(number, order.provider, order.order_id, contents, bare)
        if order.kind == PURCHASE:  # first: what was parked moves on from the hold
            self.book.hold(case, source_id=self.book.cause("announcement", case))
        self._decide_parked(case, bare)
        return case

    def _decide_parked(self, case: Case, bare: Case | None) -> None:
        """What waited for this announcement is decided in the log's order, as if it came now."""
        if bare is not None:
            waiting = self.book.cases.waiting(case, states=("parked", "lapsed"))
            self.book.cases.open_twins(
                [(case.provider, t) for w in waiting if w.told.notice for t in w.told.notice.twins]
            )
            self._rewrite(waiting, [decide_announced(self.book, case, w) for w in waiting])
        for stranger in self.book.cases.strangers(case):
            waiting = self.book.cases.waiting(stranger, states=("parked", "lapsed"))
            detail = {"sender": stranger.provider, "waits_for": case.provider}
            self._rewrite(
                waiting,
                [
                    Outcome(w.callback_id, OutcomeWord.REJECTED, "another_senders_order", case.no, detail)
                    for w in waiting
                ],
            )

    def _rewrite(self, waiting: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
        lapsed = (w.callback_id for w in waiting)
        close_letters(self.book.connection, "callback", lapsed, how="announced", at=self.book.at)
        end_waiting(self.book.connection, outcomes, decided_by=None, at=self.book.at)

    def write(self) -> None:
        """Write the orders' rows."""
        self.book.raw.executemany(
            "INSERT INTO callback_orders (id, provider, order_id, announced_at, kind, user_id, amount, currency,"
            " wallet_no, held_no, product, customer_no) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            self.inserted,
        )
        self.book.raw.executemany(
            "UPDATE callback_orders SET announced_at=?, kind=?, user_id=?, amount=?, currency=?, wallet_no=?,"
            " held_no=?, product=?, customer_no=? WHERE id=?",
            self.updated,
        )
