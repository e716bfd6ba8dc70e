"""What a row of a price list does to the product that is known already."""

import pytest

from app.operate.files import rows_once
from app.operate.files.products import ProductSearch, list_products
from tests.operate.files.csv_files import bring, prices, rows
from tests.operate.shop import Shop


def counted(shop: Shop, content: bytes) -> dict[str, int]:
    words = ("new", "changed", "rose", "fell", "unchanged", "older", "absent", "unreadable")
    detail = bring(shop, content).detail
    return {word: number for word in words if (number := detail.get(word, 0))}


def line(sku: str, price: str, name: str = "XL 5.000", seller: str = "PT A") -> str:
    return f"{sku},{name},Pulsa,XL,{seller},{price}"


def test_each_row_is_new_changed_or_unchanged_and_a_price_keeps_the_one_before(shop: Shop) -> None:
    assert counted(shop, prices(line("a", "5000"), line("b", "6000"), line("c", "7000"))) == {"new": 3}
    first = shop.now
    told = counted(shop, prices(line("a", "5100"), line("b", "5900"), line("c", "7000", seller="PT B"), line("d", "1")))
    assert told == {"new": 1, "changed": 3, "rose": 1, "fell": 1}
    kept = "SELECT sku, price, price_before, price_changed_at, seller FROM callback_products ORDER BY sku"
    assert rows(shop, kept) == [
        ("a", 510_000, 500_000, shop.now, "PT A"),
        ("b", 590_000, 600_000, shop.now, "PT A"),
        ("c", 700_000, None, None, "PT B"),
        ("d", 100, None, None, "PT A"),
    ]
    changed = shop.now
    assert counted(shop, prices(line("a", "5100"))) == {"unchanged": 1, "absent": 3}
    assert rows(shop, kept)[0] == ("a", 510_000, 500_000, changed, "PT A")
    assert first < changed < rows(shop, "SELECT told_at FROM callback_products WHERE sku = 'a'")[0][0]


def test_a_product_that_stands_twice_in_a_list_counts_twice_and_the_last_row_stands(shop: Shop) -> None:
    assert counted(shop, prices(line("a", "5000"), line("a", "5000"), line("a", "5500"))) == {
        "new": 1, "unchanged": 1, "changed": 1, "rose": 1
    }  # fmt: skip
    assert rows(shop, "SELECT price, price_before FROM callback_products") == [(550_000, 500_000)]


def test_a_column_that_a_list_does_not_have_takes_nothing_away(shop: Shop) -> None:
    bring(shop, prices(line("a", "5000")))
    assert counted(shop, prices("a,5000", head="buyer_sku_code,price")) == {"unchanged": 1}
    assert counted(shop, prices("a,5200,5", head="buyer_sku_code,price,stock")) == {"changed": 1, "rose": 1}
    assert rows(shop, "SELECT name, seller, price, stock FROM callback_products") == [("XL 5.000", "PT A", 520_000, 5)]


def test_bills_and_prepaid_products_are_two_lists(shop: Shop) -> None:
    bring(shop, prices(line("a", "5000")))
    bill = "buyer_sku_code,product_name,seller_name,admin,commission"
    assert counted(shop, prices("pln,PLN,PT A,2500,1800", head=bill)) == {"new": 1}
    assert counted(shop, prices("pln,PLN,PT A,2750,1800", head=bill)) == {"changed": 1}
    assert counted(shop, prices(line("b", "6000"))) == {"new": 1, "absent": 1}


def test_a_list_that_goes_on_late_takes_nothing_back_from_a_newer_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_once, "CHUNK_ROWS", 1)
    older, newer = prices(line("a", "5000"), line("b", "6000")), prices(line("a", "5500"), line("b", "6500"))
    with monkeypatch.context() as cut:
        cut.setattr(rows_once, "_step", cut_short(after=1))
        with pytest.raises(KeyboardInterrupt):
            bring(shop, older)
    bring(shop, newer)
    told = bring(shop, older).detail
    assert (told["new"], told["older"]) == (1, 1)
    assert rows(shop, "SELECT sku, price FROM callback_products ORDER BY sku") == [("a", 550_000), ("b", 650_000)]


def cut_short(*, after: int) -> object:
    """`_step`, until it has been called so often."""
    step, calls = rows_once._step, iter(range(after))  # noqa: SLF001 - to stop between two transactions

    def stepping(*arguments: object, **more: object) -> object:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return step(*arguments, **more)  # type: ignore[arg-type]

    return stepping


def test_products_are_listed_by_code_by_a_text_in_them_and_by_the_newest_change(shop: Shop) -> None:
    bring(shop, prices(*(line(f"x{number}", "5000", f"XL {number}.000") for number in range(5)), "t,Telkomsel,,,,1"))
    for sku in ("x3", "x1"):
        bring(shop, prices(line(sku, "6000", f"XL {sku[1:]}.000")))

    def listed(**search: object) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = list_products(shop.engine, ProductSearch(**search), cursor=cursor, rows_max=2)  # type: ignore[arg-type]
            found += [product.sku for product in page.products]
            cursor = page.next_cursor
            if cursor is None:
                return found

    assert listed() == ["t", "x0", "x1", "x2", "x3", "x4"]
    assert listed(search="TELKOM") == ["t"]
    assert listed(search="xl") == ["x0", "x1", "x2", "x3", "x4"]
    assert listed(changed=True) == ["x1", "x3"]
    assert listed(changed=True, search="3.000") == ["x3"]
    assert listed(search="%") == []
