"""Every way in which a row of a report and the books may stand to each other, and what is said of it."""

from collections.abc import Iterable

import pytest

from app.ledger.effect import attempts_of, effect
from app.ledger.facts import Fact, FactKind, Known, Level
from app.operate.files.settlement import Report, Standing, What, compare, report_of
from app.operate.matters import DIFFERENCES
from app.providers.columns import Unread
from app.providers.midtrans_report import ReportRow, Says

A = 10_000_000
FEE = 400_000
CONFIRMED = Level.CONFIRMED


def standing(
    *facts: Fact,
    kind: str = "topup",
    provider: str = "midtrans",
    fee: int | None = None,
    confirmed: Iterable[Fact] = (),
) -> Standing:
    known: Known = {**dict.fromkeys(facts, Level.SIGNED), **dict.fromkeys(confirmed, CONFIRMED)}
    found = effect(kind, A, known)
    attempts = attempts_of(known) if kind == "topup" else {}
    return Standing(provider, kind, A, "IDR", fee, found.status, found.position.wallet, attempts)


def paid(attempt: str = "T1") -> Fact:
    return Fact(FactKind.PAID, attempt)


def refunded(amount: int, key: str = "r1", attempt: str = "T1") -> Fact:
    return Fact(FactKind.REFUNDED, attempt, key, amount)


def row(
    says: Says = Says.PAID, amount: int = A, *, taken: int | None = None, t: str = "T1", currency: str = ""
) -> ReportRow:
    return ReportRow(5, "TU-1", says, amount, taken, transaction_id=t, currency=currency, status=str(says))


R = Says
DENIED_T1 = Fact(FactKind.DENIED, "T1")
CASES: list[tuple[str, ReportRow, Standing | None, What | None]] = [
    ("agreed", row(), standing(paid()), None),
    ("agreed, the report names no transaction", row(t=""), standing(paid()), None),
    ("agreed, ids are compared without case", row(t="t1"), standing(paid()), None),
    ("agreed, the payer bore a fee", row(amount=A + FEE), standing(paid(), fee=FEE), None),
    ("agreed, the fee is not in the report", row(amount=A), standing(paid(), fee=FEE), None),
    ("agreed, the callback named no transaction", row(), standing(paid("")), None),
    ("agreed, a person said so", row(), standing(paid("person-7")), None),
    ("agreed, the currency is named", row(currency="IDR"), standing(paid()), None),
    ("agreed, refunded since", row(), standing(paid(), refunded(A)), None),
    ("agreed, both payments stand: that is an alert of its own", row(t="T2"), standing(paid(), paid("T2")), None),
    ("nobody announced it", row(), None, What.NOT_ANNOUNCED),
    ("nobody announced what went back", row(R.REFUNDED), None, What.NOT_ANNOUNCED),
    ("nobody announced what nobody paid", row(R.EXPIRED), None, None),
    ("a purchase", row(), standing(kind="ppob", provider="digiflazz"), What.ANOTHER_ORDER),
    ("a top-up by another sender", row(), standing(paid(), provider="xendit"), What.ANOTHER_ORDER),
    ("less was paid", row(amount=A - 1), standing(paid()), What.AMOUNT_DIFFERS),
    ("less was paid, and it is not credited", row(amount=A - 1), standing(), What.AMOUNT_DIFFERS),
    ("more was paid than the fee", row(amount=A + FEE + 1), standing(paid(), fee=FEE), What.AMOUNT_DIFFERS),
    ("a fee that nobody told of", row(amount=A + FEE), standing(paid()), What.AMOUNT_DIFFERS),
    ("another currency", row(currency="USD"), standing(paid()), What.AMOUNT_DIFFERS),
    ("the callback was lost", row(), standing(), What.NOT_CREDITED),
    ("only pending came", row(), standing(Fact(FactKind.PENDING, "T1")), What.NOT_CREDITED),
    ("it was reversed here", row(), standing(paid(), DENIED_T1, confirmed=[DENIED_T1]), What.NOT_CREDITED),
    ("paid with another amount here", row(), standing(Fact(FactKind.MISPAID, "T1", "", 5)), What.NOT_CREDITED),
    ("another payment was credited", row(t="T2"), standing(paid()), What.ANOTHER_ATTEMPT),
    ("expired there", row(R.EXPIRED), standing(paid()), What.NOT_PAID_THERE),
    ("denied there", row(R.DENIED), standing(paid()), What.NOT_PAID_THERE),
    ("cancelled there", row(R.CANCELLED), standing(paid()), What.NOT_PAID_THERE),
    ("failed there", row(R.FAILED), standing(paid()), What.NOT_PAID_THERE),
    ("pending there", row(R.PENDING), standing(paid()), What.NOT_PAID_THERE),
    ("pending there, no transaction named", row(R.PENDING, t=""), standing(paid()), What.NOT_PAID_THERE),
    ("expired there, a person said paid", row(R.EXPIRED), standing(paid("person-7")), What.NOT_PAID_THERE),
    ("another attempt expired", row(R.EXPIRED, t="T2"), standing(paid()), None),
    ("expired there and here", row(R.EXPIRED), standing(Fact(FactKind.EXPIRED, "T1")), None),
    ("denied there, reversed here", row(R.DENIED), standing(paid(), DENIED_T1, confirmed=[DENIED_T1]), None),
    ("refunded there, not here", row(R.REFUNDED), standing(paid()), What.REFUND_NOT_IN_BOOKS),
    ("partly refunded there, not here", row(R.PARTLY_REFUNDED), standing(paid()), What.REFUND_NOT_IN_BOOKS),
    ("charged back there, not here", row(R.CHARGED_BACK), standing(paid()), What.REFUND_NOT_IN_BOOKS),
    ("a sum went back there, nothing here", row(R.REFUNDED, taken=3), standing(paid()), What.REFUND_NOT_IN_BOOKS),
    ("less went back here", row(R.PARTLY_REFUNDED, taken=30), standing(paid(), refunded(20)), What.REFUND_DIFFERS),
    ("a part went back here, all there", row(R.REFUNDED), standing(paid(), refunded(20)), What.REFUND_DIFFERS),
    ("the same went back", row(R.PARTLY_REFUNDED, taken=30), standing(paid(), refunded(30)), None),
    ("some went back, the report says not how much", row(R.PARTLY_REFUNDED), standing(paid(), refunded(30)), None),
    ("all went back", row(R.REFUNDED), standing(paid(), refunded(A)), None),
    ("the fee went back, too", row(R.REFUNDED, taken=A + FEE), standing(paid(), refunded(A), fee=FEE), None),
    ("more went back here than in this report", row(R.REFUNDED, taken=10), standing(paid(), refunded(30)), None),
    ("charged back there and here", row(R.CHARGED_BACK), standing(paid(), Fact(FactKind.CHARGED_BACK, "T1")), None),
    ("refunded there, never credited here", row(R.REFUNDED), standing(), None),
    ("another payment was refunded", row(R.REFUNDED, t="T2"), standing(paid()), None),
    ("a refund without a transaction", row(R.REFUNDED, t=""), standing(paid()), What.REFUND_NOT_IN_BOOKS),
]  # fmt: skip


