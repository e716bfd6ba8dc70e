"""Amounts as files write them: `100000.00`, `Rp 100.000,00`, `(5.000)`; what a cell leaves open, its column says. Pure.

A point or a comma parts thousands or begins the decimals. `1.234,50` and `1.234.567` say which by themselves, `1.234`
does not. So a whole column is looked at first. What nothing decides stays unreadable: nobody guesses about money.
"""

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from app.core.money import Minor

#: The sign before decimals; "" where nothing in the column told.
Mark: TypeAlias = Literal[".", ",", ""]

_DIGITS_MAX = 15
_CURRENCY = r"(?:rp\.?|idr)"
_WRITTEN = re.compile(
    rf"(?P<minus>[-\u2212])?\s*(?P<sign>{_CURRENCY})?\s*(?P<inner>[-\u2212])?(?P<number>[0-9][0-9.,]*?)"
    rf"(?P<even>,-|\.-)?\s*(?P<behind>{_CURRENCY}|rupiah)?",
    re.IGNORECASE | re.ASCII,
)
_GROUPED = {
    ".": re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,(?P<decimals>[0-9]+))?", re.ASCII),
    ",": re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.(?P<decimals>[0-9]+))?", re.ASCII),
}
_PLAIN = re.compile(r"(?P<whole>0|[1-9][0-9]*)(?:(?P<mark>[.,])(?P<decimals>[0-9]+))?", re.ASCII)
_THOUSANDS = 3
_TWO = 2
_CHARS_MAX = 64


class _Number(msgspec.Struct, frozen=True):
    """A cell without currency and sign."""

    number: str
    negative: bool
    #: it is written for people, with `Rp` or `,-`: people write no thousandths
    for_people: bool


def marks_of(cells: Iterable[str]) -> Mark:
    """How a column writes decimals. "": nothing says, or cells contradict each other.

    The sign is known where a cell leaves no choice. Where all that are parted are parted by one sign with three digits
    behind it, those are thousands if two of them differ, a currency stands beside one, or a number below a thousand
    stands among them without decimals; unless a number of four digits and more stands there without a sign.
    """
    proved: set[Mark] = set()
    doubtful: dict[str, set[str]] = {".": set(), ",": set()}
    small = large = for_people = False
    for cell in cells:
        found = _number(cell)
        if found is None:
            continue
        if says := _says(found.number):
            proved.add(says)
        elif sign := _doubtful(found.number):
            for_people |= found.for_people
            if len(doubtful[sign]) < _TWO:
                doubtful[sign].add(found.number)
        else:
            small |= len(found.number) <= _THOUSANDS and found.number != "0"
            large |= len(found.number) > _THOUSANDS
    if proved:
        return proved.pop() if len(proved) == 1 else ""
    parted = [sign for sign in doubtful if doubtful[sign]]
    if len(parted) == 1 and not large and (small or for_people or len(doubtful[parted[0]]) == _TWO):
        return _other(parted[0])
    return ""


def amount_from(cell: str, mark: Mark) -> Minor | None:
    """`"Rp 100.000,00"` → 10_000_000 minor units, below zero for `-5000` and `(5000)`; None for what cannot be read.

    `mark`: from `marks_of` its column.
    """
    found = _number(cell)
    if found is None:
        return None
    parts = _parted(found.number, mark)
    if parts is None:
        return None
    whole, decimals = parts
    cents = decimals.rstrip("0").ljust(2, "0")
    if len(cents) > len("00") or len(whole) > _DIGITS_MAX:
        return None
    minor = int(whole) * 100 + int(cents)
    return -minor if found.negative else minor


def _number(cell: str) -> _Number | None:
    if len(cell) > _CHARS_MAX:
        return None
    written = cell.replace("\u00a0", " ").replace("\u202f", " ").strip().removeprefix("'")
    bracketed = written.startswith("(") and written.endswith(")")
    match = _WRITTEN.fullmatch(written[1:-1].strip() if bracketed else written)
    if match is None:
        return None
    minus = [bool(match["minus"]), bool(match["inner"]), bracketed]
    if sum(minus) > 1 or (match["inner"] and not match["sign"]):
        return None
    return _Number(match["number"], any(minus), bool(match["sign"] or match["even"] or match["behind"]))


def _says(number: str) -> Mark:
    """The sign before decimals, where this number alone leaves no choice; else ""."""
    for sign, grouped in _GROUPED.items():
        if (match := grouped.fullmatch(number)) and (match["decimals"] or number.count(sign) > 1):
            return _other(sign)
    match = _PLAIN.fullmatch(number)
    if match is None or _doubtful(number):
        return ""
    return "." if match["mark"] == "." else "," if match["mark"] else ""


def _doubtful(number: str) -> str:
    """The sign of `1.234`, which parts thousands or begins three decimals; else ""."""
    for sign, grouped in _GROUPED.items():
        if number.count(sign) == 1 and (match := grouped.fullmatch(number)) and not match["decimals"]:
            return sign
    return ""


def _parted(number: str, mark: Mark) -> tuple[str, str] | None:
    """Digits before and behind the decimal sign; None where they cannot be told."""
    mark = mark or _says(number)
    if not mark:
        return (number, "") if _PLAIN.fullmatch(number) and number.isdigit() else None
    if grouped := _GROUPED[_other(mark)].fullmatch(number):
        return number.partition(mark)[0].replace(_other(mark), ""), grouped["decimals"] or ""
    match = _PLAIN.fullmatch(number)
    # `100.000` beside `25000.50`: whoever wrote three digits there may have meant thousands.
    if match is None or (match["mark"] and match["mark"] != mark) or _doubtful(number):
        return None
    return match["whole"], match["decimals"] or ""


def _other(sign: str) -> Literal[".", ","]:
    return "," if sign == "." else "."
