"""What is to become of one callback: is it believed, doubted, a repetition? Pure; `record` carries it out.

The questions come in the order of the house's law: can it be read, is it about this order, does the amount fit, is it
new, could whoever writes the unsigned fields gain from it.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from app.core.money import Minor, format_amount
from app.engine.callback import OutcomeWord
from app.ledger.effect import PURCHASE, attempts_of, believed_word, effect
from app.ledger.facts import Fact, FactKind, Known, Level, Notice, Told, learn
from app.ledger.postings import Position

#: `off`: no secret is configured, nothing is verified (development), so there is nothing to doubt.
Confirm: TypeAlias = Literal["doubt", "always", "never", "off"]


class Order(msgspec.Struct, frozen=True, gc=False):
    """What a judgement must know of an announced order."""

    kind: str
    amount: Minor
    currency: str = "IDR"


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What is to become of one callback."""

    word: OutcomeWord
    reason: str = ""
    #: facts to add or raise, with their levels
    facts: Mapping[Fact, Level] = {}
    #: attempts that the sender's API is to be asked about
    asks: tuple[str, ...] = ()
    #: an alert beside those that the facts deserve
    alert: str = ""
    detail: Mapping[str, Any] = {}


_REFUNDS = frozenset({FactKind.REFUNDED, FactKind.REFUNDED_IN_ALL, FactKind.CHARGED_BACK})
_UNDOES = frozenset({FactKind.DENIED, FactKind.CANCELLED})
_SPEAKS_AGAINST = frozenset({FactKind.DENIED, FactKind.CANCELLED, FactKind.FAILED, FactKind.DISPROVED})
_FINAL = {FactKind.SUCCEEDED, FactKind.FAILED}


def judge(order: Order, known: Known, told: Told, level: Level, confirm: Confirm, *, twin: bool = False) -> Judgement:
    """Judge one callback about an announced order: what is told of it, or why that is refused.

    `twin`: the signed text can be read as another order we know. What says nothing about an order (`told.ignored`)
    never comes here.
    """
    if told.notice is not None and told.notice.always_asked:
        confirm = "always"
    if told.refused:
        return _with_probes(_rejected(told, level, told.refused, told.detail), known, told, level, confirm)
    if not known and not twin and confirm != "always" and _is_plain_payment(order, told):
        return Judgement(OutcomeWord.APPLIED, facts={told.facts[0]: level}, alert=told.alert)
    if not fits(order, told):
        return _with_probes(_mispaid(order, told, level), known, told, level, confirm)
    if contradicts(order, known, told):
        return _contradiction(known, told)
    doubt = _doubt(order, known, told, level, confirm, twin=twin) if _may_doubt(told, level, confirm) else ""
    if is_repetition(order, known, told, level, doubt):
        # Equal facts may come with another code: the signature of this one is met all the same.
        repeated = Judgement(OutcomeWord.DUPLICATE, facts=_believed(told, level), detail=told.detail)
        return _with_probes(repeated, known, told, level, confirm)
    if doubt and confirm == "never":
        return _unasked(order, known, told, level, doubt)
    if doubt:
        judged = Judgement(OutcomeWord.IN_DOUBT, doubt, _met(told, level), asks=(_attempt(told),), detail=told.detail)
    else:
        judged = Judgement(OutcomeWord.APPLIED, facts=_believed(told, level), alert=told.alert, detail=told.detail)
    return _with_probes(judged, known, told, level, confirm)


def _is_plain_payment(order: Order, told: Told) -> bool:
    # The way of nine in ten callbacks: the first word about an order, and it is a payment of the right amount.
    return (
        len(told.facts) == 1
        and told.facts[0].kind is FactKind.PAID
        and told.currency == order.currency
        and (told.gross == order.amount or told.gross is None)
    )


def fits(order: Order, told: Told) -> bool:
    """Whether a payment is of the order's amount and currency, the payer's fee aside.

    Source: Midtrans, "fee imposed on the customer": gross = original + fee, and the signature covers gross.
    """
    if all(fact.kind is not FactKind.PAID for fact in told.facts):
        return True
    if told.gross is None:  # unverified only
        return True
    if told.currency != order.currency:
        return False
    if told.gross == order.amount:
        return True
    return (
        told.original == order.amount
        and told.fee is not None
        and told.fee >= 0
        and told.original + told.fee == told.gross
    )


