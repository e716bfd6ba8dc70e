"""How endpoints look outside; a secret is shown once, when it is made."""

from pydantic import Field

from app.operate.shown import Shown


class EndpointShown(Shown):
    """A destination of events and callbacks."""

    name: str
    url: str | None = Field(description="Absent: a function that the application subscribed with `on`.")
    events: list[str] = Field(description="Patterns of event types.")
    callbacks: list[str] = Field(description="Senders whose callbacks go on as they came.")
    state: str = Field(description="`on`, `failing`, `off`, or `missing`: the worker has no such function.")
    why: str = Field(description="Why it is off: `person`, `gone` (it answered 410), `failing` (for days).")
    waiting: int = Field(description="Deliveries that are under way or will be tried again.")
    behind: int = Field(description="Events that it has not come to yet, whichever it wants of them.")
    failing_since: str | None
    heard_at: str | None = Field(description="When it took something last.")
    made_at: str


class EndpointsShown(Shown):
    """All of them, by name."""

    endpoints: list[EndpointShown]


class EndpointSecretShown(Shown):
    """An endpoint with its new secret, which is shown this once."""

    endpoint: EndpointShown
    secret: str
    old_until: str | None = Field(description="Until when deliveries are signed with the old secret, too.")


class EndpointTestedShown(Shown):
    """What a test delivery came to."""

    success: bool
    told: str = Field(description="What it answered, or why it did not.")
    event_id: str
    milliseconds: int
