"""The audit's first half: what an order has moved is what its facts mean, journals sum to zero, balances are sums."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from app.core.money import Minor
from app.operate.audit.proof import Finding, Numbers, OrderLine, Unproved, Wrong
from app.operate.audit.proving import accounts_of, expected_positions, is_own_kind, sums
from app.operate.audit.rows import Tables, side_by_side
from app.operate.audit.tally import Tally

_USERS = ("wallet:", "held:")
_SYSTEM = "SELECT name, currency, id FROM callback_accounts WHERE name >= ? AND name < ?"


def check_orders(tables: Tables, tally: Tally, progress: Callable[[int], None]) -> None:
    """Compute every order anew from its facts, and compare with what is posted; `progress` gets the rows of a page."""
    numbers = _system_accounts(tables)
    for orders, known, moves in side_by_side(tables.orders(), tables.known(), tables.moves()):
        facts: dict[int, list[Any]] = {}
        for row in known:
            facts.setdefault(row[0], []).append((row[1:5], row[5]))
        posted: dict[int, list[Any]] = {}
        for row in moves:
            posted.setdefault(row[0], []).append(row)
        for row in orders:
            order = OrderLine._make(row)
            _check_order(tables, tally, order, facts.pop(order.no, ()), posted.pop(order.no, ()), numbers)
        for number in facts:
            tally.find([Finding(Wrong.ORDER, f"order no. {number}")])
        for number, rows in posted.items():
            _check_others(tables, tally, number, rows)
        tally.orders += len(orders)
        progress(len(orders))


def _check_order(tables: Tables, tally: Tally, order: OrderLine, facts: Any, moves: Any, numbers: Numbers) -> None:
    found, by_journal = sums(moves)
    for journal_id, amount in by_journal.items():
        if amount:
            tally.find([Finding(Wrong.JOURNAL, str(journal_id), order.order_id, journal_id, 0, amount)])
    if wrong := accounts_of(order):
        tally.find(wrong)
    if is_own_kind(order):
        tally.cannot(Unproved.KIND_UNKNOWN, order.order_id)
        return
    expected = expected_positions(order, facts, numbers)
    if found == expected:
        return
    for number in sorted({*found, *expected}, key=lambda each: each or 0):
        due, is_there = expected.get(number, 0), found.get(number, 0)
        if due != is_there:
            subject = _name(tables, number)
            tally.find([Finding(Wrong.EFFECT, subject, order.order_id, None, due, is_there)])


def _check_others(tables: Tables, tally: Tally, number: int, moves: Any) -> None:
    """Postings of an order that is not there; below zero: of none at all, or without their journal."""
    if number > 0:
        tally.find([Finding(Wrong.ORDER, f"order no. {number}")])
    tally.find(
        Finding(Wrong.POSTING, _name(tables, account), "", journal, None, amount)
        for _, journal, account, amount, lost in moves
        if lost
    )
    _, by_journal = sums(row for row in moves if not row[4])
    tally.find(
        Finding(Wrong.JOURNAL, str(journal_id), "", journal_id, 0, amount)
        for journal_id, amount in by_journal.items()
        if amount
    )


def check_accounts(tables: Tables, tally: Tally) -> None:
    """Sum up every account: a user's balance is the sum of its postings, a system account has none of its own.

    All of them, also for a part of the books: half a sum proves nothing.
    """
    currencies: Counter[str] = Counter()
    totals, newest = _summed(tables, tally)
    for (accounts,) in side_by_side(tables.accounts()):
        for number, name, currency, balance, last in accounts:
            total = totals.pop(number, 0)
            currencies[currency] += total
            if not name.startswith(_USERS):
                if balance is not None:
                    tally.find([Finding(Wrong.SYSTEM_BALANCE, name, "", None, None, balance)])
                continue
            if balance != total:
                tally.find([Finding(Wrong.BALANCE, name, "", None, total, balance)])
            if last != newest.get(number, 0):
                tally.find([Finding(Wrong.STATEMENT, f"{name}: newest line", "", None, newest.get(number, 0), last)])
        tally.accounts += len(accounts)
    for number, total in totals.items():
        tally.find([Finding(Wrong.ACCOUNT, f"account no. {number}", "", None, "", total)])
    for currency, total in currencies.items():
        if total:
            tally.find([Finding(Wrong.CURRENCY, currency, "", None, 0, total)])


def _summed(tables: Tables, tally: Tally) -> tuple[dict[int, Minor], dict[int, int]]:
    """All postings, summed up by account, and the newest of each user's.

    Here and not by SQLite, whose sums end at 64 bits. On the way each line of a user's statement is compared with the
    line before it: its balance, and where it leads.
    """
    users = tables.users()
    totals: dict[int, Minor] = {}
    balances: dict[int, Minor] = {}
    newest: dict[int, int] = {}
    for posting, account, amount, balance, before in tables.postings():
        totals[account] = totals.get(account, 0) + amount
        if account not in users:
            continue
        due = balances.get(account, 0) + amount
        if balance != due or before != newest.get(account, 0):
            subject = f"{_name(tables, account)}: line {posting}"
            tally.find([Finding(Wrong.STATEMENT, subject, "", None, due, balance)])
        balances[account], newest[account] = balance, posting
    return totals, newest


def _system_accounts(tables: Tables) -> dict[tuple[str, str], int]:
    rows = [*tables.all(_SYSTEM, "clearing:", "clearing;"), *tables.all(_SYSTEM, "sales:", "sales;")]
    return {(name, currency): number for name, currency, number in rows}


def _name(tables: Tables, number: int | None) -> str:
    if number is None:
        return "?"
    row = tables.one("SELECT name FROM callback_accounts WHERE id = ?", number)
    return f"account no. {number}" if row is None else str(row[0])
