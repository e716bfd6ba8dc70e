"""What a bot is doing at the moment: failures are logged, never raised into discord.py's loop, and the end waits."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.core.telemetry import get_logger

log = get_logger(__name__)


class UnderWay:
    """The tasks that write or answer right now."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """The current task does this; whatever it raises is logged and goes no further."""
        task = asyncio.current_task()
        assert task is not None, "listeners and commands run in tasks"  # noqa: S101 - discord.py makes one for each
        self._tasks.add(task)
        try:
            yield
        except Exception:
            log.exception("bot.failed", at=what)
        finally:
            self._tasks.discard(task)

    async def done(self, seconds: float) -> bool:
        """Wait until all of it is done, or for so long → whether it is."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        return not self._tasks
