"""A runner in a thread with an event loop of its own, beside a worker that is synchronous."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from app.engine.tasks.runner import Runner

_new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with contextlib.suppress(ImportError):  # no wheel for this platform
    import uvloop

    _new_loop = uvloop.new_event_loop


class RunnerThread:
    """A runner that runs; `wake` and `stop` from any thread."""

    def __init__(self, runner: Runner) -> None:
        """Start it; returns when it can be woken and stopped."""
        self._runner = runner
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main, name="tasks", daemon=True)
        self._thread.start()
        self._started.wait()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look for tasks now."""
        self._runner.wake()

    def stop(self, timeout_seconds: float = 10.0) -> bool:
        """Ask it to end and wait → whether it has ended in time."""
        self._call(self._stop.set)
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _call(self, function: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function)

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._run())
        finally:
            self._started.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await self._runner.run(self._stop)


def start_in_thread(runner: Runner) -> RunnerThread:
    """Run it in a thread of its own until `stop`."""
    return RunnerThread(runner)
