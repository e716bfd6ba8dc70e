import pytest

from app.core.database import writing
from app.core.errors import FieldError, NotFound
from app.operate import alerts, wallets
from app.operate.policy import UNASKED
from app.operate.wallets_shown import WalletShown
from tests.operate.shop import Shop


def adjust(shop: Shop, amount: object, reason: str = "opening balance") -> WalletShown:
    return wallets.adjust_wallet(shop.engine, "ani", amount, who="budi", reason=reason, at=shop.tick(), policy=UNASKED)


def test_a_wallet_that_never_was_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFound):
        wallets.show_wallet(shop.engine, "nobody")
    with pytest.raises(NotFound):
        wallets.show_entries(shop.engine, "nobody", cursor=None)


@pytest.mark.parametrize(("amount", "balance"), [("+50000", "50000.00"), ("7.5", "7.50"), ("-3", "-3.00"), (9, "9.00")])
def test_an_adjustment_makes_the_wallet_and_moves_it(shop: Shop, amount: object, balance: str) -> None:
    shown = adjust(shop, amount)
    assert shown.model_dump() == {"user_id": "ani", "balance": balance, "held": "0.00", "currency": "IDR"}


@pytest.mark.parametrize("amount", ["0", "+-5", "--5", "abc", "", "1e3", "1.234", None])
def test_an_adjustment_that_is_no_amount_moves_nothing(shop: Shop, amount: object) -> None:
    with pytest.raises(FieldError):
        adjust(shop, amount)
    with pytest.raises(NotFound):
        shop.balance()


def test_a_wallet_holds_no_more_than_a_database_can_count(shop: Shop) -> None:
    adjust(shop, "1.00")
    with writing(shop.engine) as connection:
        connection.exec_driver_sql(f"UPDATE callback_accounts SET balance = {2**63 - 50} WHERE balance = 100")
    with pytest.raises(FieldError, match=r"amount: is more than a wallet can hold: 92233720368547758\.07 at most"):
        adjust(shop, "0.50")
    assert adjust(shop, "0.49").balance == "92233720368547758.07"


def test_a_wallet_below_zero_by_hand_is_not_blamed_on_a_payer_alone_and_settles_itself(shop: Shop) -> None:
    adjust(shop, "-3")
    (alert,) = alerts.list_alerts(shop.engine, lang="en").alerts
    assert alert.kind == "wallet_below_zero"
    assert "a correction by hand" in alert.what_to_do
    adjust(shop, "3")
    assert alerts.list_alerts(shop.engine, lang="en").alerts == []


def test_an_adjustment_needs_a_reason(shop: Shop) -> None:
    with pytest.raises(FieldError, match="reason"):
        adjust(shop, "5", reason="  ")


def test_a_statement_comes_in_pages_with_the_balance_after_each_line(shop: Shop) -> None:
    shop.announce()
    shop.tell()
    adjust(shop, "-2500", "correction")
    shop.announce("BUY-1", kind="ppob", amount="10000")
    first = wallets.show_entries(shop.engine, "ani", cursor=None, rows_max=2)
    assert [(e.amount, e.balance, e.kind) for e in first.entries] == [
        ("-10000.00", "87500.00", "ppob"),
        ("-2500.00", "97500.00", "adjustment"),
    ]
    assert first.entries[1].reason == "correction"
    second = wallets.show_entries(shop.engine, "ani", cursor=first.next_cursor, rows_max=2)
    assert [(e.amount, e.balance, e.order_id) for e in second.entries] == [("100000.00", "100000.00", "TU-1")]
    assert second.next_cursor is None


def test_what_moves_while_a_statement_is_read_does_not_shift_its_balances(shop: Shop) -> None:
    for _ in range(4):
        adjust(shop, "10")
    first = wallets.show_entries(shop.engine, "ani", cursor=None, rows_max=2)
    adjust(shop, "1000")
    second = wallets.show_entries(shop.engine, "ani", cursor=first.next_cursor, rows_max=2)
    assert [e.balance for e in (*first.entries, *second.entries)] == ["40.00", "30.00", "20.00", "10.00"]


@pytest.mark.parametrize("cursor", ["", "x", "2", "-1", "1.2", "9" * 30, "1\n", "٣"])
def test_a_cursor_of_nobody_s_is_refused(shop: Shop, cursor: str) -> None:
    adjust(shop, "5")
    with pytest.raises(FieldError, match="cursor"):
        wallets.show_entries(shop.engine, "ani", cursor=cursor)
