"""A table of cases: columns as files write them, and what each cell is worth; None: nobody can tell."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.money import format_amount
from app.providers.written_amounts import amount_from, marks_of


def read(*cells: str) -> list[str | None]:
    mark = marks_of(cells)
    return [None if amount is None else format_amount(amount) for amount in (amount_from(cell, mark) for cell in cells)]


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("100000", "100000.00"),
        ("0", "0.00"),
        ("100000.00", "100000.00"),
        ("100000.5", "100000.50"),
        ("100000,00", "100000.00"),
        ("100,000.00", "100000.00"),
        ("100.000,00", "100000.00"),
        ("1.234.567", "1234567.00"),
        ("1,234,567", "1234567.00"),
        ("1,234,567.8", "1234567.80"),
        ("100000.000", "100000.00"),  # six digits before it: no thousands
        ("0.500", "0.50"),  # nor here
        ("4989.88", "4989.88"),
        ("Rp 100.000,00", "100000.00"),
        ("Rp100.000", "100000.00"),
        ("Rp. 100.000,-", "100000.00"),
        ("rp\u00a0100.000", "100000.00"),
        ("IDR 100,000", "100000.00"),
        ("100,000 IDR", "100000.00"),
        ("100.000 rupiah", "100000.00"),
        ("-5000", "-5000.00"),
        ("\u22125000", "-5000.00"),
        ("(5000)", "-5000.00"),
        ("(Rp 5.000)", "-5000.00"),
        ("-Rp 5.000", "-5000.00"),
        ("Rp -5.000", "-5000.00"),
        (" 100000 ", "100000.00"),
        ("'100000", "100000.00"),
        ("999999999999999", "999999999999999.00"),
        # one alone that could be two amounts
        ("1.234", None),
        ("100.000", None),
        ("100,000", None),
        ("(5.000)", None),
        # no amounts
        ("", None),
        ("-", None),
        ("abc", None),
        ("1e5", None),
        ("1_000", None),
        ("１００", None),
        ("NaN", None),
        ("100 000", None),
        ("007", None),
        ("1.23.456", None),
        ("1,2,3", None),
        ("1.234,567", None),  # thousandths
        ("1234.567", None),
        ("--5", None),
        ("(-5)", None),
        ("-(5)", None),
        ("5-", None),
        (".5", None),
        ("5.", None),
        ("$5", None),
        ("=1+1", None),
        ("=cmd|' /C calc'!A0", None),
        ("9999999999999999", None),
        ("9" * 100_000, None),
    ],
)
def test_a_cell_alone(cell: str, amount: str | None) -> None:
    assert read(cell) == [amount]


@pytest.mark.parametrize(
    ("cells", "amounts"),
    [
        # another cell says which sign begins the decimals
        (("1.234", "2.500.000"), ["1234.00", "2500000.00"]),
        (("1.234", "1.500,50"), ["1234.00", "1500.50"]),
        (("1.234", "1500,5"), ["1234.00", "1500.50"]),
        (("20.000", "100000.50"), [None, "100000.50"]),  # typed in by hand as twenty thousand
        (("1.234", "100000.50"), [None, "100000.50"]),  # a thousandth of a rupiah is none
        (("1,234", "100.50"), ["1234.00", "100.50"]),
        # all are parted by three digits, and differ
        (("100.000", "25.000"), ["100000.00", "25000.00"]),
        (("100,000", "25,000"), ["100000.00", "25000.00"]),
        (("(5.000)", "100.000"), ["-5000.00", "100000.00"]),
        (("100.000", "500"), ["100000.00", "500.00"]),
        (("Rp 100.000", "100.000"), ["100000.00", "100000.00"]),
        # nothing says
        (("100.000", "100.000"), [None, None]),
        (("100.000", "0"), [None, "0.00"]),
        (("100.000", "25.000", "5000"), [None, None, "5000.00"]),
        (("1.234", "5,678"), [None, None]),
        # they contradict each other: what leaves no choice is read, the rest is not
        (("1.234.567", "1,234.50", "1.234"), ["1234567.00", "1234.50", None]),
        (("abc", "", "100.000", "25.000"), [None, None, "100000.00", "25000.00"]),
    ],
)
def test_a_column_decides_what_its_cells_leave_open(cells: tuple[str, ...], amounts: list[str | None]) -> None:
    assert read(*cells) == amounts


def _grouped(rupiah: int, sign: str) -> str:
    return f"{rupiah:,}".replace(",", sign)


STYLES: dict[str, Callable[[int, int], str]] = {
    "100000": lambda whole, _cents: str(whole),
    "100000.00": lambda whole, cents: f"{whole}.{cents:02d}",
    "100000,00": lambda whole, cents: f"{whole},{cents:02d}",
    "100.000": lambda whole, _cents: _grouped(whole, "."),
    "100,000": lambda whole, _cents: _grouped(whole, ","),
    "100.000,00": lambda whole, cents: f"{_grouped(whole, '.')},{cents:02d}",
    "100,000.00": lambda whole, cents: f"{_grouped(whole, ',')}.{cents:02d}",
    "Rp 100.000": lambda whole, _cents: f"Rp {_grouped(whole, '.')}",
    "IDR 100,000.00": lambda whole, cents: f"IDR {_grouped(whole, ',')}.{cents:02d}",
}


@settings(deadline=None)
@given(
    st.sampled_from(sorted(STYLES)),
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 99), st.booleans()), max_size=8),
)
def test_a_column_in_one_style_is_read_rightly_or_not_at_all(style: str, amounts: list[tuple[int, int, bool]]) -> None:
    with_cents = style.endswith(("00.00", "00,00"))
    cells = [("-" if minus else "") + STYLES[style](whole, cents) for whole, cents, minus in amounts]
    mark = marks_of(cells)
    for cell, (whole, cents, minus) in zip(cells, amounts, strict=True):
        minor = whole * 100 + (cents if with_cents else 0)
        assert amount_from(cell, mark) in {None, -minor if minus else minor}


@settings(deadline=None)
@given(st.lists(st.text(max_size=30) | st.text("0123456789.,-()Rp", max_size=12)))
def test_nothing_raises(cells: list[str]) -> None:
    mark = marks_of(cells)
    assert all(amount_from(cell, mark) is None or isinstance(amount_from(cell, mark), int) for cell in cells)
