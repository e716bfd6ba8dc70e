"""Judges what an audit reads: is an order's money what its facts mean, does a source tell its facts? Pure."""

from collections.abc import Iterable, Sequence

from app.core.money import Minor
from app.ledger.cases import NO_AMOUNT
from app.ledger.effect import FORMULAS, effect
from app.ledger.facts import Fact, FactKind, Level, Told
from app.ledger.judgement import Order, fits
from app.ledger.postings import NOTHING_MOVED
from app.operate.audit.proof import FactLine, Finding, Key, Numbers, OrderLine, Wrong

_KINDS: dict[str, FactKind] = {str(kind): kind for kind in FactKind}
_LEVELS = {int(level): level for level in Level}
#: What is noted of a callback, whatever becomes of it.
NOTES = frozenset({str(FactKind.MET), str(FactKind.MISPAID)})
#: What a person can decide.
BY_PERSONS = frozenset(
    map(
        str,
        (
            FactKind.PAID,
            FactKind.CANCELLED,
            FactKind.REFUNDED,
            FactKind.RETURNED,
            FactKind.DECIDED_SUCCEEDED,
            FactKind.DECIDED_FAILED,
        ),
    )
)


def key_of(fact: Fact) -> Key:
    """A fact as its row has it."""
    return str(fact.kind), fact.attempt, fact.key, NO_AMOUNT if fact.amount is None else fact.amount


def shown_fact(key: Key) -> str:
    """`paid(T1)`, for people."""
    kind, attempt, name, amount = key
    inner = [each for each in (attempt, name, "" if amount == NO_AMOUNT else str(amount)) if each]
    return f"{kind}({', '.join(inner)})"


def expected_positions(order: OrderLine, facts: Iterable[tuple[Key, int]], numbers: Numbers) -> dict[int | None, Minor]:
    """What the facts of an order mean, by account; accounts on which nothing stands are missing."""
    position = NOTHING_MOVED
    if order.announced:
        known = {
            Fact(_KINDS[kind], attempt, key, None if amount == NO_AMOUNT else amount): _LEVELS.get(level, Level.SIGNED)
            for (kind, attempt, key, amount), level in facts
            if kind in _KINDS
        }
        position = effect(order.kind, order.amount, known).position
    found: dict[int | None, Minor] = {}
    if position.wallet:
        found[order.wallet_no] = position.wallet
    if position.held:
        found[order.held_no] = position.held
    if position.clearing:
        found[numbers.get((f"clearing:{order.provider}", order.currency))] = position.clearing
    if position.sales:
        found[numbers.get((f"sales:{order.kind}", order.currency))] = position.sales
    return found


def is_own_kind(order: OrderLine) -> bool:
    """Whether its money follows a formula that is not known here."""
    return bool(order.announced) and order.kind not in FORMULAS


def accounts_of(order: OrderLine) -> list[Finding]:
    """What is wrong with the accounts that an announced order names."""
    wrong = []
    named = ((order.wallet_no, order.wallet, order.wallet_currency), (order.held_no, order.held, order.held_currency))
    for prefix, (number, name, currency) in zip(("wallet", "held"), named, strict=True):
        if number is None and (prefix == "held" or not order.announced):
            continue
        due = f"{prefix}:{order.user_id} {order.currency}"
        if f"{name} {currency}" != due:
            told = "" if name is None else f"{name} {currency}"
            wrong.append(Finding(Wrong.ACCOUNT, f"{prefix}:{order.user_id}", order.order_id, None, due, told))
    return wrong


def sums(moves: Iterable[tuple[int, int, int, Minor, int]]) -> tuple[dict[int | None, Minor], dict[int, Minor]]:
    """Postings of one order (order, journal, account, amount, …) → their sums by account, and by journal."""
    by_account: dict[int | None, Minor] = {}
    by_journal: dict[int, Minor] = {}
    for _, journal_id, account_no, amount, _ in moves:
        by_account[account_no] = by_account.get(account_no, 0) + amount
        by_journal[journal_id] = by_journal.get(journal_id, 0) + amount
    return {number: amount for number, amount in by_account.items() if amount}, by_journal


