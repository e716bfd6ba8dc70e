"""How a list of orders looks outside."""

from pydantic import Field

from app.operate.shown import Shown


class TransactionLine(Shown):
    """One announced order in a list."""

    order_id: str
    user_id: str
    kind: str
    provider: str
    amount: str
    currency: str
    status: str
    text: str = Field(description="The status, in a sentence.")
    announced_at: str


class TransactionsShown(Shown):
    """A page of orders, newest first."""

    transactions: list[TransactionLine]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null at the end.")
    looked_back_to: str | None = Field(
        description="Where the time was over before the page was full: the oldest order that was looked at."
    )
    looked_back_at: str | None = Field(description="When that one was announced.")
