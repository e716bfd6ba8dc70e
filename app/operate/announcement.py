"""What a shop may announce: each field checked, with a sentence for the one that does not fit. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from app.core.errors import AmountError, FieldError
from app.core.money import Minor, parse_amount
from app.ledger.announce import NewOrder
from app.ledger.effect import FORMULAS, PURCHASE, TOPUP

FIELDS = ("order_id", "user_id", "kind", "amount", "currency", "provider", "product", "customer_no")
NEEDED = ("order_id", "user_id", "kind", "amount")

ID_CHARS_MAX = 128
TEXT_CHARS_MAX = 256

#: The sender that an order waits for when the announcement names none.
PROVIDERS = {TOPUP: "midtrans", PURCHASE: "digiflazz"}

_FIELDS = frozenset(FIELDS)
_PROVIDER = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)


def order_from(data: Mapping[str, Any]) -> NewOrder:
    """An announcement (`POST /transactions`, a line of a file) → an order. Fields that are None count as absent.

    Raises FieldError with the field as the caller spells it.
    """
    if not _FIELDS.issuperset(data):
        name = next(str(name) for name in data if name not in _FIELDS)
        raise FieldError(name[:60], f"is no field of a transaction; they are {', '.join(FIELDS)}")
    get = data.get
    kind = _kind(get("kind"))
    return NewOrder(
        order_id=id_from("order_id", get("order_id")),
        user_id=id_from("user_id", get("user_id")),
        kind=kind,
        amount=amount_from("amount", get("amount")),
        provider=_provider(kind, get("provider")),
        currency=_currency(get("currency")),
        product=_text("product", get("product")),
        customer_no=_text("customer_no", get("customer_no")),
    )


def id_from(field: str, value: Any) -> str:
    """An id: 1 to 128 printable characters without blanks; a whole number is read by its digits."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        value = str(value)
    if value is None or value == "":
        raise FieldError(field, "is missing")
    if not isinstance(value, str):
        raise FieldError(field, f"must be text, not {_kind_of(value)}")
    if len(value) > ID_CHARS_MAX:
        raise FieldError(field, f"is {len(value)} characters long, at most {ID_CHARS_MAX} are allowed")
    if not value.isprintable() or " " in value:
        raise FieldError(field, "must not contain blanks or characters that cannot be printed")
    return value


def amount_from(field: str, value: Any) -> Minor:
    """An amount above zero in minor units, from text or a JSON number."""
    if value is None or value == "":
        raise FieldError(field, "is missing")
    try:
        amount = parse_amount(value)
    except (AmountError, ValueError):  # a whole number of thousands of digits has no text
        raise FieldError(field, 'must be digits with at most two after a point, such as "100000.00"') from None
    if amount <= 0:
        raise FieldError(field, "must be above zero")
    return amount


def _kind(value: Any) -> str:
    if isinstance(value, str) and value in FORMULAS:
        return value
    if value is None or value == "":
        raise FieldError("kind", "is missing")
    raise FieldError("kind", f"must be one of {', '.join(sorted(FORMULAS))}")


def _provider(kind: str, value: Any) -> str:
    if value is None or value == "":
        provider = PROVIDERS.get(kind)
        if provider is None:
            raise FieldError("provider", f"is missing: a {kind} has no sender of its own")
        return provider
    if not isinstance(value, str) or not _PROVIDER.fullmatch(value):
        raise FieldError("provider", "must be a handler's name: a-z, 0-9, _ and -, at most 64 characters")
    return value


def _currency(value: Any) -> str:
    if value is None or value == "":
        return "IDR"
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise FieldError("currency", "must be three letters, such as IDR")
    return value.upper()


def _text(field: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return str(value)
    if not isinstance(value, str):
        raise FieldError(field, f"must be text, not {_kind_of(value)}")
    if len(value) > TEXT_CHARS_MAX or not value.isprintable():
        raise FieldError(field, f"must be printable text of at most {TEXT_CHARS_MAX} characters")
    return value


def _kind_of(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