def contradicts(order: Order, known: Known, told: Told) -> bool:
    """Whether a purchase's success meets a failure, or the other way round: neither is a forgery, the first stands."""
    if order.kind != PURCHASE:
        return False
    said = next((fact for fact in told.facts if fact.kind in _FINAL), None)
    if said is None or said in known or any(fact.kind is FactKind.RETURNED for fact in known):
        return False
    believed = believed_word(known)
    return believed is not None and believed is not said.kind


def is_repetition(order: Order, known: Known, told: Told, level: Level, doubt: str) -> bool:
    """Whether it told nothing new; where there is a `doubt`, only if confirming it would change nothing either.

    A forged deny must not use up the equal genuine one: it is known then, but confirming it would take money back.
    """
    if any(known.get(fact, -1) < level for fact in told.facts):
        return False
    if not doubt:
        return True
    sure, attempt = learn(known, told.facts, Level.CONFIRMED), _attempt(told)
    if _worth(order, sure, attempt) != _worth(order, known, attempt):
        return False  # behind two other payments the order's effect would not show it
    return effect(order.kind, order.amount, sure) == effect(order.kind, order.amount, known)


def _may_doubt(told: Told, level: Level, confirm: Confirm) -> bool:
    return told.notice is not None and level is Level.SIGNED and confirm != "off"


def _doubt(order: Order, known: Known, told: Told, level: Level, confirm: Confirm, *, twin: bool) -> str:
    """Could whoever writes the unsigned fields gain from this? The reason to ask first, or nothing."""
    kinds = {fact.kind for fact in told.facts}
    before = _position(order, known)
    confirmed = _position(order, learn(known, told.facts, Level.CONFIRMED))
    if kinds & _REFUNDS:
        return "takes_money_back"
    if kinds & _UNDOES:
        # Not the balance alone: of two payments one is undone, and the other one may be refunded later.
        attempt, sure = _attempt(told), learn(known, told.facts, Level.CONFIRMED)
        if _worth(order, sure, attempt) < _worth(order, known, attempt):
            return "takes_money_back"
    if FactKind.PAID in kinds:
        attempt = _attempt(told)
        if code_was_met(known, attempt):
            return "code_met_before"
        if any(fact.attempt == attempt and fact.kind in _SPEAKS_AGAINST for fact in known):
            return "attempt_had_ended"
        if twin:
            return "signature_fits_another_order"
    if confirm == "always" and {before} != {confirmed, _position(order, learn(known, told.facts, level))}:
        return "always_asked"
    return ""


def code_was_met(known: Known, attempt: str) -> bool:
    """Whether a notice of something else than this attempt's payment may have lent it its signature.

    One success-coded signature pays one attempt: the signature does not say for which notice it was made.
    """
    for fact in known:
        if fact.kind is FactKind.PAID and fact.attempt != attempt:
            return True
        if fact.kind is FactKind.MET and (fact.attempt != attempt or fact.key != "paid"):
            return True
    return False


def _unasked(order: Order, known: Known, told: Told, level: Level, doubt: str) -> Judgement:
    """MIDTRANS_CONFIRM=never: what takes money back and agrees in all fields is applied, the rest is for a person."""
    notice = told.notice
    before, after = _position(order, known), _position(order, learn(known, told.facts, level))
    takes_back = any(fact.kind in _REFUNDS or fact.kind in _UNDOES for fact in told.facts)
    if takes_back and notice is not None and notice.agrees and after.wallet <= before.wallet:
        return Judgement(OutcomeWord.APPLIED, facts=_believed(told, level), detail=told.detail)
    return _rejected(told, level, "not_confirmed", {**told.detail, "doubt": doubt})


def _rejected(told: Told, level: Level, reason: str, detail: Mapping[str, Any]) -> Judgement:
    return Judgement(OutcomeWord.REJECTED, reason, _met(told, level), detail=detail, alert=told.alert)


def _mispaid(order: Order, told: Told, level: Level) -> Judgement:
    fact = Fact(FactKind.MISPAID, _attempt(told), "" if told.currency == order.currency else told.currency, told.gross)
    detail = {
        **told.detail,
        "announced": f"{format_amount(order.amount)} {order.currency}",
        "told": f"{format_amount(told.gross or 0)} {told.currency}",
    }
    return Judgement(OutcomeWord.REJECTED, "amount_differs", {fact: level, **_met(told, level)}, detail=detail)


