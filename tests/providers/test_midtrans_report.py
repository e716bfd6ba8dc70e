"""Which columns make a file a settlement report, and what its rows say."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.columns import Unread, normalised, places_of
from app.providers.midtrans_report import (
    FIELDS,
    NEEDED,
    ONE_OF,
    STATUSES,
    ReportRow,
    Says,
    mark_of,
    missing,
    places_in,
    row_from,
)


def read(columns: str, *rows: str) -> list[ReportRow | Unread]:
    places = places_in(columns.split(";"))
    assert missing(places, columns.split(";")) == []
    cells = [row.split(";") for row in rows]
    mark = mark_of(places, iter(cells))
    return [row_from(number, each, places, mark) for number, each in enumerate(cells, 2)]


@pytest.mark.parametrize(
    "columns",
    [
        "order_id;gross_amount;transaction_status",
        "ORDER ID;Gross Amount (IDR);Status",
        "Order ID;Transaction ID;Transaction type;Channel;Amount",
        "Date & Time;Order ID;Transaction Type;Channel;Payment Type;Status;Transaction Amount;Settlement Time",
        "Nomor Pesanan;Jumlah;Biaya",
        "ID Pesanan;Nominal;Waktu Settlement",
        "order-id;amount;mdr",
        "order_id;amount;fee;Fraud Status",
        "order_id;amount;status;Settlement Status;note;note",
    ],
)
def test_these_columns_make_a_report(columns: str) -> None:
    assert missing(places_in(columns.split(";")), columns.split(";")) == []


@pytest.mark.parametrize(
    ("columns", "lacking"),
    [
        ("order_id;status", ["amount"]),
        ("amount;status", ["order_id"]),
        ("order_id;user_id;kind;amount", [" / ".join(ONE_OF)]),  # what `transactions import` takes
        ("order_id;net_amount;status", ["amount"]),
        ("nama;alamat", ["order_id", "amount", " / ".join(ONE_OF)]),
        ("order_id;amount;amount;status", ["amount"]),  # which of the two?
        ("order_id;gross amount;gross_amount;jumlah;status", ["amount"]),
        ("order_id;amount;status;Status;fee", ["status"]),  # else every row would say that it is paid
        ("order_id;amount;order status;fee", ["status"]),
        ("order_id;amount;status;transaction id;transaction_id;currency;Currency", ["transaction_id", "currency"]),
    ],
)
def test_what_columns_lack_is_told(columns: str, lacking: list[str]) -> None:
    assert missing(places_in(columns.split(";")), columns.split(";")) == lacking


def test_every_heading_is_recognised_however_it_is_written() -> None:
    for field in FIELDS:
        for heading in field.headings:
            for written in (heading, heading.upper(), heading.replace(" ", "_"), f" {heading.replace('_', ' ')} "):
                assert places_of(FIELDS, ["x", written]) == {field.name: 1}, written
    assert {*NEEDED, *ONE_OF} <= {field.name for field in FIELDS}


def test_no_heading_means_two_things() -> None:
    every = [normalised(heading) for field in FIELDS for heading in field.headings]
    assert len(every) == len(set(every))


def test_of_two_columns_with_an_amount_the_better_heading_counts() -> None:
    row = read("order_id;Amount;gross_amount;status", "TU-1;1;100000.00;settlement")[0]
    assert isinstance(row, ReportRow)
    assert row.amount == 10_000_000


@pytest.mark.parametrize(("written", "currency"), [("", ""), ("Rp.", "IDR"), ("rupiah", "IDR"), ("usd", "USD")])
def test_a_currency_is_read_however_it_is_written(written: str, currency: str) -> None:
    row = read("order_id;amount;status;currency", f"TU-1;5000;paid;{written}")[0]
    assert isinstance(row, ReportRow)
    assert row.currency == currency


@pytest.mark.parametrize(("says", "words"), STATUSES.items())
def test_every_status_is_read_however_it_is_written(says: Says, words: Sequence[str]) -> None:
    for word in words:
        for written in (word, word.upper(), word.replace("_", " ").title()):
            row = read("order_id;gross_amount;status", f"TU-1;5000;{written}")[0]
            assert isinstance(row, ReportRow), written
            assert (row.says, row.status) == (says, written)


def test_no_status_means_two_things() -> None:
    every = [normalised(word) for words in STATUSES.values() for word in words]
    assert len(every) == len(set(every))
    assert set(STATUSES) == set(Says)


@pytest.mark.parametrize(
    ("columns", "row", "says", "amount", "taken"),
    [
        ("order_id;amount;fee", "T;5000;0", Says.PAID, 500_000, None),  # no status: settled payments only
        ("order_id;amount;fee;transaction type", "T;5000;0;Payment", Says.PAID, 500_000, None),
        ("order_id;amount;fee;transaction type", "T;5000;0;Expire", Says.EXPIRED, 500_000, None),
        ("order_id;amount;status", "T;5000;refund", Says.REFUNDED, 500_000, None),
        ("order_id;amount;status", "T;-3000;settlement", Says.REFUNDED, 300_000, 300_000),
        ("order_id;amount;status", "T;(3000);settlement", Says.REFUNDED, 300_000, 300_000),
        ("order_id;amount;status", "T;-3000;partial_refund", Says.PARTLY_REFUNDED, 300_000, 300_000),
        ("order_id;amount;status;type", "T;5000;settlement;", Says.PAID, 500_000, None),
        ("order_id;amount;status;transaction type", "T;5000;settlement;Refund", Says.REFUNDED, 500_000, None),
        ("order_id;amount;status;transaction type", "T;5000;settlement;Payment", Says.PAID, 500_000, None),
        ("order_id;amount;status;transaction type", "T;5000;settlement;Chargeback", Says.CHARGED_BACK, 500_000, None),
        ("order_id;amount;status;refund_amount", "T;5000;settlement;0", Says.PAID, 500_000, None),
        ("order_id;amount;status;refund_amount", "T;5000;settlement;", Says.PAID, 500_000, None),
        ("order_id;amount;status;refund_amount", "T;5000;settlement;-", Says.PAID, 500_000, None),
        ("order_id;amount;status;refund_amount", "T;5000;settlement;2000", Says.PARTLY_REFUNDED, 500_000, 200_000),
        ("order_id;amount;status;refund_amount", "T;5000;settlement;5000", Says.REFUNDED, 500_000, 500_000),
        ("order_id;amount;status;refund_amount", "T;5000;partial_refund;-2000", Says.PARTLY_REFUNDED, 500_000, 200_000),
    ],
)  # fmt: skip
def test_what_a_row_says(columns: str, row: str, says: Says, amount: int, taken: int | None) -> None:
    found = read(columns, row)[0]
    assert isinstance(found, ReportRow)
    assert (found.says, found.amount, found.taken) == (says, amount, taken)


@pytest.mark.parametrize(
    ("row", "why", "cell"),
    [
        (";5000;settlement", "no_order_id", ""),
        ("T 1;5000;settlement", "order_id_unreadable", "T 1"),
        (f"{'T' * 129};5000;settlement", "order_id_unreadable", "T" * 40),
        ("1.76E+15;5000;settlement", "order_id_rounded", "1.76E+15"),
        ("T;abc;settlement", "amount_unreadable", "abc"),
        ("T;;settlement", "amount_unreadable", ""),
        ("T;1.234;settlement", "amount_unreadable", "1.234"),
        ("T;5000;", "status_unknown", ""),
        ("T;5000;=cmd|' /C calc'!A0", "status_unknown", "=cmd|' /C calc'!A0"),
        ("T;5000;\x1b[2Jpaid", "status_unknown", "[2Jpaid"),
    ],
)
def test_why_a_row_cannot_be_read(row: str, why: str, cell: str) -> None:
    assert read("order_id;gross_amount;status", row) == [Unread(2, why, cell)]


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=12, max_size=12))
def test_no_row_raises(cells: list[str]) -> None:
    places = {field.name: place for place, field in enumerate(FIELDS)}
    assert isinstance(row_from(2, cells, places, mark_of(places, iter([cells]))), ReportRow | Unread)
