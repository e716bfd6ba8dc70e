"""A wallet's whole statement for a spreadsheet: lines of CSV, oldest first, with the balance after each."""

import csv
import io
from collections.abc import Iterator

from sqlalchemy import Engine

from app.core.database import reading
from app.core.errors import NotFound
from app.core.money import format_amount
from app.ledger import books
from app.operate.shown import time_text

COLUMNS = ("at", "amount", "balance", "currency", "order_id", "kind", "reason", "journal_id")
_PAGE_ROWS = 1_000
#: What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), in full width too.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def statement(engine: Engine, user_id: str) -> Iterator[str]:
    """The statement, a page of lines at a time, each page in a short transaction of its own. Raises NotFound."""
    with reading(engine) as connection:
        wallet = books.wallet_of(connection, user_id)
    if wallet is None:
        raise NotFound(f"the user {user_id[:140]!r} has no wallet; the first order or adjustment makes one")
    yield _lines([COLUMNS])
    with reading(engine) as connection:
        ids = books.posting_ids_of(connection, user_id)
    for start in range(0, len(ids), _PAGE_ROWS):
        with reading(engine) as connection:
            page = books.entries(connection, ids[start : start + _PAGE_ROWS])
        yield _lines([_cells(entry, wallet.currency) for entry in page])


def _cells(entry: books.EntryRow, currency: str) -> tuple[str, ...]:
    return (
        time_text(entry.at),
        format_amount(entry.amount),  # a number, also below zero
        format_amount(entry.balance),
        currency,
        cell(entry.order_id or ""),
        cell(entry.kind),
        cell(entry.reason),
        str(entry.journal_id),
    )


def cell(value: str) -> str:
    """Text that no spreadsheet runs: what looks like a formula gets an apostrophe before it."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _lines(rows: list[tuple[str, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
