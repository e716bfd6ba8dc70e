"""The law's sentences about one order, as the simulation's own model says them."""

import itertools

import pytest

from app.simulation.model import Notice, Refund, Word, purchase, topup
from app.simulation.plan import Order

TOPUP = Order("TU-1", "ani", "topup", 10_000_000)
PURCHASE = Order("REF-1", "ani", "ppob", 2_000_000)


def says(attempt: str, word: str, code: str = "200", gross: int = 10_000_000, **fields: object) -> Notice:
    return Notice("TU-1", attempt, word, code, gross, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("notices", "balance", "status"),
    [
        ([], 0, "waiting"),
        ([says("T1", "settlement")], 10_000_000, "paid"),
        ([says("T1", "settlement"), says("T1", "settlement")], 10_000_000, "paid"),
        ([says("T1", "settlement", "201")], 0, "waiting"),
        ([says("T1", "capture", "201", fraud="challenge")], 0, "challenged"),
        ([says("T1", "expire", "202"), says("T1", "settlement")], 10_000_000, "paid"),
        ([says("T1", "deny", "202"), says("T2", "settlement")], 10_000_000, "paid"),
        ([says("T1", "settlement"), says("T1", "deny", "202")], 0, "denied"),
        ([says("T1", "capture"), says("T1", "cancel")], 0, "cancelled"),
        ([says("T1", "settlement", fraud="deny")], 0, "denied"),
        ([says("T1", "settlement"), says("T2", "settlement")], 10_000_000, "paid"),
        ([says("T1", "settlement"), says("T1", "deny", "202"), says("T2", "settlement")], 10_000_000, "paid"),
        ([says("T1", "settlement", gross=9_999_900)], 0, "waiting"),
        ([says("T1", "settlement", gross=10_400_000, original=10_000_000, fee=400_000)], 10_000_000, "paid"),
        ([says("T1", "settlement", gross=10_400_000, original=10_000_000, fee=1)], 0, "waiting"),
        ([says("T1", "partial_refund", refunds=(Refund("r1", 3_000_000),))], 7_000_000, "partially_refunded"),
        ([says("T1", "refund", refunds=(Refund("r1", 3_000_000), Refund("r2", 7_000_000)))], 0, "refunded"),
        ([says("T1", "deny", "202"), says("T2", "pending", "201")], 0, "pending"),
        ([says("T1", "failure", "202"), says("T2", "expire", "202")], 0, "failed"),
        ([says("T1", "pending", "201"), says("T1", "expire", "202")], 0, "expired"),
    ],
)
def test_a_top_up_in_any_order_of_arrival(notices: list[Notice], balance: int, status: str) -> None:
    for order in itertools.permutations(notices):
        expected = topup(TOPUP, order)
        assert (expected.balance, expected.held, expected.status) == (balance, 0, status)


@pytest.mark.parametrize(
    ("words", "balance", "held", "status"),
    [
        ([], -2_000_000, 2_000_000, "waiting"),
        ([("Pending", "03")], -2_000_000, 2_000_000, "pending"),
        ([("Pending", "03"), ("Sukses", "00")], -2_000_000, 0, "succeeded"),
        ([("Sukses", "00"), ("Pending", "03")], -2_000_000, 0, "succeeded"),
        ([("Gagal", "02")], 0, 0, "failed"),
        ([("Sukses", "00"), ("Gagal", "02")], -2_000_000, 0, "succeeded"),
        ([("Gagal", "02"), ("Sukses", "00")], 0, 0, "failed"),
        ([("Sukses", "00"), ("Gagal", "74")], 0, 0, "returned"),
        ([("Gagal", "74"), ("Sukses", "00")], 0, 0, "returned"),
    ],
)
def test_a_purchase_in_the_order_of_arrival(words: list[tuple[str, str]], balance: int, held: int, status: str) -> None:
    expected = purchase(PURCHASE, [Word("REF-1", *word) for word in words])
    assert (expected.balance, expected.held, expected.status) == (balance, held, status)
