"""How the counts look outside."""

from pydantic import Field

from app.operate.shown import Shown


class LagShown(Shown):
    """How far the worker is behind the log."""

    callbacks: int = Field(description="Not decided yet; 1000 means as many or more.")
    seconds: float = Field(description="Age of the oldest of them.")
    moved_at: str | None = Field(None, description="When the worker last decided something; null before it ever did.")


class StatsShown(Shown):
    """Counts since the beginning, true across restarts, and what is open now."""

    accepted: dict[str, int] = Field(description="Callbacks kept in the log, by provider.")
    refused: dict[str, dict[str, int]] = Field(description="Requests refused at the door, by provider and reason.")
    outcomes: dict[str, int] = Field(description="What became of the callbacks, as it is today.")
    lag: LagShown
    waiting: dict[str, int] = Field(description="Callbacks that are `parked`, `in_doubt`, or `lapsed`.")
    dead_letters: dict[str, int] = Field(description="Open ones, by kind.")
    alerts: dict[str, int] = Field(description="Open ones, by kind.")
    tasks: dict[str, int] = Field(description="Those that are not done, by state.")
    log_bytes: dict[str, int] = Field(description="Size of the callback log's files.")
