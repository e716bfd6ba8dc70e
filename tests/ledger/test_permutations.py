"""Every order of arrival of one order's notifications ends the same: balance, shown status, open alerts."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.ledger.law import Order
from tests.ledger.sayings import Bought, Said
from tests.ledger.truth import AMOUNT, FORGED_WORDS, Attempt, Midtrans, forged_from
from tests.ledger.world import Ledger, make_template

TOPUP = Order("T-1", "ani", AMOUNT, "topup", "midtrans")
WORDS = [word for word, _, _ in FORGED_WORDS]


def sent(*histories: str, forged: Sequence[tuple[int, str, str]] = (), skip: int = 0) -> tuple[Midtrans, list[Said]]:
    """Attempts T1, T2 … with these histories, all happened; `forged`: (which genuine one, its new word, attempt)."""
    midtrans = Midtrans([Attempt("T-1", f"T{number}", history) for number, history in enumerate(histories, 1)])
    midtrans.finish()
    genuine = midtrans.genuine()
    forgeries = [forged_from(genuine[which], WORDS.index(word), attempt) for which, word, attempt in forged]
    return midtrans, genuine[skip:] + forgeries


SCENES = {
    "card": sent("card"),
    "late money": sent("late money"),
    "reversal": sent("reversal"),
    "void": sent("card voided"),
    "refunded in parts": sent("refunded in parts"),
    "charged back": sent("charged back"),
    "challenged": sent("challenged and accepted"),
    "denied, then paid by another attempt": sent("card denied", "bank transfer"),
    "paid twice": sent("card captured at once", "bank transfer"),
    "reversed, then paid by another attempt": sent("reversal", "bank transfer", skip=1),
    "paid twice, one reversed, the other refunded": sent("reversal", "refunded", skip=1),
    "another attempt's settlement, written from a capture": sent(
        "card captured at once", forged=[(0, "settlement", "T9")]
    ),
    "a settlement, written from an authorize": sent("authorize that expired", forged=[(0, "settlement", "T1")]),
    "a cancel and a settlement, written from an authorize": sent(
        "authorize that expired", forged=[(0, "settlement", "T9"), (0, "cancel", "T9")]
    ),
    "a deny of the payment, written from another's deny": sent(
        "card denied", "bank transfer", forged=[(0, "deny", "T2")]
    ),
    "an expire of the payment, written from another's deny": sent(
        "card denied", "bank transfer", forged=[(0, "expire", "T2")]
    ),
    "a refund, written from the settlement": sent("bank transfer", forged=[(1, "refund", "T1")]),
    "an authorize under 201, then a settlement, both written": sent(
        "bank transfer that expired",
        "authorize that expired",
        forged=[(0, "authorize", "T2"), (2, "settlement", "T2")],
        skip=2,
    ),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


def ends(template: Path, path: Path, midtrans: Midtrans, arrival: Sequence[Said], announced_after: int) -> object:
    """What people see once everything came in this order and every question was answered truthfully."""
    ledger = Ledger(template, path, "doubt")
    try:
        for number, said in enumerate(arrival):
            if number == announced_after:
                ledger.announce(TOPUP)
            ledger.hear(said)
        if announced_after >= len(arrival):
            ledger.announce(TOPUP)
        for _ in range(4):
            for order, attempt in sorted(ledger.picture().asked):
                ledger.answer(order, attempt, midtrans.answer(order, attempt))
            ledger.wait(4000)
        ledger.check_books()
        return ledger.picture()
    finally:
        ledger.close()


def arrivals(sayings: list[Said]) -> Iterator[tuple[tuple[Said, ...], int]]:
    """Each order of arrival once (equal ones are one), announced at different moments."""
    for number, arrival in enumerate(dict.fromkeys(itertools.permutations(sayings))):
        yield arrival, (0, 1, len(arrival))[number % 3]


@pytest.mark.parametrize("scene", SCENES)
def test_every_order_of_arrival_ends_as_it_really_was(scene: str, template: Path, tmp_path: Path) -> None:
    midtrans, sayings = SCENES[scene]
    pictures: dict[object, list[str]] = {}
    for arrival, announced_after in arrivals(sayings):
        picture = ends(template, tmp_path / "state.db", midtrans, arrival, announced_after)
        assert picture.wallets == {"ani": midtrans.worth("T-1")}, [(one.word, one.attempt) for one in arrival]  # type: ignore[attr-defined]
        pictures.setdefault(repr(picture), [f"{one.word}({one.attempt}, {one.code})" for one in arrival])
    assert len(pictures) == 1, "\n".join(f"{arrival}\n  {picture}" for picture, arrival in pictures.items())


PURCHASE = Order("P-1", "ani", 4_000_000, "ppob", "digiflazz")
PURCHASES = {
    "success": [Bought("P-1", "Pending", "03"), Bought("P-1", "Sukses", "00", "SN")],
    "failure": [Bought("P-1", "Pending", "03"), Bought("P-1", "Gagal", "02"), Bought("P-1", "Gagal", "54")],
    "return after a success": [
        Bought("P-1", "Pending", "03"),
        Bought("P-1", "Sukses", "00", "SN"),
        Bought("P-1", "Gagal", "74"),
    ],
}


@pytest.mark.parametrize("scene", PURCHASES)
def test_every_order_of_a_suppliers_calls_ends_the_same(scene: str, template: Path, tmp_path: Path) -> None:
    pictures = set()
    for arrival in itertools.permutations(PURCHASES[scene]):
        for announced_after in range(len(arrival) + 1):
            ledger = Ledger(template, tmp_path / "state.db", "doubt")
            ledger.adjust("ani", 5_000_000)
            for number, bought in enumerate(arrival):
                if number == announced_after:
                    ledger.announce(PURCHASE)
                ledger.hear(bought)
            if announced_after == len(arrival):
                ledger.announce(PURCHASE)
            ledger.check_books()
            pictures.add(repr(ledger.picture()))
            ledger.close()
    assert len(pictures) == 1, pictures
