"""What a set of facts means: money moved, status shown, alerts deserved. Pure; who came first does not matter."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from app.core.money import Minor
from app.ledger.facts import Fact, FactKind, Known, Level
from app.ledger.postings import NOTHING_MOVED, Position


class Effect(NamedTuple):
    """The meaning of a set of facts about one order."""

    position: Position
    status: str
    alerts: frozenset[str] = frozenset()


_NO_ALERTS: frozenset[str] = frozenset()

#: An attempt says its strongest word: a later one of this list outweighs the earlier ones.
SAYS = (
    FactKind.PENDING,
    FactKind.AUTHORIZED,
    FactKind.CHALLENGED,
    FactKind.FAILED,
    FactKind.EXPIRED,
    FactKind.CANCELLED,
    FactKind.DENIED,
)
#: Of what the attempts say, an order that nobody paid shows the first of these.
SHOWS = (
    FactKind.AUTHORIZED,
    FactKind.CHALLENGED,
    FactKind.PENDING,
    FactKind.DENIED,
    FactKind.CANCELLED,
    FactKind.FAILED,
    FactKind.EXPIRED,
)
#: Of several attempts that count, the order shows the one that is worth most; among equals the first of these.
PAID_STATUSES = ("paid", "partially_refunded", "refunded", "charged_back")

TOPUP = "topup"
PURCHASE = "ppob"


def effect(kind: str, amount: Minor, known: Known) -> Effect:
    """The effect of `known` on an order of this kind over `amount` minor units."""
    return FORMULAS[kind](amount, known)


class Attempt:
    """One payment try, summed up from its facts."""

    __slots__ = ("charged_back_in_full", "in_all", "keys", "two_amounts", "words")

    def __init__(self) -> None:
        self.words: dict[FactKind, Level] = {}
        self.keys: dict[str, Minor] = {}
        self.two_amounts = False
        self.in_all = 0
        self.charged_back_in_full = False

    def hear(self, fact: Fact, level: Level) -> None:
        """Add one fact."""
        kind, amount = fact.kind, fact.amount
        if kind in _TAKES_BACK:
            self._hear_taken(kind, fact.key, amount)
        elif self.words.get(kind, -1) < level:
            self.words[kind] = level

    def _hear_taken(self, kind: FactKind, key: str, amount: Minor | None) -> None:
        if amount is None:
            self.charged_back_in_full = True
        elif kind is FactKind.REFUNDED_IN_ALL:
            self.in_all = max(self.in_all, amount)
        else:  # a key counts once, at its largest amount
            before = self.keys.get(key)
            self.two_amounts |= before is not None and before != amount
            self.keys[key] = amount if before is None else max(before, amount)

    def counts(self) -> bool:
        """Whether it is a payment that stands."""
        words = self.words
        paid = words.get(FactKind.PAID)
        if paid is None:
            return False
        denied, cancelled = words.get(FactKind.DENIED), words.get(FactKind.CANCELLED)
        if paid is Level.CONFIRMED and denied is not Level.CONFIRMED and cancelled is not Level.CONFIRMED:
            return True
        return denied is None and cancelled is None and FactKind.DISPROVED not in words

    def is_explained(self) -> bool:
        """Whether the sender's API confirmed the payment after all, or that it was reversed or voided."""
        words = (FactKind.PAID, FactKind.DENIED, FactKind.CANCELLED)
        return any(self.words.get(word) is Level.CONFIRMED for word in words)

    def taken(self, amount: Minor) -> Minor:
        """What went back to the payer, as told: may be more than `amount`."""
        told = max(sum(self.keys.values()), self.in_all)
        return max(told, amount) if self.charged_back_in_full else told

    def worth(self, amount: Minor) -> Minor:
        """What it leaves on the wallet, if it counts."""
        return amount - min(self.taken(amount), amount)

    def status(self, amount: Minor) -> str:
        """The status of an attempt that counts."""
        taken = self.taken(amount)
        if taken <= 0:
            return "paid"
        if taken < amount:
            return "partially_refunded"
        return "charged_back" if self.charged_back_in_full else "refunded"

    def says(self) -> FactKind | None:
        """Its strongest word, for an order that nobody paid."""
        return next((word for word in reversed(SAYS) if word in self.words), None)


