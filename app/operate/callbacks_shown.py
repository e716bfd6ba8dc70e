"""How callbacks look outside: a line of the log, one with its bytes, a page."""

from typing import Any

from pydantic import Field

from app.operate.books_shown import CauseShown, FactShown, PostingShown
from app.operate.letters_shown import DeadLetterShown
from app.operate.shown import Shown
from app.operate.tasks_shown import TaskShown


class CallbackLine(Shown):
    """One callback of the log, with what became of it."""

    callback_id: str
    provider: str
    event_type: str
    received_at: str
    order_id: str | None
    outcome: str = Field(description="A word such as `applied`; empty while it is not decided.")
    reason: str
    text: str = Field(description="What became of it, in a sentence.")


class ExplanationShown(Shown):
    """Which row of the sender's table decided, found by asking its pure functions again."""

    said: str = Field(description="What the callback says, in one line.")
    facts: list[str] = Field(description="The facts that this means.")
    why_none: str = Field(description="Why it means none, in a sentence.")
    moves: str = Field(description="What these facts move beside what is known of the order today.")


class CallbackShown(CallbackLine):
    """One callback with its bytes and everything that came of it."""

    kept: bool = Field(
        description="False: its bytes are no longer in the log (pruned, or the log was replaced); the rest stays."
    )
    event_key: str
    ordering_key: str
    verification: str
    verified_how: str
    remote_addr: str
    headers: dict[str, str]
    body: str = Field(description="As UTF-8; bytes that are none appear as �, see `body_base64`.")
    body_base64: str
    detail: dict[str, Any]
    decided_at: str | None
    decided_by: CauseShown | None = Field(description="The answer or person that decided, where it did not by itself.")
    explanation: ExplanationShown | None
    facts: list[FactShown] = Field(description="The facts that it told first.")
    postings: list[PostingShown] = Field(description="The journal that it caused.")
    tasks: list[TaskShown]
    dead_letters: list[DeadLetterShown]


class CallbacksShown(Shown):
    """A page of the log, newest first."""

    callbacks: list[CallbackLine]
    next_cursor: str | None
    looked_back_to: str | None = Field(
        description="Where the time was over before the page was full: the oldest callback that was looked at."
    )
    looked_back_at: str | None = Field(description="When that one came.")
