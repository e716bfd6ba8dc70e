"""Wallets: a user's balance, its statement page by page, and what a person adds to it or takes from it."""

import re
from typing import Any

from sqlalchemy import Connection, Engine

from app.core.database import reading, writing
from app.core.errors import AmountError, FieldError, NotFound
from app.core.money import Minor, format_amount, parse_amount
from app.ledger import books
from app.ledger.book import Policy
from app.ledger.persons import adjust
from app.operate.announcement import id_from
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.wallets_shown import EntriesShown, EntryShown, WalletShown

PAGE_MAX = 200
#: Minor units; beyond it a database's integers end.
BALANCE_MAX = 2**63 - 1


def show_wallet(engine: Engine, user_id: str) -> WalletShown:
    """A user's money. Raises NotFound for a user whose wallet was never used."""
    with reading(engine) as connection:
        wallet = books.wallet_of(connection, user_id)
    if wallet is None:
        raise _no_wallet(user_id)
    return WalletShown.of(wallet)


def show_entries(engine: Engine, user_id: str, *, cursor: str | None, rows_max: int = 50) -> EntriesShown:
    """A page of a wallet's statement, newest first. Raises NotFound, FieldError (a cursor that is none of ours)."""
    rows_max = max(1, min(rows_max, PAGE_MAX))
    with reading(engine) as connection:
        if books.wallet_of(connection, user_id) is None:
            raise _no_wallet(user_id)
        start = books.newest_of(connection, user_id) if cursor is None else _below(connection, user_id, cursor)
        rows = books.entries_from(connection, start, rows_max=rows_max + 1)
    page = rows[:rows_max]
    more = str(page[-1].posting_id) if len(rows) > rows_max else None
    return EntriesShown(entries=[EntryShown.of(row) for row in page], next_cursor=more)


def adjust_wallet(
    engine: Engine, user_id: str, amount: Any, *, who: str, reason: str, at: int, policy: Policy
) -> WalletShown:
    """Add to a wallet or take from it, with a reason → the wallet after it; it is made when it does not exist.

    `amount`: `"+50000"`, `"50000.00"`, `"-2500"`. Raises FieldError.
    """
    user_id = id_from("user_id", user_id)
    minor = signed_amount_from("amount", amount)
    words = sentence_from("reason", reason)
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    with writing(engine) as connection:
        before = books.wallet_of(connection, user_id)
        if before is not None and abs(before.balance + minor) > BALANCE_MAX:
            raise FieldError("amount", f"is more than a wallet can hold: {format_amount(BALANCE_MAX)} at most")
        adjust(connection, user_id, minor, who=by, reason=words, at=at, policy=policy)
        wallet = books.wallet_of(connection, user_id)
    if wallet is None:
        raise _no_wallet(user_id)
    return WalletShown.of(wallet)


def signed_amount_from(field: str, value: Any) -> Minor:
    """`"+50000"`, `"-2500.50"` → minor units, not zero."""
    text = str(value).strip()
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    try:
        amount = parse_amount(digits)
    except AmountError:
        raise FieldError(field, "must be digits with at most two after a point, such as +50000 or -2500.50") from None
    if not amount:
        raise FieldError(field, "zero moves nothing")
    return sign * amount


_CURSOR = re.compile(r"[0-9]{1,18}", re.ASCII)


def _below(connection: Connection, user_id: str, cursor: str) -> int:
    below = books.before(connection, user_id, int(cursor)) if _CURSOR.fullmatch(cursor) else None
    if below is None:
        raise FieldError("cursor", "is not one that this address gave")
    return below


def _no_wallet(user_id: str) -> NotFound:
    return NotFound(f"the user {user_id[:140]!r} has no wallet; the first order or adjustment makes one")
