"""Which columns make a file a price list, which do not, and what its rows say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.columns import Unread, normalised
from app.providers.digiflazz_prices import FIELDS, Product, mark_of, missing, places_in, row_from

API = (
    "product_name;category;brand;type;seller_name;price;buyer_sku_code;buyer_product_status;seller_product_status;"
    "unlimited_stock;stock;multi;start_cut_off;end_cut_off;desc"
)


def lacking(columns: str) -> list[str]:
    return missing(places_in(columns.split(";")), columns.split(";"))


def read(columns: str, row: str) -> Product | Unread:
    cells, places = row.split(";"), places_in(columns.split(";"))
    return row_from(2, cells, places, mark_of(places, iter([cells])))


@pytest.mark.parametrize(
    "columns",
    [
        API,
        "Product Name;Brand;Seller Name;Price;SKU",
        "buyer_sku_code;price",
        "product_name;category;brand;seller_name;admin;commission;buyer_sku_code;buyer_product_status",
        "Kode Produk;Nama Produk;Kategori;Harga;Stok;Status",
        "Kode Produk;Nama Produk;Brand;Harga Beli;Status",
        "KODE_PRODUK;Nama Seller;Harga",
    ],
)
def test_these_columns_make_a_price_list(columns: str) -> None:
    assert lacking(columns) == []


@pytest.mark.parametrize(
    "columns",
    [
        "sku;price",
        "SKU;Price;Name;Status",
        "sku;name;price;stock;category;brand",
        "Kode Produk;Harga",
        "Kode Produk;Nama Produk;Harga;Stok",
        "Kode Produk;Nama Produk;Kategori;Harga;Stok",
        "product_name;seller_name;price",
        "buyer_sku_code;product_name;seller_name",
        "id;product_name;type;price;description",
    ],
)
def test_a_list_of_somebody_else_is_none(columns: str) -> None:
    assert lacking(columns) != []


def test_what_is_missing_is_named() -> None:
    told = lacking("a;b")
    assert told[:2] == ["sku", "price / admin"]
    assert "seller_name" in told[2]


def test_no_heading_means_two_things() -> None:
    every = [normalised(heading) for field in FIELDS for heading in field.headings]
    assert len(every) == len(set(every))


def test_a_prepaid_product_is_read() -> None:
    row = "Telkomsel 5.000;Pulsa;TELKOMSEL;Umum;PT SERBA;5450;tsel5;true;false;false;120;true;23:45;0:15;masa aktif"
    assert read(API, row) == Product(
        line=2,
        sku="tsel5",
        name="Telkomsel 5.000",
        category="Pulsa",
        brand="TELKOMSEL",
        type="Umum",
        seller="PT SERBA",
        price=545_000,
        admin=None,
        commission=None,
        buyer_active=True,
        seller_active=False,
        stock=120,
        start_cut_off="23:45",
        end_cut_off="00:15",
        description="masa aktif",
    )


def test_a_bill_has_an_admin_fee_in_the_place_of_a_price() -> None:
    columns = "product_name;category;brand;seller_name;admin;commission;buyer_sku_code;buyer_product_status"
    found = read(columns, "PLN Pascabayar;Pascabayar;PLN;PT A;2500;1.800,00;pln;1")
    assert isinstance(found, Product)
    assert (found.price, found.admin, found.commission, found.buyer_active) == (None, 250_000, 180_000, True)


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("buyer_product_status", "Aktif", "buyer_active", True),
        ("buyer_product_status", "Gangguan", "buyer_active", False),
        ("buyer_product_status", "mungkin", "buyer_active", None),
        ("stock", "7", "stock", 7),
        ("stock", "banyak", "stock", None),
        ("start_cut_off", "0.30", "start_cut_off", "00:30"),
        ("start_cut_off", "23:59:00", "start_cut_off", "23:59"),
        ("start_cut_off", "24:00", "start_cut_off", ""),
        ("desc", "=HYPERLINK(1)\x00\x1b[2J\u202e", "description", "=HYPERLINK(1) [2J"),
        ("product_name", "", "name", "x"),
    ],
)
def test_what_a_cell_says(column: str, cell: str, field: str, value: object) -> None:
    found = read(f"buyer_sku_code;price;{column}", f"x;5000;{cell}")
    assert getattr(found, field) == value


def test_an_unlimited_stock_is_no_number() -> None:
    found = read("buyer_sku_code;price;unlimited_stock;stock", "x;5000;true;0")
    assert isinstance(found, Product)
    assert found.stock is None


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (";5000", "no_sku"),
        (f"{'x' * 129};5000", "sku_unreadable"),
        ("a\x07b;5000", "sku_unreadable"),
        ("x;", "price_unreadable"),
        ("x;gratis", "price_unreadable"),
        ("x;-5000", "price_unreadable"),
        ("x;0", "price_unreadable"),  # nothing is sold for nothing: it would be bought at a loss
        ("x;5.450", "price_unreadable"),  # alone in its column: two amounts
    ],
)
def test_why_a_row_cannot_be_read(row: str, why: str) -> None:
    found = read("buyer_sku_code;price", row)
    assert isinstance(found, Unread)
    assert found.why == why


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=17, max_size=17))
def test_no_row_raises(cells: list[str]) -> None:
    places = {field.name: place for place, field in enumerate(FIELDS)}
    assert isinstance(row_from(2, cells, places, mark_of(places, iter([cells]))), Product | Unread)