def _contradiction(known: Known, told: Told) -> Judgement:
    said = next(fact for fact in told.facts if fact.kind in _FINAL)
    detail = {**told.detail, "believed": str(believed_word(known)), "told": str(said.kind), "key": said.key}
    return Judgement(OutcomeWord.REJECTED, "contradiction", alert="contradiction", detail=detail)


def _believed(told: Told, level: Level) -> dict[Fact, Level]:
    facts = dict.fromkeys(told.facts, level)
    return facts if any(fact.kind is FactKind.PAID for fact in told.facts) else {**facts, **_met(told, level)}


def _met(told: Told, level: Level) -> dict[Fact, Level]:
    """The note that a success-coded notice was met; a `paid` that becomes a fact says so by itself."""
    notice = told.notice
    if notice is None or not notice.success_coded or level is not Level.SIGNED:
        return {}
    pays = any(fact.kind is FactKind.PAID for fact in told.facts)
    return {Fact(FactKind.MET, notice.attempt, "paid" if pays else "other"): level}


def _with_probes(judged: Judgement, known: Known, told: Told, level: Level, confirm: Confirm) -> Judgement:
    asked = () if confirm in {"never", "off"} or level is not Level.SIGNED else probes(known, told)
    more = tuple(attempt for attempt in asked if attempt not in judged.asks)
    return msgspec.structs.replace(judged, asks=judged.asks + more) if more else judged


def probes(known: Known, told: Told) -> tuple[str, ...]:
    """Credited attempts that nobody confirmed, and that a success-coded notice of something else now puts in doubt."""
    notice = told.notice
    if notice is None or not notice.success_coded:
        return ()
    pays = any(fact.kind is FactKind.PAID for fact in told.facts) and not told.refused
    return tuple(
        name
        for name, attempt in attempts_of(known).items()
        if attempt.counts()
        and attempt.words[FactKind.PAID] is not Level.CONFIRMED
        and not (pays and name == notice.attempt)
    )


def _attempt(told: Told) -> str:
    notice: Notice | None = told.notice
    if notice is not None:
        return notice.attempt
    return next((fact.attempt for fact in told.facts), "")


def _position(order: Order, known: Known) -> Position:
    return effect(order.kind, order.amount, known).position


def _worth(order: Order, known: Known, name: str) -> Minor:
    attempt = attempts_of(known).get(name)
    return attempt.worth(order.amount) if attempt is not None and attempt.counts() else 0


Weight: TypeAlias = Literal["covered", "denied", "less"]


def weigh(told: Told, answer: Told) -> Weight:
    """What an answer of the sender's API about the same attempt means for a callback that waits for it.

    `covered`: it says all that the callback told; `denied`: the payment is not one; `less`: not (yet) all of it.
    """
    said = {fact.kind for fact in answer.facts}
    if all(_covers(answer, fact) for fact in told.facts):
        return "covered"
    if FactKind.PAID not in said and said & _ENDS and any(fact.kind is FactKind.PAID for fact in told.facts):
        return "denied"
    return "less"


_ENDS = frozenset({FactKind.DENIED, FactKind.CANCELLED, FactKind.EXPIRED, FactKind.FAILED})
_NOT_YET = frozenset({FactKind.AUTHORIZED, FactKind.PENDING, FactKind.CHALLENGED})


def _covers(answer: Told, fact: Fact) -> bool:
    if fact in answer.facts:
        return True
    if fact.kind is not FactKind.REFUNDED_IN_ALL:
        return False
    # The sum so far grows: an answer that names more has seen this one.
    sums = [f.amount or 0 for f in answer.facts if f.kind is FactKind.REFUNDED_IN_ALL]
    keys = sum(f.amount or 0 for f in answer.facts if f.kind in {FactKind.REFUNDED, FactKind.CHARGED_BACK})
    return (fact.amount or 0) <= max([*sums, keys])


def disproves(answer: Told | None, *, waited_long: bool) -> bool:
    """Whether an answer takes back a credit that nobody confirmed; None: the API does not know the payment."""
    said = {fact.kind for fact in answer.facts} if answer is not None else set()
    if FactKind.PAID in said:
        return False
    return bool(said & _ENDS) or (waited_long and (not said or bool(said & _NOT_YET)))
