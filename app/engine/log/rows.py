"""What a row of the callback log may hold; asked when a batch was refused, to name the value that is to blame."""

from typing import Final

from app.core.errors import FieldError
from app.engine.callback import Callback, Row

#: The columns of a row, in its order.
COLUMNS = Callback.__struct_fields__[1:]
HEADERS: Final = 6
BODY: Final = 7

_NUMBERS = frozenset({"partition", "received_at"})
_INT64 = range(-(2**63), 2**63)


def check_row(row: Row) -> None:
    r"""Raise FieldError for the first value that no log can keep.

    Numbers are 64-bit integers, the body is bytes, all else is text that UTF-8 can spell (JSON's `"\ud800"` cannot).
    Those who append check where the values come from, so that a sender hears of it; this is what is asked afterwards.
    """
    if len(row) != len(COLUMNS):
        raise FieldError("row", f"{len(COLUMNS)} values are due, not {len(row)}")
    for name, value in zip(COLUMNS, row, strict=True):
        _check_value(name, value)


def _check_value(name: str, value: object) -> None:
    if name in _NUMBERS:
        if not isinstance(value, int) or value not in _INT64:
            raise FieldError(name, "must be a 64-bit integer")
    elif name == COLUMNS[BODY]:
        if not isinstance(value, bytes):
            raise FieldError(name, "must be bytes")
    elif not isinstance(value, str):
        raise FieldError(name, "must be text")
    else:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise FieldError(name, "holds a lone surrogate, which is no Unicode text") from None
