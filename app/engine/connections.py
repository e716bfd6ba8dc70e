"""All open connections of one server, and one sweep a second that ends those that stand still."""

import asyncio
from typing import Protocol

from app.engine.limits import Limits


class Watched(Protocol):
    """What the sweep needs of a connection."""

    def check(self, now: float) -> None:
        """End the connection if it has stood still for too long; `now` is the loop's clock in seconds."""


class Connections:
    """One timer for all, where a timer for each would cost every request two calls into the loop."""

    def __init__(self, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        """Made with the first connection, in the server's loop."""
        self.limits = limits
        self.loop = loop
        #: the loop's clock at the last sweep: good enough for whoever only wants to know about when
        self.tick = loop.time()
        #: what is here of bodies that are not whole yet
        self.halves_bytes = 0
        self._open: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: Watched) -> None:
        """Watch a connection."""
        self._open.add(connection)
        if self._timer is None:
            self.tick = self.loop.time()
            self._timer = self.loop.call_later(self.limits.sweep_seconds, self._sweep)

    def leave(self, connection: Watched) -> None:
        """It is closed."""
        self._open.discard(connection)
        if not self._open and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        self.tick = self.loop.time()
        self._timer = self.loop.call_later(self.limits.sweep_seconds, self._sweep)
        for connection in tuple(self._open):
            connection.check(self.tick)
