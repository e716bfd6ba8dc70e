"""How tasks look outside."""

from pydantic import Field

from app.operate.shown import Shown


class TryShown(Shown):
    """One go at a task."""

    began_at: str
    ended_at: str
    result: str = Field(description="`done`, `failed`, or `lost`: nobody knows whether it arrived.")
    error: str


class TaskShown(Shown):
    """Something to be done outside."""

    id: str
    kind: str
    destination: str
    state: str
    tries: int
    due_at: str
    last_error: str
    history: list[TryShown] = Field(description="Each try that ended, oldest first.")
