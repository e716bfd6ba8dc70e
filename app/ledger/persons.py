"""What a person decides where the system must not: with a reason, who and when, through the same effect."""

import msgspec
from sqlalchemy import Connection

from app.core.errors import BalanceTooSmall, FieldError, NotFound, ResolutionRefused
from app.core.money import Minor, format_amount
from app.engine.outcomes import settle_alerts
from app.ledger.book import Book, Policy
from app.ledger.cases import Case
from app.ledger.effect import PURCHASE, TOPUP, Attempt, attempts_of, effect
from app.ledger.facts import Fact, FactKind, Level, learn


class Resolution(msgspec.Struct, frozen=True):
    """A person's word about an order."""

    word: str  # one of WORDS of the order's kind
    who: str
    reason: str
    amount: Minor | None = None  # refund
    key: str = ""  # refund: as at Midtrans, else its notification debits again
    attempt: str = ""  # refund


WORDS = {TOPUP: ("paid", "failed", "refund"), PURCHASE: ("succeeded", "failed", "returned")}


def resolve(connection: Connection, order_id: str, resolution: Resolution, *, at: int, policy: Policy) -> int:
    """Put down a person's word inside the caller's writing transaction → the cause's negative id.

    Raises NotFound, FieldError, BalanceTooSmall, or ResolutionRefused with the reason.
    """
    if not resolution.reason.strip():
        raise FieldError("reason", "say why; it is kept with who and when")
    book = Book(connection, at=at, policy=policy)
    book.cases.open_orders([("", order_id)])
    case = book.cases.owner_of(order_id)
    if case is None:
        raise NotFound(f"no order {order_id!r} is announced")
    words = WORDS[case.order.kind]
    if resolution.word not in words:
        raise ResolutionRefused(f"a {case.order.kind} can be resolved as {', '.join(words)}, not {resolution.word!r}")
    source_id = book.cause("person", case, who=resolution.who, reason=resolution.reason)
    said = _topup(case, resolution, source_id) if case.order.kind == TOPUP else _purchase(book, case, resolution)
    facts = dict.fromkeys(said, Level.CONFIRMED)
    if all(case.known.get(fact, -1) >= Level.CONFIRMED for fact in facts):
        raise ResolutionRefused("the books say this already; nothing would change")
    book.learn(case, facts, source_id=source_id)
    settle_alerts(connection, [("contradiction", f"order:{order_id}")], by=resolution.who, at=at)
    book.write()
    return source_id


def _topup(case: Case, resolution: Resolution, source_id: int) -> list[Fact]:
    counting = {name: attempt for name, attempt in attempts_of(case.known).items() if attempt.counts()}
    if resolution.word == "paid":
        if counting:
            raise ResolutionRefused(f"it is paid already, by attempt {next(iter(counting))!r}")
        return [Fact(FactKind.PAID, f"person-{-source_id}")]
    if not counting:
        raise ResolutionRefused("no payment of this order counts, there is nothing to undo")
    if resolution.word == "failed":
        return [Fact(FactKind.CANCELLED, name) for name in counting]
    return [_refund(case.order.amount, counting, resolution, source_id)]


def _refund(amount: Minor, counting: dict[str, Attempt], resolution: Resolution, source_id: int) -> Fact:
    if resolution.amount is None or resolution.amount <= 0:
        raise FieldError("amount", "say how much was refunded, above zero")
    name = resolution.attempt or max(counting, key=lambda each: (counting[each].worth(amount), each))
    if name not in counting:
        raise ResolutionRefused(f"attempt {name!r} does not count as a payment of this order")
    left = counting[name].worth(amount)
    key = resolution.key or f"person-{-source_id}"
    if key not in counting[name].keys and resolution.amount > left:
        raise ResolutionRefused(f"only {format_amount(left)} of this payment is left to refund")
    return Fact(FactKind.REFUNDED, name, key, resolution.amount)


def _purchase(book: Book, case: Case, resolution: Resolution) -> list[Fact]:
    if resolution.word == "returned":
        return [Fact(FactKind.RETURNED)]
    if any(fact.kind is FactKind.RETURNED for fact in case.known):
        raise ResolutionRefused("the money of this purchase was returned, which is final")
    decided = [fact for fact in case.known if fact.kind in _DECIDED.values()]
    fact = Fact(_DECIDED[resolution.word], amount=len(decided) + 1)
    before = case.effect().position.wallet
    after = effect(case.order.kind, case.order.amount, learn(case.known, [fact], Level.CONFIRMED)).position.wallet
    if after < before and (balance := book.balance(case)) < before - after:
        raise BalanceTooSmall(
            f"the wallet of {case.user_id} holds {format_amount(balance)},"
            f" this would take {format_amount(before - after)}"
        )
    return [fact]


_DECIDED = {"succeeded": FactKind.DECIDED_SUCCEEDED, "failed": FactKind.DECIDED_FAILED}


def adjust(
    connection: Connection, user_id: str, amount: Minor, *, who: str, reason: str, at: int, policy: Policy
) -> int:
    """Move money between a user's wallet and `adjustment` (opening balances, corrections) → the cause's negative id.

    The wallet is made when it does not exist. Raises FieldError for a missing reason or a zero amount.
    """
    if not reason.strip():
        raise FieldError("reason", "say why; it is kept with who and when")
    if amount == 0:
        raise FieldError("amount", "zero moves nothing")
    book = Book(connection, at=at, policy=policy)
    number, currency = book.wallet(user_id)
    source_id = book.cause("person", None, who=who, reason=reason, body=Adjustment(user_id, amount).encoded())
    book.adjust(number, currency, amount, source_id=source_id)
    book.write()
    return source_id


class Adjustment(msgspec.Struct, frozen=True):
    """What a person said of a wallet; kept with the cause, so that an audit can compare the postings with it."""

    user_id: str
    amount: Minor

    def encoded(self) -> bytes:
        """As the cause keeps it."""
        return msgspec.json.encode(self)


def adjustment_of(body: bytes | str | None) -> Adjustment | None:
    """What a cause kept; None where it is nothing of the kind."""
    try:
        return _adjustment(body or b"")
    except msgspec.DecodeError:
        return None


_adjustment = msgspec.json.Decoder(Adjustment).decode
