"""How wallets and their statements look outside."""

from pydantic import Field

from app.ledger.books import EntryRow, WalletRow
from app.operate.shown import Shown, amount_text, time_text


class WalletShown(Shown):
    """A user's money."""

    user_id: str
    balance: str
    held: str
    currency: str

    @classmethod
    def of(cls, row: WalletRow) -> "WalletShown":
        """From the books' row."""
        return cls(
            user_id=row.user_id, balance=amount_text(row.balance), held=amount_text(row.held), currency=row.currency
        )


class EntryShown(Shown):
    """One line of a wallet's statement."""

    journal_id: str
    at: str
    amount: str
    balance: str = Field(description="After this line.")
    order_id: str | None
    kind: str = Field(description="The order's kind, or `adjustment`.")
    reason: str

    @classmethod
    def of(cls, row: EntryRow) -> "EntryShown":
        """From the books' row."""
        return cls(
            journal_id=str(row.journal_id),
            at=time_text(row.at),
            amount=amount_text(row.amount),
            balance=amount_text(row.balance),
            order_id=row.order_id,
            kind=row.kind,
            reason=row.reason,
        )


class EntriesShown(Shown):
    """A page of a statement, newest first."""

    entries: list[EntryShown]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null at the end.")
