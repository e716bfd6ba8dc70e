"""Calls that block, in threads that nobody waits for at the end of the process."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Given = TypeVar("Given")


class Threads(Generic[Given]):
    """At most so many calls at once, those included whose caller has gone: a call in a thread cannot be cut."""

    def __init__(self, at_most: int) -> None:
        """Each call has a daemon thread of its own: a pool's would be joined when the interpreter ends."""
        self._free = threading.BoundedSemaphore(at_most)

    async def call(self, function: Callable[[], Given], busy: Given) -> Given:
        """What it returns or raises; `busy` where all threads hang in earlier calls."""
        if not self._free.acquire(blocking=False):
            return busy
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Given] = loop.create_future()

        def end(result: Given | None, error: BaseException | None) -> None:
            if told.done():  # its caller has gone
                return
            if error is not None:
                told.set_exception(error)
            else:
                told.set_result(result)  # type: ignore[arg-type] # None only where Given allows it

        def run() -> None:
            result, failed = None, None
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - told to the caller
                failed = error
            finally:
                self._free.release()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody to tell
                loop.call_soon_threadsafe(end, result, failed)

        try:
            threading.Thread(target=run, name="channel", daemon=True).start()
        except BaseException:
            self._free.release()
            raise
        return await told
