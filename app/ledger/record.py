"""Judges callbacks against what is known of their orders, and puts what follows into the `Book`, which writes it.

`record` reads as one page: find the orders (an unannounced one gets a bare row, to which belongs what is parked), load
what is known of them, judge each callback in the log's order, write one statement a table. Nothing locks a row: the one
writing transaction of SQLite has the whole file; a database with several of them would lock the order's row.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from app.engine.callback import Outcome, OutcomeWord
from app.ledger.book import Book, Policy
from app.ledger.cases import Case, Waiting
from app.ledger.facts import FactKind, Level, Told
from app.ledger.judgement import judge


class Telling(msgspec.Struct, frozen=True, gc=False):
    """What one callback of the log tells, and how well that is proved."""

    callback_id: int
    provider: str
    told: Told
    level: Level
    received_at: int


def record(connection: Connection, tellings: Sequence[Telling], *, at: int, policy: Policy) -> list[Outcome]:
    """Apply what these callbacks tell, in this order → one outcome each.

    Runs inside the caller's transaction, which must be a writing one; `at` is now, in microseconds.
    """
    book = Book(connection, at=at, policy=policy)
    book.cases.open_orders([(t.provider, t.told.order_id) for t in tellings if t.told.order_id])
    book.cases.open_twins([(t.provider, twin) for t in tellings if t.told.notice for twin in t.told.notice.twins])
    outcomes = [_decide(book, telling) for telling in tellings]
    book.write()
    return outcomes


def _decide(book: Book, telling: Telling) -> Outcome:
    told = telling.told
    if told.ignored or not told.order_id:
        word = OutcomeWord.REJECTED if told.refused else OutcomeWord.IGNORED
        return Outcome(telling.callback_id, word, told.refused or told.ignored, detail=told.detail)
    case = book.cases.get(telling.provider, told.order_id)
    if case is None or not case.announced:
        return _decide_unannounced(book, case, telling)
    waiting = Waiting(telling.callback_id, told, telling.level)
    return decide_announced(book, case, waiting, heard_at=telling.received_at)


def _decide_unannounced(book: Book, case: Case | None, telling: Telling) -> Outcome:
    told = telling.told
    owner = book.cases.owner_of(told.order_id)
    if owner is not None:
        detail = {**told.detail, "sender": telling.provider, "waits_for": owner.provider}
        return Outcome(telling.callback_id, OutcomeWord.REJECTED, "another_senders_order", owner.no, detail)
    if told.test:
        return Outcome(telling.callback_id, OutcomeWord.IGNORED, "test_notification", detail=told.detail)
    if case is None:
        case = book.cases.bare(telling.provider, told.order_id)
    if told.refused:  # remembered: its signature may be lent to a payment later
        judged = judge(case.order, case.known, told, telling.level, book.policy.confirm)
        book.note(case, judged.facts, source_id=telling.callback_id)
        return Outcome(telling.callback_id, OutcomeWord.REJECTED, told.refused, case.no, told.detail)
    book.park(case, Waiting(telling.callback_id, told, telling.level))
    return Outcome(telling.callback_id, OutcomeWord.PARKED, "not_announced", case.no, told.detail)


def decide_announced(book: Book, case: Case, waiting: Waiting, *, heard_at: int | None = None) -> Outcome:
    """Judge one callback about an announced order and put down what follows; `heard_at` where that was not now."""
    told = waiting.told
    twins = told.notice.twins if told.notice else ()
    twin = bool(twins) and any(book.cases.is_known(case.provider, twin) for twin in twins)
    judged = judge(case.order, case.known, told, waiting.level, book.policy.confirm, twin=twin)
    book.learn(case, judged.facts, source_id=waiting.callback_id, heard_at=heard_at)
    if judged.word is OutcomeWord.IN_DOUBT:
        book.doubt(case, waiting)
    if judged.asks:
        book.ask(case, judged.asks, callback_id=waiting.callback_id)
    if judged.alert:
        book.alert(case, judged.alert, judged.detail)
    if judged.word is OutcomeWord.APPLIED and (told.cost is not None or told.fee is not None):
        book.keep_costs(case, told, paid=any(fact.kind is FactKind.PAID for fact in told.facts))
    return Outcome(waiting.callback_id, judged.word, judged.reason, case.no, judged.detail)
