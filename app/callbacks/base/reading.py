"""Reading what a sender wrote: tolerant where senders vary, strict where a value means something. Pure.

One rule holds it together: the struct that `verify` checks is the struct that `facts` reads, so that a repeated key or
an odd escape never means one thing to the signature and another to the ledger.
"""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from app.core.errors import AmountError, UnreadableBody
from app.core.money import Minor, parse_amount

Read = TypeVar("Read")

_BOM = b"\xef\xbb\xbf"
#: Longer or stranger ids are no ids: columns, indexes and addresses hold them.
TEXT_CHARS_MAX = 128
_HUGE = 10**18  # Python refuses to write integers of thousands of digits


def read(decode: Callable[[bytes], Read], body: bytes) -> Read:
    """Decode a JSON body; a byte order mark before it is tolerated. How deep it is was measured before.

    Raises UnreadableBody for everything that is no such JSON: broken, another shape, invalid UTF-8, lone surrogates,
    NaN, numbers that no double holds.
    """
    if body[:3] == _BOM:
        body = body[3:]
    try:
        return decode(body)
    except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        # They name the place and what was expected there, never the value.
        raise UnreadableBody(f"the body is not the JSON that this sender sends: {error}") from None


def text_of(value: Any) -> str:
    """An id or word as text, integers by their digits; "" for anything else, too long, or with control characters."""
    if isinstance(value, str):
        return value if len(value) <= TEXT_CHARS_MAX and value.isprintable() else ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _HUGE:
        return str(value)
    return ""


def line_of(value: Any, *, chars_max: int = 512) -> str:
    """Free text of a sender on one line: what cannot be printed becomes a blank, the rest is kept up to a bound."""
    text = value if isinstance(value, str) else text_of(value)
    cut = text[:chars_max]
    return cut if cut.isprintable() else "".join(sign if sign.isprintable() else " " for sign in cut)


def shown(value: Any) -> str:
    """A value for a person: as text, cut; what it is instead where it is no text or number."""
    if value is None:
        return ""
    if isinstance(value, int) and abs(value) >= _HUGE:
        return "(huge number)"
    return str(value)[:TEXT_CHARS_MAX] if isinstance(value, (str, int, float)) else f"({type(value).__name__})"


def amount_of(value: Any) -> Minor | None:
    """`"50000.00"` or a JSON number → minor units; None for what is no amount."""
    try:
        return parse_amount(value)
    except (AmountError, ValueError):  # an integer of thousands of digits has no text
        return None


def object_of(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


def digest_of(body: bytes) -> str:
    """What makes a callback the same again where its sender gives it no id: its bytes."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


decode_object: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode
decode_any: Callable[[bytes], Any] = msgspec.json.Decoder().decode
