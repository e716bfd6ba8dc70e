"""Answers that need the state, for senders that wait for them: looked up in a thread, with a time limit, not kept.

Whatever goes wrong, the sender has its other answer in time; the event loop only waits.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.core.telemetry import get_logger
from app.engine.callback import Answer, Done

SECONDS = 2.0  # Discord waits for three

log = get_logger(__name__)

#: Few: what is looked up is small, and receiving needs the processor.
_threads = ThreadPoolExecutor(2, "callbacks-looking-up")
_AT_ONCE = 32  # more would wait longer than their senders
_under_way: set[asyncio.Future[Answer]] = set()


def look_up(find: Callable[[], Answer], otherwise: Answer, done: Done, *, seconds: float = SECONDS) -> None:
    """Call `done` once, in the event loop's thread: with what `find` gives, or `otherwise` when it fails or is late."""
    if len(_under_way) >= _AT_ONCE:
        done(otherwise)
        return
    loop = asyncio.get_running_loop()
    found = loop.run_in_executor(_threads, find)
    _under_way.add(found)
    answered = False

    def answer(told: Answer) -> None:
        nonlocal answered
        if not answered:
            answered = True
            late.cancel()
            done(told)

    def too_late() -> None:
        found.cancel()  # one that has not begun yet
        answer(otherwise)

    def ended(future: asyncio.Future[Answer]) -> None:
        _under_way.discard(future)
        error = future.exception() if not future.cancelled() else None
        if error is not None:
            log.warning("look_up_failed", error=type(error).__name__)
        answer(otherwise if error is not None or future.cancelled() else future.result())

    late = loop.call_later(seconds, too_late)
    found.add_done_callback(ended)
