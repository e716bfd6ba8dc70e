"""A statement as CSV: whole, oldest first, with running balances, and harmless in a spreadsheet."""

import csv

import pytest

from app.core.errors import NotFound
from app.ledger.facts import Told
from app.operate import statement, wallets
from app.operate.policy import UNASKED
from tests.operate.shop import PAID, Shop


def rows(shop: Shop, user_id: str = "ani") -> list[dict[str, str]]:
    return list(csv.DictReader("".join(statement.statement(shop.engine, user_id)).splitlines()))


def adjust(shop: Shop, amount: str, reason: str) -> None:
    wallets.adjust_wallet(shop.engine, "ani", amount, who="budi", reason=reason, at=shop.tick(), policy=UNASKED)


def test_a_statement_is_whole_and_ends_at_the_balance_however_many_pages_it_has(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "_PAGE_ROWS", 2)
    shop.announce("TU-1", "ani")
    shop.tell("TU-1")
    for number in range(4):
        adjust(shop, "-2500.50", f"correction {number}")
    written = rows(shop)
    assert [row["balance"] for row in written] == ["100000.00", "97499.50", "94999.00", "92498.50", "89998.00"]
    assert written[-1]["balance"] == shop.balance()
    assert (written[0]["order_id"], written[0]["kind"], written[0]["currency"]) == ("TU-1", "topup", "IDR")
    assert (written[1]["amount"], written[1]["reason"]) == ("-2500.50", "correction 0")


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "＝1"])
def test_no_text_of_a_statement_is_run_by_a_spreadsheet(shop: Shop, hostile: str) -> None:
    shop.announce(hostile, "ani")
    shop.tell(hostile, Told(hostile, PAID))
    adjust(shop, "+5", hostile)
    topup, adjustment = rows(shop)
    assert topup["order_id"] == f"'{hostile}"
    assert adjustment["reason"] == f"'{hostile}"
    assert adjustment["amount"] == "5.00"


def test_ordinary_text_stays_as_it_is(shop: Shop) -> None:
    adjust(shop, "+5", 'opening, "balance" a=b')
    assert rows(shop)[0]["reason"] == 'opening, "balance" a=b'


def test_a_user_without_a_wallet_has_no_statement(shop: Shop) -> None:
    with pytest.raises(NotFound, match="no wallet"):
        rows(shop, "nobody")
