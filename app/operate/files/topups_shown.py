"""How top-ups by hand look outside."""

from pydantic import Field

from app.operate.shown import Shown


class TopupShown(Shown):
    """A proof of payment, and what a person decided."""

    id: str
    callback_id: str = Field(description="The upload.")
    user_id: str
    amount: str | None = Field(description="As the user says; once it is approved, what was credited.")
    note: str = Field(description="The user's words.")
    state: str = Field(description="`open`, `approved` or `rejected`.")
    order_id: str | None = Field(description="The order that credited it.")
    filename: str
    media_type: str
    size: int = Field(description="Bytes of what came.")
    stored_as: str = Field(description="Where it is kept, below CALLBACK_UPLOADS.")
    used_also_by: list[str] = Field(description="Top-ups of other users with the same proof.")
    opened_at: str
    closed_at: str | None
    closed_by: str | None
    closed_reason: str | None


class TopupsShown(Shown):
    """A page of top-ups, newest first."""

    topups: list[TopupShown]
    next_cursor: str | None
