"""How dead letters look outside, and what came of a retry."""

from typing import Any

from pydantic import Field

from app.operate.shown import Shown


class DeadLetterShown(Shown):
    """Something that was given up, with why and what would settle it."""

    id: str
    kind: str = Field(description="`callback` or `task`.")
    ref: str = Field(description="The callback's or the task's id.")
    order_id: str | None
    reason: str
    text: str = Field(description="What happened, in a sentence.")
    what_to_do: str
    commands: list[str]
    detail: dict[str, Any]
    since: str
    closed_at: str | None
    closed_how: str | None
    closed_by: str | None
    closed_reason: str | None


class DeadLettersShown(Shown):
    """A page of dead letters, newest first."""

    dead_letters: list[DeadLetterShown]
    next_cursor: str | None


class RetriedShown(Shown):
    """What came of a retry."""

    outcome: str = Field(description="The callback's outcome now, or `ready` for a task that is due again.")
    text: str
    dead_letter: DeadLetterShown
