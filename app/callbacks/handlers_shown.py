"""How the registered handlers look outside."""

from pydantic import Field

from app.operate.shown import Shown


class HandlerShown(Shown):
    """One registered handler."""

    name: str
    kind: str = Field(description="`webhook` or `event`.")
    provider: str
    path: str
    verification: str = Field(description="What proves its sender: `signature`, `token`, `nothing`.")
    configured: bool = Field(description="Whether what proves the sender is set up.")
    source: str = Field(description="The module that its class is of.")
    runs: str = Field(description="Where it works: `worker` (inside the transaction) or `slow lane`.")


class HandlersShown(Shown):
    """All registered handlers, by name."""

    handlers: list[HandlerShown]
