"""Accounts, positions and journals: a journal that does not sum to zero cannot be made. Pure."""

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from app.core.money import Minor


class Account(StrEnum):
    """The accounts that an order's money passes through."""

    WALLET = "wallet"  # wallet:{user}, a running balance
    HELD = "held"  # held:{user}, a running balance
    CLEARING = "clearing"  # clearing:{provider}
    SALES = "sales"  # sales:{kind}
    ADJUSTMENT = "adjustment"


class Position(NamedTuple):
    """What an order has moved in all: how much stands on each of its accounts because of it (minor units)."""

    wallet: Minor = 0
    held: Minor = 0
    clearing: Minor = 0
    sales: Minor = 0


class Posting(NamedTuple):
    """One line of a journal."""

    account: Account
    amount: Minor


class UnbalancedError(AssertionError):
    """A journal's postings do not sum to zero: a fault of ours, nothing is written."""


_ACCOUNTS = (Account.WALLET, Account.HELD, Account.CLEARING, Account.SALES)
NOTHING_MOVED = Position()


@lru_cache(maxsize=4096)  # most journals of a shop are alike: a look-up costs a quarter of making one
def journal(before: Position, after: Position) -> tuple[Posting, ...]:
    """The postings that lead from one position to another; empty when they are equal.

    Raises UnbalancedError if they do not sum to zero.
    """
    if before == after:
        return ()
    return balanced(
        tuple(
            [
                Posting(account, new - old)
                for account, old, new in zip(_ACCOUNTS, before, after, strict=True)
                if new != old
            ]
        )
    )


def balanced(postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    """The same postings; raises UnbalancedError if they do not sum to zero."""
    if sum([amount for _, amount in postings]):
        raise UnbalancedError(postings)
    return postings