@pytest.mark.parametrize(("reported", "books", "what"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_row_and_the_books_say(reported: ReportRow, books: Standing | None, what: What | None) -> None:
    found = compare(reported, books)
    assert (None if found is None else found.what) == what


def test_the_table_has_every_difference_and_every_word_of_a_report() -> None:
    assert {what for *_, what in CASES} == {None, *What}
    assert {reported.says for _, reported, _, _ in CASES} == set(Says)


def test_every_difference_has_words_of_its_own() -> None:
    assert set(DIFFERENCES) == {*map(str, What), "more"}


def test_both_sides_are_told_with_their_values() -> None:
    found = compare(row(), standing())
    assert found is not None
    assert (found.report, found.books) == ("paid, IDR 100000.00, T1", "waiting, IDR 0.00")
    amount = compare(row(amount=1), standing(fee=FEE))
    assert amount is not None
    assert (amount.report, amount.books) == ("paid, IDR 0.01, T1", "IDR 100000.00 + 4000.00")


def test_a_row_without_transaction_is_another_attempt_where_the_report_says_paid_as_well() -> None:
    expired = row(Says.EXPIRED, t="")
    report = report_of([expired, row(t=""), Unread(9, "no_order_id")])
    assert compare(expired, standing(paid()), report) is None
    assert compare(expired, standing(paid()), report_of([expired])) is not None


def test_refunds_that_are_told_one_by_one_add_up() -> None:
    first, second = (ReportRow(5, "TU-1", Says.REFUNDED, each, each, moved=True) for each in (30, 20))
    books = standing(paid(), refunded(30))
    assert compare(first, books) is None
    report = report_of([first, second])
    assert report == Report(frozenset(), {"TU-1": 50})
    assert [compare(each, books, report) is None for each in (first, second)] == [False, False]
    assert compare(second, standing(paid(), refunded(30), refunded(20, "r2")), report) is None
