"""How linked channels and codes look outside."""

from pydantic import Field

from app.operate.shown import Shown


class ChannelShown(Shown):
    """One channel of a user."""

    id: str
    user_id: str
    service: str = Field(description="`telegram`, `discord`, or a name of CALLBACK_CHANNELS.")
    address: str
    lang: str
    since: str
    linked_by: str = Field(description="`code`, or who did it.")
    quiet: bool = Field(description="They took no message: no news until they are heard of again.")
    ended_at: str | None
    ended_why: str | None = Field(description="`user`, `person`, `blocked`, `gone` or `replaced`.")


class ChannelsShown(Shown):
    """Channels, newest first."""

    channels: list[ChannelShown]


class CodeShown(Shown):
    """A one-time code; it is shown this once and kept nowhere."""

    code: str
    user_id: str
    expires_at: str
    text: str = Field(description="What to tell the user.")
