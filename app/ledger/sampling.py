"""A little of the audit, often: some users' accounts and the newest journals, so few rows that nobody waits for it.

`operate.audit` reads everything; this reads at most `POSTINGS_MAX`, and goes on where it ended.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from sqlalchemy import Connection

from app.engine.outcomes import driver
from app.ledger.books import Imbalance

POSTINGS_MAX = 20_000
_ACCOUNTS_MAX = 500
_JOURNALS = 100

_ACCOUNT = "SELECT id, name, last_posting, balance FROM callback_accounts WHERE balance IS NOT NULL"
_ACCOUNTS = f"{_ACCOUNT} AND id > ? ORDER BY id LIMIT ?"
_BY_NAME = f"{_ACCOUNT} AND name = ?"
#: An account with more postings than one look may read is left to the audit.
_POSTINGS = (
    "WITH RECURSIVE chain (amount, before) AS (SELECT amount, before FROM callback_postings WHERE id = ?"
    " UNION ALL SELECT p.amount, p.before FROM chain CROSS JOIN callback_postings AS p ON p.id = chain.before LIMIT ?)"
    " SELECT count(*), coalesce(sum(amount), 0) FROM chain"
)
_NEWEST = "SELECT id FROM callback_journals WHERE id > 0 ORDER BY id DESC LIMIT ?"
_JOURNAL = (
    "SELECT j.id, (SELECT coalesce(sum(p.amount), 0) FROM callback_postings AS p WHERE p.id >= j.first_posting"
    " AND p.id < j.first_posting + j.posting_count AND p.journal_id = j.id)"
    " FROM callback_journals AS j WHERE j.id IN (SELECT value FROM json_each(?))"
)


def sample(connection: Connection, after_no: int) -> tuple[list[Imbalance], int]:
    """Look at some accounts after this number, and at the newest journals → what is wrong, and where to go on.

    0 to begin with, and again after the last account.
    """
    raw = driver(connection)
    accounts = raw.execute(_ACCOUNTS, (after_no, _ACCOUNTS_MAX)).fetchall()
    found, read = [], 0
    for account in accounts:
        rows, wrong = _account(raw, account)
        found += wrong
        after_no, read = account[0], read + rows
        if read >= POSTINGS_MAX:
            break
    else:
        after_no = after_no if len(accounts) == _ACCOUNTS_MAX else 0
    newest = [row[0] for row in raw.execute(_NEWEST, (_JOURNALS,))]
    return [*found, *_journals(raw, newest)], after_no


def still_wrong(connection: Connection, subjects: Iterable[str]) -> set[str]:
    """Which of these (`wallet:ani`, `journal:12`) do not add up even now."""
    raw = driver(connection)
    wrong: set[str] = set()
    for subject in subjects:
        family, _, number = subject.partition(":")
        if family == "journal":
            wrong.update(each.subject for each in _journals(raw, [int(number)]))
        else:
            accounts = raw.execute(_BY_NAME, (subject,)).fetchall()
            wrong.update(each.subject for account in accounts for each in _account(raw, account)[1])
    return wrong


def _account(raw: Any, account: tuple[int, str, int, int]) -> tuple[int, list[Imbalance]]:
    _, name, newest, balance = account
    rows, total = raw.execute(_POSTINGS, (newest, POSTINGS_MAX + 1)).fetchone()
    if rows > POSTINGS_MAX or total == balance:
        return rows, []
    return rows, [Imbalance("account", name, total, balance)]


def _journals(raw: Any, ids: list[int]) -> Iterator[Imbalance]:
    for journal_id, total in raw.execute(_JOURNAL, (orjson.dumps(ids).decode(),)):
        if total:
            yield Imbalance("journal", f"journal:{journal_id}", 0, total)
