"""The words and values of an audit: what is wrong, what cannot be proved, and the rows that are judged. Pure.

`Wrong` is what cannot be so in honest books; `Unproved` is what nothing speaks against, but whose proof is gone.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from app.core.money import Minor


class Wrong(StrEnum):
    """What contradicts something else in the books or the log."""

    EFFECT = "effect"  # an account of an order does not hold what its facts mean
    JOURNAL = "journal"  # a journal does not sum to zero
    JOURNAL_CAUSE = "journal_cause"  # nothing that may move money caused a journal
    POSTING = "posting"  # a posting without its journal, outside of it, or at another time
    ACCOUNT = "account"  # a posting or an order names an account that is not there, or another user's
    BALANCE = "balance"  # a user's balance is not the sum of its postings
    STATEMENT = "statement"  # a line of a user's statement does not follow from the line before it
    SYSTEM_BALANCE = "system_balance"  # a system account has a balance of its own
    CURRENCY = "currency"  # money of one currency came from nowhere
    ORDER = "order"  # facts or postings of an order that does not exist
    SOURCE = "source"  # nothing told this fact
    NOT_TOLD = "not_told"  # its source does not tell this fact
    ANOTHER_ORDER = "another_order"  # its source is about another order, or from another sender
    ADJUSTMENT = "adjustment"  # what moved is not what a person said of a wallet, or without a reason
    AMOUNT = "amount"  # the payment is not of the order's amount
    LEVEL = "level"  # a fact is believed better or less than anything proves
    SIGNATURE = "signature"  # the signature does not fit the bytes in the log
    OUTCOME = "outcome"  # what became of a callback does not fit what it did
    FACT_LOST = "fact_lost"  # a callback was applied, and its fact is not there
    SHAPE = "shape"  # a value of another type than its column's, or no text: the audit could not go on
    UNDECIDED = "undecided"  # the worker went past a callback without deciding it


class Unproved(StrEnum):
    """Why something cannot be proved, though nothing speaks against it."""

    NOT_IN_LOG = "not_in_log"
    OTHER_LOG = "other_log"
    UNVERIFIED = "unverified"
    VOUCHED = "vouched"
    TOKEN = "token_not_kept"  # noqa: S105 - a reason, no secret
    SIGNATURE_NOT_KEPT = "signature_not_kept"
    SECRET_GONE = "secret_gone"  # noqa: S105 - as above
    HANDLER_UNKNOWN = "handler_unknown"
    HANDLER_FAILED = "handler_failed"
    KIND_UNKNOWN = "kind_unknown"
    BY_TRANSACTION = "by_transaction"
    RAISED_LATER = "raised_later"


class Finding(NamedTuple):
    """One thing that is wrong. Amounts in minor units, everything else as text."""

    kind: Wrong
    subject: str  # an account's name, a journal's id, a fact
    order_id: str = ""
    source_id: int | None = None  # a callback's id, or below zero a cause's
    expected: Minor | str | None = None
    found: Minor | str | None = None


class OrderLine(NamedTuple):
    """An order as the audit reads it, with the names of its accounts."""

    no: int
    order_id: str
    provider: str
    announced: int
    kind: str
    user_id: str
    amount: Minor
    currency: str
    wallet_no: int | None
    held_no: int | None
    wallet: str | None  # name and currency of the account with that number
    wallet_currency: str | None
    held: str | None
    held_currency: str | None


class FactLine(NamedTuple):
    """A fact with its order, as the audit reads it in the order of sources."""

    source_id: int
    order_no: int
    kind: str
    attempt: str
    key: str
    amount: Minor
    level: int
    order_id: str | None  # None: there is no such order
    provider: str
    announced: int
    order_kind: str
    order_amount: Minor
    currency: str
    fee: Minor | None


#: A fact as its row has it: kind, attempt, key, amount (-1: none).
Key = tuple[str, str, str, Minor]
#: Numbers of system accounts by name and currency.
Numbers = Mapping[tuple[str, str], int]
