"""Compares what a settlement report says of an order with what the books say. Pure; no money moves because of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from app.core.money import Minor, format_amount
from app.ledger.cases import Case
from app.ledger.effect import TOPUP, Attempt, attempts_of
from app.providers.midtrans_report import TAKES_BACK, ReportRow, Says

PROVIDER = "midtrans"


class What(StrEnum):
    """Every way in which a row and the books may differ; of several the first is told."""

    NOT_ANNOUNCED = "not_announced"  # no order has this id here
    ANOTHER_ORDER = "another_order"  # it is no top-up, or it waits for another sender
    AMOUNT_DIFFERS = "amount_differs"
    NOT_CREDITED = "not_credited"  # paid there, and nothing counts here: a callback was lost
    ANOTHER_ATTEMPT = "another_attempt"  # credited by another payment only: perhaps paid twice
    NOT_PAID_THERE = "not_paid_there"  # credited here, and not paid there
    REFUND_NOT_IN_BOOKS = "refund_not_in_books"  # money went back there, and not here
    REFUND_DIFFERS = "refund_differs"  # less went back here


class Standing(msgspec.Struct, frozen=True):
    """What the books know of an order; `attempts` by their names."""

    provider: str
    kind: str
    amount: Minor
    currency: str
    fee: Minor | None
    status: str
    credited: Minor
    attempts: Mapping[str, Attempt]


class Report(msgspec.Struct, frozen=True):
    """What must be known of the whole report to judge one row."""

    paid: frozenset[str] = frozenset()  # orders that some row says are paid
    gone_back: Mapping[str, Minor] = {}  # what went back in all, where each row is one movement


def report_of(rows: Iterable[object]) -> Report:
    """Sum up a report's rows; those that cannot be read say nothing."""
    paid: set[str] = set()
    gone_back: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, ReportRow):
            if row.says is Says.PAID:
                paid.add(row.order_id)
            elif row.moved and row.taken:
                gone_back[row.order_id] += row.taken
    return Report(frozenset(paid), dict(gone_back))


class Difference(msgspec.Struct, frozen=True):
    """What disagrees, with both sides in words for a person."""

    what: What
    report: str
    books: str


def standing_of(case: Case) -> Standing:
    """An announced order as it stands."""
    effect, order = case.effect(), case.order
    attempts = attempts_of(case.known) if order.kind == TOPUP else {}
    credited = effect.position.wallet
    return Standing(
        case.provider, order.kind, order.amount, order.currency, case.fee, effect.status, credited, attempts
    )


_NOTHING_MORE = Report()


def compare(row: ReportRow, standing: Standing | None, report: Report = _NOTHING_MORE) -> Difference | None:
    """What disagrees, None: nothing does. `standing` is None for an order that nobody announced."""
    what, books = _differs(row, standing, report)
    return None if what is None else Difference(what, _reported(row), books)


_Found: TypeAlias = tuple[What | None, str]
_AGREED: _Found = (None, "")


def _differs(row: ReportRow, standing: Standing | None, report: Report) -> _Found:
    moved = row.says is Says.PAID or row.says in TAKES_BACK
    if standing is None:
        return (What.NOT_ANNOUNCED, "-") if moved else _AGREED
    if standing.kind != TOPUP or standing.provider != PROVIDER:
        return What.ANOTHER_ORDER, f"{standing.kind} ({standing.provider})"
    if row.says in TAKES_BACK:
        return _refund(row, standing, report)
    return _payment(row, standing) if row.says is Says.PAID else _no_payment(row, standing, report)


def _payment(row: ReportRow, standing: Standing) -> _Found:
    if not _fits(row, standing):
        fee = f" + {format_amount(standing.fee)}" if standing.fee else ""
        return What.AMOUNT_DIFFERS, f"{standing.currency} {format_amount(standing.amount)}{fee}"
    counting = _counting(standing)
    if not counting:
        return What.NOT_CREDITED, _stands(standing)
    if not row.transaction_id or any(_is(name, row.transaction_id) for name in counting):
        return _AGREED
    return What.ANOTHER_ATTEMPT, ", ".join(sorted(counting))


def _fits(row: ReportRow, standing: Standing) -> bool:
    """The amount itself, or with the fee that the payer bore beside it."""
    fits = {standing.amount, standing.amount + (standing.fee or 0)}
    return row.amount in fits and row.currency in {"", standing.currency}


def _no_payment(row: ReportRow, standing: Standing, report: Report) -> _Found:
    counting = _counting(standing)
    if not counting:
        return _AGREED
    if row.transaction_id:
        about = any(_is(name, row.transaction_id) for name in counting)
    else:
        about = row.order_id not in report.paid  # else it is another attempt of the customer's
    return (What.NOT_PAID_THERE, _stands(standing)) if about else _AGREED


def _refund(row: ReportRow, standing: Standing, report: Report) -> _Found:
    """A payment that never counted here, or counts no more, has nothing that could go back."""
    about = {name: attempt for name, attempt in _counting(standing).items() if _is(name, row.transaction_id)}
    attempts = about or ({} if row.transaction_id else _counting(standing))
    if not attempts:
        return _AGREED
    taken = max(attempt.taken(standing.amount) for attempt in attempts.values())
    whole = standing.amount if row.says is not Says.PARTLY_REFUNDED else 1
    told = max(row.taken or 0, report.gone_back.get(row.order_id, 0))
    wanted = min(told, standing.amount) if told else whole
    if taken >= wanted:
        return _AGREED
    return (What.REFUND_DIFFERS if taken else What.REFUND_NOT_IN_BOOKS), _stands(standing)


def _counting(standing: Standing) -> dict[str, Attempt]:
    return {name: attempt for name, attempt in standing.attempts.items() if attempt.counts()}


def _is(attempt: str, transaction_id: str) -> bool:
    """Whether an attempt may be this payment: one that has no id (unverified, or a person's word) may be any."""
    return attempt in {"", transaction_id} or attempt.lower() == transaction_id.lower() or attempt.startswith(_PERSON)


#: How the attempt begins that a person's `resolve … paid` makes.
_PERSON = "person-"


def _stands(standing: Standing) -> str:
    return f"{standing.status}, {standing.currency} {format_amount(standing.credited)}"


def _reported(row: ReportRow) -> str:
    amount = row.amount if row.taken is None else row.taken
    words = (row.status or str(row.says), f"{row.currency or 'IDR'} {format_amount(amount)}", row.transaction_id)
    return ", ".join(word for word in words if word)
