"""How an order looks outside, with everything about it."""

from pydantic import Field

from app.operate.alerts_shown import AlertShown
from app.operate.books_shown import CauseShown, FactShown, PostingShown
from app.operate.callbacks_shown import CallbackLine
from app.operate.shown import Shown


class NoticeShown(Shown):
    """A notice to the user: written down with the effect, sent to the linked channels."""

    at: str
    status: str
    text: str
    sent: list[str] = Field(description="To each linked channel: service and address, and how it stands.")


class TransactionShown(Shown):
    """An order, with everything that was told about it and moved for it."""

    order_id: str
    user_id: str
    kind: str
    amount: str
    currency: str
    provider: str
    product: str
    customer_no: str
    status: str
    text: str = Field(description="The status, in a sentence.")
    serial_number: str | None = Field(description="Of a purchase that succeeded.")
    cost: str | None = Field(description="What the shop pays its supplier.")
    fee: str | None = Field(description="What the payer bore beside the amount.")
    announced_at: str
    facts: list[FactShown]
    postings: list[PostingShown]
    notices: list[NoticeShown]
    callbacks: list[CallbackLine]
    causes: list[CauseShown]
    alerts: list[AlertShown]
