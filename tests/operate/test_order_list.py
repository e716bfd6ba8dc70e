"""Which orders a list names, in which order, and how far a look for a status comes."""

from collections.abc import Mapping

import pytest

from app.core.errors import FieldError
from app.ledger.facts import Fact, FactKind, Told
from app.operate import order_list
from app.operate.order_list_shown import TransactionsShown
from app.operate.shown import time_text
from tests.operate.shop import Shop

HOUR = 3_600_000_000
DAY = 24 * HOUR


def page(
    shop: Shop, sought: Mapping[str, str], *, before: int | None = None, rows_max: int = 50, seconds: float = 9
) -> TransactionsShown:
    search = order_list.order_search_from(**sought, at=shop.now)
    return order_list.list_orders(shop.engine, search, before=before, rows_max=rows_max, seconds=seconds, lang="en")


def found(shop: Shop, **sought: str) -> list[str]:
    return [line.order_id for line in page(shop, sought).transactions]


def test_orders_are_listed_newest_first_by_whatever_is_known_of_them(shop: Shop) -> None:
    shop.announce("TU-1", "ani")
    shop.announce("TU-2", "budi")
    shop.announce("TU-3", "ani")
    shop.tell("TU-1")
    shop.tell("TU-9", Told("TU-9", (Fact(FactKind.PAID, "T9"),)))  # parked: announced by nobody
    shop.announce("P-1", "ani", "5000", kind="ppob")
    assert found(shop) == ["P-1", "TU-3", "TU-2", "TU-1"]
    assert found(shop, user_id="ani") == ["P-1", "TU-3", "TU-1"]
    assert found(shop, user_id="ani", kind="topup") == ["TU-3", "TU-1"]
    assert found(shop, provider="digiflazz") == ["P-1"]
    assert found(shop, status="paid") == ["TU-1"]
    assert found(shop, status="waiting", user_id="ani") == ["P-1", "TU-3"]
    assert found(shop, user_id="nobody") == []
    line = page(shop, {"status": "paid"}).transactions[0]
    assert (line.amount, line.currency, line.text) == ("100000.00", "IDR", "paid")


def test_pages_of_orders_follow_each_other(shop: Shop) -> None:
    for number in range(5):
        shop.announce(f"TU-{number}", "ani")
        shop.announce(f"OTHER-{number}", "budi")
    listed: list[str] = []
    before = None
    while True:
        shown = page(shop, {"user_id": "ani", "status": "waiting"}, rows_max=2, before=before)
        listed += [line.order_id for line in shown.transactions]
        if shown.next_cursor is None:
            break
        before = int(shown.next_cursor)
    assert listed == ["TU-4", "TU-3", "TU-2", "TU-1", "TU-0"]


def test_a_look_for_a_status_that_ran_out_of_time_says_how_far_it_came(shop: Shop) -> None:
    for number in range(6):
        shop.announce(f"TU-{number}")
    shop.tell("TU-0")
    shown = page(shop, {"status": "paid"}, rows_max=1, seconds=0)
    assert (shown.transactions, shown.looked_back_to) == ([], "TU-4")
    assert shown.looked_back_at == shop.show("TU-4").announced_at
    while not shown.transactions and shown.next_cursor is not None:
        shown = page(shop, {"status": "paid"}, rows_max=1, seconds=0, before=int(shown.next_cursor))
    assert [line.order_id for line in shown.transactions] == ["TU-0"]


def test_a_span_is_that_of_the_announcement_though_callbacks_came_before_it(shop: Shop) -> None:
    begun = shop.now
    shop.tell("LATE", Told("LATE", (Fact(FactKind.PAID, "T1"),)))
    for number in range(5):
        shop.now = begun + number * DAY
        shop.announce(f"TU-{number}")
        if number == 0:
            shop.now = begun + 20 * HOUR
            shop.announce("LATE")
    days = [time_text(begun + number * DAY) for number in range(6)]
    assert found(shop, since=days[2], until=days[4]) == ["TU-3", "TU-2"]
    assert found(shop, since=time_text(begun + 10 * HOUR), until=days[1]) == ["LATE"]
    assert found(shop, since=days[5]) == []
    assert found(shop, until=time_text(begun)) == []
    assert found(shop, since="25h") == ["TU-4", "TU-3"]


@pytest.mark.parametrize("sought", [{"kind": "loan"}, {"status": "lost"}, {"since": "soon"}])
def test_what_no_order_can_be_is_said(shop: Shop, sought: dict[str, str]) -> None:
    with pytest.raises(FieldError):
        found(shop, **sought)