def tells(told: Told) -> set[Key]:
    """Everything that may be in the books because of a callback: its facts, and what is noted of it."""
    keys = {key_of(fact) for fact in told.facts}
    notice = told.notice
    attempt = notice.attempt if notice is not None else next((fact.attempt for fact in told.facts), "")
    pays = any(fact.kind is FactKind.PAID for fact in told.facts)
    if notice is not None and notice.success_coded:
        keys.add((str(FactKind.MET), attempt, "paid" if pays else "other", NO_AMOUNT))
    if pays and told.gross is not None:
        keys.update((str(FactKind.MISPAID), attempt, key, told.gross) for key in ("", told.currency))
    return keys


def fits_order(fact: FactLine, told: Told) -> bool:
    """Whether what a callback says was paid is of the order's amount."""
    return fits(Order(fact.order_kind, fact.order_amount, fact.currency), told)


def answer_fits(fact: FactLine, told: Told) -> bool:
    """The same of an answer of the sender's API, which may leave out how amount and fee make its sum."""
    if fits_order(fact, told):
        return True
    return told.currency == fact.currency and told.gross == fact.order_amount + (fact.fee or 0)


def answer_tells(fact: FactLine, told: Told) -> bool:
    """Whether an answer of the sender's API gives this fact; what it does not confirm may be disproved by it."""
    if fact.kind == FactKind.DISPROVED:
        confirms = Fact(FactKind.PAID, fact.attempt) in told.facts and told.order_id == fact.order_id
        return not (confirms and answer_fits(fact, told))
    return fact[2:6] in {key_of(each) for each in told.facts}


def person_tells(fact: FactLine) -> bool:
    """Whether a person may have decided this."""
    if fact.kind == FactKind.PAID:
        return fact.attempt == f"person-{-fact.source_id}"
    return fact.kind in BY_PERSONS


def fact_finding(kind: Wrong, fact: FactLine, **more: str | int | None) -> Finding:
    """A finding about one fact."""
    return Finding(
        kind,
        shown_fact(fact[2:6]),
        fact.order_id or f"no. {fact.order_no}",
        fact.source_id,
        more.get("expected"),
        more.get("found"),
    )


def callback_findings(
    facts: Sequence[FactLine], told: Told, level: int, *, provider: str
) -> tuple[list[Finding], list[FactLine]]:
    """What is wrong with facts that a callback of `provider` told first → and those that are better proved than by it.

    Not asked here: whether it was signed, and what became of it.
    """
    wrong: list[Finding] = []
    raised: list[FactLine] = []
    said = {key_of(fact) for fact in told.facts}
    every: set[Key] | None = None
    for fact in facts:
        if fact.provider != provider or told.order_id != fact.order_id:
            about = f"{provider} {told.order_id}"
            wrong.append(
                fact_finding(Wrong.ANOTHER_ORDER, fact, expected=f"{fact.provider} {fact.order_id}", found=about)
            )
        elif fact[2:6] not in said and fact[2:6] not in (every := every or tells(told)):
            wrong.append(fact_finding(Wrong.NOT_TOLD, fact, found=", ".join(map(shown_fact, sorted(said)))))
        elif fact.kind == FactKind.PAID and fact.announced and not fits_order(fact, told):
            wrong.append(fact_finding(Wrong.AMOUNT, fact, expected=fact.order_amount, found=told.gross))
        elif fact.level < level:
            wrong.append(fact_finding(Wrong.LEVEL, fact, expected=level_word(level), found=level_word(fact.level)))
        elif fact.level > level:
            raised.append(fact)
    return wrong, raised


def level_word(level: int) -> str:
    """A level in words, such as `signed`."""
    return _LEVELS[level].name.lower() if level in _LEVELS else str(level)
