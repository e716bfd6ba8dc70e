"""What the addresses that list something are asked for: filters, a span of time, a cursor, how many rows."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.core.ends import ID_MAX

_TIME = "ISO 8601, or how long ago: `2h`, `3d`."


class _Page(BaseModel):
    """A page of what is found. A filter that there is not is refused: it would be taken for one that fits all."""

    model_config = ConfigDict(extra="forbid")

    cursor: int | None = Field(None, ge=0, le=ID_MAX, description="`next_cursor` of the page before.")
    rows: int = Field(50, ge=1, le=200)

    def sought(self) -> dict[str, Any]:
        """What is looked for, without the page."""
        return self.model_dump(exclude={"cursor", "rows"})


class _Span(_Page):
    """A span of time, and a page of what lies in it."""

    since: str = Field("", alias="from", max_length=64, description=f"Not before: {_TIME}")
    until: str = Field("", alias="to", max_length=64, description=f"Before: {_TIME}")


class CallbackQuery(_Span):
    """Which callbacks; what is empty asks for nothing."""

    order_id: str = Field("", max_length=256)
    user_id: str = Field("", max_length=256)
    provider: str = Field("", max_length=64)
    outcome: str = Field("", max_length=16, description="A word such as `rejected`.")
    text: str = Field("", max_length=200, description="In the body; small and capital letters are the same.")


class TransactionQuery(_Span):
    """Which orders; what is empty asks for nothing. The times are those of the announcement."""

    user_id: str = Field("", max_length=256)
    kind: str = Field("", max_length=32)
    provider: str = Field("", max_length=64)
    status: str = Field("", max_length=32, description="A word such as `waiting`.")


class LetterQuery(_Span):
    """Which dead letters; what is empty asks for nothing. The times are those of giving up."""

    kind: str = Field("", max_length=16, description="`callback` or `task`.")
    reason: str = Field("", max_length=64)
    provider: str = Field("", max_length=64, description="A task's is its destination.")
    order_id: str = Field("", max_length=256)
    closed: bool = Field(default=False, description="Closed ones, too.")


class AlertQuery(_Page):
    """Which alerts; what is empty asks for nothing."""

    kind: str = Field("", max_length=64, description="A word such as `paid_twice`.")
    closed: bool = Field(default=False, description="Closed ones, too.")


class ChannelQuery(BaseModel):
    """Which channels; what is empty asks for nothing."""

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field("", max_length=256)
    ended: bool = Field(default=False, description="Those that have ended, too.")
    rows: int = Field(50, ge=1, le=200)


class TopupQuery(_Page):
    """Which top-ups; what is empty asks for nothing."""

    user_id: str = Field("", max_length=256)
    closed: bool = Field(default=False, description="Closed ones, too.")


class ImportQuery(_Page):
    """Which page of the imports."""


class ProductQuery(BaseModel):
    """Which products; what is empty asks for nothing."""

    model_config = ConfigDict(extra="forbid")

    search: str = Field("", max_length=100, description="In code, name, category or brand, whatever the case.")
    changed: bool = Field(default=False, description="Only those whose price changed, the newest change first.")
    cursor: str | None = Field(None, max_length=512, description="`next_cursor` of the page before.")
    rows: int = Field(50, ge=1, le=200)


class FeedQuery(BaseModel):
    """Where to go on in the stream of callbacks."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(None, ge=0, le=ID_MAX, description="`after` of the page before, or a callback's id.")
    providers: str = Field("", max_length=1_000, description="Senders, separated by commas; empty for all.")
    rows: int = Field(100, ge=1, le=100)


class EventFeedQuery(BaseModel):
    """Where to go on in the stream of events."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(None, ge=0, le=ID_MAX, description="`after` of the page before.")
    types: str = Field("", max_length=1_000, description="Patterns such as `transaction.*`; empty for all.")
    rows: int = Field(100, ge=1, le=100)


class EntryQuery(BaseModel):
    """Which page of a wallet's entries."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(None, max_length=64, description="`next_cursor` of the page before.")
    rows: int = Field(50, ge=1, le=200)
