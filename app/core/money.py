"""Money: integers of minor units inside, decimal strings at the edges, never floats."""

import re
from typing import TypeAlias

from app.core.errors import AmountError

#: Hundredths of the currency's unit: 10_000_000 is "100000.00".
Minor: TypeAlias = int

# Decimal and int accept "1_000", full-width digits, "1E+5" and blanks: the pattern comes first.
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,2}))?", re.ASCII)


def parse_amount(text: object) -> Minor:
    """`"100000.00"` → 10_000_000 minor units.

    Digits without leading zero, optionally a point and one or two digits; at most 15 digits before the point.
    Integers and floats of a JSON number are read by their text. Raises AmountError for anything else.
    Source: Midtrans, HTTP notification, `gross_amount`.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        text = repr(text)
    if not isinstance(text, str) or not (match := _AMOUNT.fullmatch(text)):
        raise AmountError(text)
    whole, cents = match.groups()
    return int(whole) * 100 + int((cents or "").ljust(2, "0"))


def format_amount(minor: Minor) -> str:
    """10_000_000 minor units → `"100000.00"`; negative ones get a minus sign."""
    sign = "-" if minor < 0 else ""
    whole, cents = divmod(abs(minor), 100)
    return f"{sign}{whole}.{cents:02d}"
