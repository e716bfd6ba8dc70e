"""How the story of an order looks outside."""

from pydantic import Field

from app.operate.callbacks_shown import CallbackShown
from app.operate.shown import Shown


class MovedShown(Shown):
    """One posting of a journal."""

    account: str
    amount: str


class StoryLine(Shown):
    """One thing that happened."""

    at: str
    what: str = Field(description="`announcement`, `callback`, `answer`, `person`, `journal`, `notice` or `task`.")
    ref: str = Field(description="The callback's or the task's id, or below zero that of what else caused it.")
    text: str
    outcome: str = Field(description="Of a callback; empty while it is not decided.")
    moved: list[MovedShown] = Field(description="Of a journal.")
    balance: str | None = Field(description="Of the user's wallet after the journal.")
    this: bool = Field(description="It is the callback that was asked for.")


class StoryShown(Shown):
    """Everything that happened about one order, oldest first."""

    order_id: str
    provider: str
    kind: str
    user_id: str
    amount: str
    currency: str
    status: str = Field(description="As it is now; empty where nobody announced the order.")
    text: str
    lines: list[StoryLine]
    omitted: int = Field(description="Lines that were left out in the middle.")


class CallbackToldShown(CallbackShown):
    """One callback, and the story of its order."""

    story: StoryShown | None