_TAKES_BACK = frozenset({FactKind.REFUNDED, FactKind.REFUNDED_IN_ALL, FactKind.CHARGED_BACK})
_ABOUT_NO_ATTEMPT = frozenset({FactKind.MET, FactKind.MISPAID})


def attempts_of(known: Known) -> dict[str, Attempt]:
    """The attempts that the facts tell of, by name."""
    attempts: dict[str, Attempt] = {}
    for fact, level in known.items():
        if fact.kind in _ABOUT_NO_ATTEMPT:
            continue
        attempt = attempts.get(fact.attempt)
        if attempt is None:
            attempt = attempts[fact.attempt] = Attempt()
        attempt.hear(fact, level)
    return attempts


def _topup(amount: Minor, known: Known) -> Effect:
    if not known:
        return _WAITING
    if len(known) == 1 and next(iter(known)).kind is FactKind.PAID:  # nine in ten: a tenth of what counting costs
        return _paid(amount)
    attempts = attempts_of(known)
    counting = [(attempt.worth(amount), attempt) for attempt in attempts.values() if attempt.counts()]
    worth = max((each for each, _ in counting), default=0)
    return Effect(
        Position(worth, 0, -worth, 0) if worth else NOTHING_MOVED,
        _topup_status(amount, attempts, [attempt for each, attempt in counting if each == worth]),
        _topup_alerts(amount, known, attempts, len(counting)),
    )


@lru_cache(maxsize=4096)  # a shop has a handful of amounts
def _paid(amount: Minor) -> Effect:
    return Effect(Position(amount, 0, -amount, 0), "paid")


def _topup_status(amount: Minor, attempts: dict[str, Attempt], best: list[Attempt]) -> str:
    if best:
        shown = {attempt.status(amount) for attempt in best}
        return next(status for status in PAID_STATUSES if status in shown)
    said = {attempt.says() for attempt in attempts.values()}
    return next((str(word) for word in SHOWS if word in said), "waiting")


def _topup_alerts(amount: Minor, known: Known, attempts: dict[str, Attempt], counting: int) -> frozenset[str]:
    alerts: set[str] = set()
    if counting > 1:
        alerts.add("paid_twice")
    for attempt in attempts.values():
        words = attempt.words
        if FactKind.EXPIRED in words and attempt.counts():
            alerts.add("paid_after_expiry")
        if FactKind.DISPROVED in words and not attempt.is_explained():
            alerts.add("forgery_suspected")
        if attempt.two_amounts:
            alerts.add("refund_key_with_two_amounts")
        if max(sum(attempt.keys.values()), attempt.in_all) > amount:
            alerts.add("refunded_more_than_paid")
    if any(fact.kind is FactKind.MISPAID for fact in known):
        alerts.add("mispaid")
    return frozenset(alerts) if alerts else _NO_ALERTS


def believed_word(known: Known) -> FactKind | None:
    """SUCCEEDED or FAILED of a purchase: a person's last word, else the one that was told."""
    decided = [fact for fact in known if fact.kind in _DECIDED]
    if decided:
        return _DECIDED[max(decided, key=lambda fact: fact.amount or 0).kind]
    kinds = {fact.kind for fact in known}
    return next((word for word in (FactKind.SUCCEEDED, FactKind.FAILED) if word in kinds), None)


_DECIDED = {FactKind.DECIDED_SUCCEEDED: FactKind.SUCCEEDED, FactKind.DECIDED_FAILED: FactKind.FAILED}
#: Their amount is a number, no money.
NUMBERED = frozenset(_DECIDED)


def _purchase(amount: Minor, known: Known) -> Effect:
    if any(fact.kind is FactKind.RETURNED for fact in known):
        return Effect(NOTHING_MOVED, "returned")
    word = believed_word(known)
    if word is FactKind.SUCCEEDED:
        return Effect(Position(wallet=-amount, sales=amount), "succeeded")
    if word is FactKind.FAILED:
        return Effect(NOTHING_MOVED, "failed")
    pending = any(fact.kind is FactKind.PENDING for fact in known)
    return Effect(Position(wallet=-amount, held=amount), "pending" if pending else "waiting")


_WAITING = Effect(NOTHING_MOVED, "waiting")

#: What the facts of an order mean, by the order's kind.
FORMULAS: dict[str, Callable[[Minor, Known], Effect]] = {TOPUP: _topup, PURCHASE: _purchase}
