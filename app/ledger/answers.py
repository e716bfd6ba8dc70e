"""What the sender's API said about an attempt: its facts are confirmed, and all that waited for it is decided."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import Connection

from app.core.errors import AmountError
from app.core.money import parse_amount
from app.engine.callback import Outcome, OutcomeWord
from app.engine.outcomes import Alert, driver, raise_alerts, settle_alerts
from app.ledger.book import Book, Policy
from app.ledger.cases import Case, Waiting
from app.ledger.facts import Fact, FactKind, Level, Told
from app.ledger.judgement import Weight, code_was_met, disproves, judge, weigh
from app.ledger.parked import end_waiting

Heard: TypeAlias = Literal["found", "unknown", "key_refused", "unavailable", "unreadable", "belongs_elsewhere"]


class Answer(msgspec.Struct, frozen=True):
    """One answer of the sender's API to the question about one attempt of one order.

    `unavailable`: none that means anything; `unreadable`: one that says nothing of this order, and may never do so.
    """

    heard: Heard
    told: Told | None = None  # with `found`: what it says, as any notice would
    body: bytes = b""
    detail: Mapping[str, str] = {}  # the address asked, the API's words; no secrets


def settle(
    connection: Connection, order_no: int, attempt: str, answer: Answer, *, asked_since: int, at: int, policy: Policy
) -> bool:
    """Take in an answer inside the caller's writing transaction → whether to ask again.

    `asked_since`: when the question was opened (microseconds).
    """
    book = Book(connection, at=at, policy=policy)
    case = book.cases.open_numbers([order_no])[0]
    # Of this attempt alone: whoever can make doubts can make thousands about one order.
    waiting = book.cases.waiting(case, states=("in_doubt",), attempt=attempt)
    subject = f"provider:{case.provider}"
    if answer.heard == "key_refused":
        raise_alerts(connection, [Alert("key_refused", subject, answer.detail)], at=at)
    too_long = answer.heard == "unreadable" and any(at - w.since >= policy.less_after for w in waiting)
    if answer.heard in {"key_refused", "unavailable", "unreadable"} and not too_long:
        return bool(waiting) or _is_open(case, attempt)
    settle_alerts(connection, [("key_refused", subject)], by="answer", at=at)
    source_id = book.cause("answer", case, callback_id=waiting[0].callback_id if waiting else None, body=answer.body)
    sitting = _Sitting(book, case, attempt, answer, source_id, asked_since)
    sitting.probe()
    outcomes = [outcome for w in waiting if (outcome := sitting.decide(w)) is not None]
    end_waiting(connection, outcomes, decided_by=source_id, at=at)
    book.write()
    return len(outcomes) < len(waiting) or _is_open(case, attempt)


def is_elsewhere(connection: Connection, order_no: int, attempt: str) -> bool:
    """Whether another order knows this attempt: a look through all facts, for the rare answer that names no order."""
    raw = driver(connection)
    known = (
        "SELECT 1 FROM callback_facts WHERE attempt = ? AND order_no <> ? LIMIT 1",
        "SELECT 1 FROM callback_pending WHERE attempt = ? AND order_no <> ? LIMIT 1",
    )
    return any(raw.execute(query, (attempt, order_no)).fetchone() for query in known)


def _is_open(case: Case, attempt: str) -> bool:
    """Whether a credit stands that a success-coded notice of something else has put in doubt, still unanswered."""
    known = case.known
    paid = known.get(Fact(FactKind.PAID, attempt))
    if paid is None or paid is Level.CONFIRMED or Fact(FactKind.DISPROVED, attempt) in known:
        return False
    return code_was_met(known, attempt)


def _gross(told: Told) -> int | None:
    """The amount as it was signed; words that move no money carry it in their notice alone."""
    if told.gross is not None or told.notice is None:
        return told.gross
    try:
        return parse_amount(told.notice.gross_text)
    except AmountError:
        return None


class _Sitting:
    """One answer, put to everything that waited for it."""

    def __init__(self, book: Book, case: Case, attempt: str, answer: Answer, source_id: int, asked_since: int) -> None:
        self.book = book
        self.case = case
        self.attempt = attempt
        self.answer = answer
        self.source_id = source_id
        self.asked_since = asked_since
        self.seen = {fact for fact, level in case.known.items() if level is Level.CONFIRMED}
        told = answer.told
        if told is not None and self._is_of_the_orders_amount(told):
            book.learn(case, dict.fromkeys(told.facts, Level.CONFIRMED), source_id=source_id)

    def _is_of_the_orders_amount(self, told: Told) -> bool:
        amount, fee, gross = self.case.order.amount, self.case.fee or 0, _gross(told)
        fits = gross in {amount, amount + fee} or gross in self._grosses()
        return fits and told.currency == self.case.order.currency

    def _grosses(self) -> set[int | None]:
        # What waits has passed the check of its amount, the payer's fee included.
        return {_gross(w.told) for w in self.book.cases.waiting(self.case, states=("in_doubt",))}

    def decide(self, waiting: Waiting) -> Outcome | None:
        """What becomes of one callback that waited, None if it goes on waiting."""
        told, answered = waiting.told, self.answer.told
        weight: Weight = "less"
        if answered is not None and _gross(answered) == _gross(told):
            weight = weigh(told, answered)
        if weight == "covered":
            return self._believe(waiting, "confirmed")
        if self._is_harmless_now(waiting):
            return self._believe(waiting, "")
        reason = self._why_not(weight, age=self.book.at - waiting.since)
        if not reason:
            return None
        detail = {**told.detail, **self.answer.detail}
        if answered is not None:
            detail["answered"] = ", ".join(sorted({str(fact.kind) for fact in answered.facts})) or answered.ignored
        return self._reject(waiting, reason, detail)

    def _why_not(self, weight: Weight, *, age: int) -> str:
        """Why a callback that was not confirmed is rejected now, or nothing: it goes on waiting."""
        if self.answer.heard == "belongs_elsewhere":
            return "attempt_of_another_order"
        if self.answer.told is None and self.answer.heard != "unreadable":
            return "unknown_to_sender" if age >= self.book.policy.unknown_after else ""
        if weight == "denied":
            return "sender_denies"
        return "not_confirmed" if age >= self.book.policy.less_after else ""

    def _is_harmless_now(self, waiting: Waiting) -> bool:
        """Whether it would not be doubted if it came now: the answer has taken back what it would have taken."""
        if any(fact.kind is FactKind.PAID for fact in waiting.told.facts):
            return False
        case, policy = self.case, self.book.policy
        judged = judge(case.order, case.known, waiting.told, waiting.level, policy.confirm)
        return judged.word in {OutcomeWord.APPLIED, OutcomeWord.DUPLICATE}

    def _believe(self, waiting: Waiting, reason: str) -> Outcome:
        facts = waiting.told.facts
        word = OutcomeWord.DUPLICATE if self.seen.issuperset(facts) else OutcomeWord.APPLIED
        self.seen.update(facts)
        self.book.learn(self.case, dict.fromkeys(facts, waiting.level), source_id=waiting.callback_id)
        self.book.keep_costs(self.case, waiting.told, paid=True)
        return Outcome(waiting.callback_id, word, reason, self.case.no, self.answer.detail)

    def _reject(self, waiting: Waiting, reason: str, detail: Mapping[str, str]) -> Outcome:
        # Disproved, as if it had been credited meanwhile: so the same alert is open whichever callback came first.
        paid = Fact(FactKind.PAID, self.attempt)
        if paid in waiting.told.facts and self.case.known.get(paid) is not Level.CONFIRMED:
            self._disprove()
        return Outcome(waiting.callback_id, OutcomeWord.REJECTED, reason, self.case.no, detail)

    def probe(self) -> None:
        """Take back a credit that the API does not confirm."""
        paid = self.case.known.get(Fact(FactKind.PAID, self.attempt))
        if paid is None or paid is Level.CONFIRMED or self.answer.heard == "unreadable":
            return
        waited_long = self.book.at - self.asked_since >= self.book.policy.unknown_after
        if disproves(self.answer.told, waited_long=waited_long):
            self._disprove()

    def _disprove(self) -> None:
        fact = Fact(FactKind.DISPROVED, self.attempt)
        self.book.learn(self.case, {fact: Level.CONFIRMED}, source_id=self.source_id)
