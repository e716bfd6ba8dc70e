"""How replays look outside, for the API and `--json`."""

from pydantic import Field

from app.operate.alerts_shown import AlertShown
from app.operate.callbacks_shown import ExplanationShown
from app.operate.shown import Shown


class MoveShown(Shown):
    """What a replay would move on one account."""

    account: str
    amount: str


class ReplayExplainedShown(Shown):
    """What a replay would do today and why; nothing of it is written."""

    row: str = Field(description="The line of the sender's table that its words match; empty where it has no table.")
    says: ExplanationShown | None = Field(description="What its sender's pure functions make of it.")
    doubt: str = Field(description="Why the sender's API would be asked first; empty where it would not.")
    facts: list[str] = Field(description="Facts that the order would have more, or better proved.")
    moves: list[MoveShown]
    status: str = Field(description="Of its order now; empty where it is not announced.")
    status_after: str
    asks: list[str] = Field(description="Payment attempts that the sender's API would be asked about.")
    alerts: list[AlertShown] = Field(description="What a person would be told.")


class ReplayedShown(Shown):
    """What came of a replay."""

    callback_id: str
    order_id: str | None
    was: str = Field(description="The callback's outcome before.")
    outcome: str = Field(description="What it comes out as today.")
    kept: str = Field(description="The outcome that it has now: what was applied stays `applied`.")
    changed: bool = Field(description="Whether anything was, or would be, changed.")
    reason: str
    text: str = Field(description="Why it comes out so, in a sentence.")
    explained: ReplayExplainedShown | None = Field(description="With `explain`: what would be done; nothing was.")


class ReplayCount(Shown):
    """How many of one outcome come out as another one, or stay."""

    was: str
    outcome: str = Field(
        description="What they come out as; empty where only a replay itself can tell, `pruned` where the log has none."
    )
    count: int
    text: str = Field(description="What that means, in a sentence.")


class ReplayFailure(Shown):
    """A callback that could not be decided anew; it is as it was."""

    callback_id: str
    text: str


class ReplaysShown(Shown):
    """What came of many replays, or with a dry run what would."""

    dry_run: bool
    counts: list[ReplayCount]
    failed: int
    failures: list[ReplayFailure] = Field(description="The first of those that failed.")
