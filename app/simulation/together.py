"""Much of the same kind side by side; the first error ends all of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Thing = TypeVar("Thing")


async def side_by_side(things: Iterable[Thing], do: Callable[[Thing], Awaitable[None]], lanes: int) -> None:
    """Do this with each thing, so many at a time; things are taken when a lane is free."""
    waiting = iter(things)

    async def lane() -> None:
        for thing in waiting:
            await do(thing)

    tasks = [asyncio.create_task(lane()) for _ in range(lanes)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
