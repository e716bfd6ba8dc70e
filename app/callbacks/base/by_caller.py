"""A direct call's `handle(data)`: carried out by the caller's process as the first try of its task in the slow lane.

The task is enqueued with the callback, claimed by this process: when it is killed in the middle, the lease ends and the
slow lane handles the callback. So a direct call never leaves half of it.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from app.callbacks.base.handing_over import (
    HandlerPerformer,
    refusal_of,
    result_of,
    run,
    settle,
    task_of,
)
from app.callbacks.base.middleware import Middleware
from app.core.clock import now_us
from app.core.database import writing
from app.core.errors import DatabaseError, ValidationError
from app.core.telemetry import get_logger, redact
from app.engine.callback import Callback, Outcome, OutcomeWord
from app.engine.tasks import Failure, Result, Task
from app.engine.tasks.leases import enqueue_claimed, extend
from app.engine.tasks.policy import after_try
from app.engine.tasks.queue import Ending, finish, held, release
from app.engine.tasks.results import words_of

#: How long after a kill the slow lane takes over; and how often a process that lives says so.
LEASE_SECONDS = 60
_RENEW_SECONDS = LEASE_SECONDS / 3
_SECOND = 1_000_000

log = get_logger(__name__)

Written = TypeVar("Written")


class Claiming:
    """Stands in for a handler while its callback is decided: enqueues the task, claimed, in that transaction."""

    def __init__(self, name: str) -> None:
        """`name` of the handler."""
        self.name = name
        self.task: Task | None = None

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """One callback, which the caller handles."""
        (callback,) = callbacks
        # From now, not from when it was received: it may have waited for the lock for long.
        self.task = enqueue_claimed(connection, task_of(callback, self.name, at), now_us(), LEASE_SECONDS * _SECOND)
        return [Outcome(callback.id, OutcomeWord.APPLIED, "handled_directly")]


async def carry_out(
    handler: Any,
    callback: Callback,
    data: Any,
    task: Task,
    bind: Engine | Connection,
    *,
    middleware: Sequence[Middleware] = (),
) -> Any:
    """`handle(data)` → what it returned; what it raises is raised, once it is written that the slow lane goes on."""
    renewing = asyncio.create_task(_renew(bind, task)) if isinstance(bind, Engine) else None
    try:
        value = await run(handler, callback, data, attempt=task.tries, middleware=middleware)
    except ValidationError as error:
        await _tell(bind, task, refusal_of(error))
        raise
    except Exception as error:
        await _tell(bind, task, Failure(words_of(error, redact)))
        raise
    except BaseException:  # the caller gave up waiting; the callback is not given up
        if isinstance(bind, Connection):
            _give_back(bind, task)
        else:
            _clerk.submit(_give_back, bind, task)  # a state that is locked must not hold up this loop
        raise
    finally:
        if renewing is not None:
            renewing.cancel()
    await _tell(bind, task, result_of(value))
    return value


async def _tell(bind: Engine | Connection, task: Task, result: Result) -> None:
    """Write how the try ended. A state that is in trouble costs at most another try, never the answer."""
    try:
        if isinstance(bind, Connection):  # a test's fixture: its connection stays in its thread
            _finish(bind, task, result)
        else:
            await _by_clerk(_finish, bind, task, result)
    except (SQLAlchemyError, DatabaseError) as error:
        log.warning("try_not_written", task=task.id, error=words_of(error, redact))


def _give_back(bind: Engine | Connection, task: Task) -> None:
    try:
        with writing(bind) as connection:
            release(connection, [task], now_us())
    except (SQLAlchemyError, DatabaseError) as error:  # then its lease ends
        log.warning("try_not_written", task=task.id, error=words_of(error, redact))


def _finish(bind: Engine | Connection, task: Task, result: Result) -> None:
    at = now_us()
    proposed = after_try(task, result, at, random.random(), HandlerPerformer.policy)  # noqa: S311 - jitter
    with writing(bind) as connection:
        # Who was overtaken tells nothing of the callback: the slow lane has it.
        verdict = settle(connection, task, result, proposed, at) if held(connection, [task]) else proposed
        finish(connection, [Ending(task, verdict, task.created_at)], at)


async def _renew(bind: Engine, task: Task) -> None:
    """Hold the task while the handler runs. One that blocks this loop for longer may be handled twice."""
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        try:
            if not await _by_clerk(_extend, bind, task):
                log.warning("lease_lost", task=task.id)
                return
        except (SQLAlchemyError, DatabaseError) as error:
            log.warning("lease_not_extended", task=task.id, error=words_of(error, redact))


def _extend(bind: Engine, task: Task) -> bool:
    with writing(bind) as connection:
        return extend(connection, task, now_us() + LEASE_SECONDS * _SECOND)


#: A thread of its own: the loop's others may all be busy with an application's work for longer than a lease lasts.
_clerk = ThreadPoolExecutor(1, "callbacks-clerk")


async def _by_clerk(write: Callable[..., Written], *arguments: Any) -> Written:
    return await asyncio.get_running_loop().run_in_executor(_clerk, write, *arguments)
