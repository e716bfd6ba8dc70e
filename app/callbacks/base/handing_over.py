"""Handlers that only have `handle(data)`: from the worker's transaction to the slow lane, and what they learn there."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import msgspec
from sqlalchemy import Connection

from app.callbacks.base.middleware import Middleware, call_own, chain
from app.callbacks.base.reading import decode_object, shown
from app.core.clock import now_us
from app.core.errors import FileRefused, UnreadableBody, ValidationError
from app.core.telemetry import get_logger, redact
from app.engine.callback import Callback, Outcome, OutcomeWord
from app.engine.outcomes import note
from app.engine.tasks import Circuit, Failure, GiveUp, Policy, Result, Settle, Success, Task, Verdict
from app.engine.tasks.queue import NewTask, enqueue
from app.engine.tasks.results import words_of

log = get_logger(__name__)

#: The kind of the tasks that carry callbacks to handlers.
KIND = "handler"


class CurrentCallback(msgspec.Struct, frozen=True):
    """The callback that a handler's `handle(data)` is running for."""

    id: int
    provider: str  # its sender, by the name in the address
    headers: Mapping[str, str]  # those that the log keeps
    body: bytes
    attempt: int  # 1 at the first go
    idempotency_key: str  # the same at every go


_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)

_current: ContextVar[CurrentCallback] = ContextVar("current_callback")
_running: ContextVar[Any] = ContextVar("running_handler", default=None)


def current_callback() -> CurrentCallback:
    """The callback that is being handled. Raises LookupError outside of a `handle(data)`."""
    try:
        return _current.get()
    except LookupError:
        raise LookupError("no callback is being handled here; current_callback() is for handle(data)") from None


def is_running(handler: Any) -> bool:
    """Whether this very handler is being carried out here: then its `handle` is what it says, and no direct call."""
    return _running.get() is handler


def key_of(name: str, callback_id: int) -> str:
    """Key of the one task that carries this callback to this handler, and its idempotency key."""
    return f"{KIND}:{name}:{callback_id}"


def task_of(callback: Callback, name: str, at: int) -> NewTask:
    """The task that carries this callback to the handler of this name."""
    return NewTask(key_of(name, callback.id), KIND, name, "", due_at=at, callback_id=callback.id)


def result_of(value: Any) -> Result:
    """What a handler returned, as the result of a try: `{"success": False}` says that it failed."""
    if isinstance(value, Mapping) and value.get("success") is False:
        return Failure(shown(value.get("message")) or "the handler says that it failed", reason="handler_failed")
    return Success(value)


def refusal_of(error: ValidationError) -> Failure:
    """What a handler will not take, whenever it is asked: no repetition makes data valid."""
    if isinstance(error, FileRefused):
        return Failure(str(error), final=True, reason=error.reason, value=error.detail)
    return Failure(str(error), final=True, reason="not_valid")


def outcome_of(callback_id: int, value: Any) -> Outcome | None:
    """What a handler returned, as the callback's outcome: `{"reason": word, "detail": {…}, "outcome": "applied"}`.

    None where it gives no reason. `outcome` may be `applied` (the default), `duplicate` or `ignored`.
    """
    reason = value.get("reason") if isinstance(value, Mapping) else None
    if not isinstance(reason, str) or not _WORD.fullmatch(reason):
        return None
    detail, word = value.get("detail"), value.get("outcome")
    told = next((each for each in _TOLD if each == word), OutcomeWord.APPLIED)
    return Outcome(callback_id, told, reason, detail=detail if isinstance(detail, Mapping) else {})


#: What a handler may make of a callback; what it refuses, it raises.
_TOLD = (OutcomeWord.APPLIED, OutcomeWord.DUPLICATE, OutcomeWord.IGNORED)


def hand_over(name: str, connection: Connection, callbacks: Sequence[Callback], at: int | None = None) -> list[Outcome]:
    """Enqueue one task a callback for the handler of this name, in the worker's transaction.

    The task's key guards against doing it twice. One that is done or given up begins anew: only a person who has a
    callback decided again comes here twice.
    """
    due_at = now_us() if at is None else at  # `super().apply(connection, callbacks)` of somebody's own
    enqueue(connection, [task_of(callback, name, due_at) for callback in callbacks], due_at, reopen=True)
    return [Outcome(c.id, OutcomeWord.APPLIED, "handed_over") for c in callbacks]


async def run(
    handler: Any, callback: Callback, data: Any, *, attempt: int, middleware: Sequence[Middleware] = ()
) -> Any:
    """`handle(data)` of this handler inside its middleware, with `current_callback()` set → what it returned."""

    async def innermost(_callback: Callback) -> Any:
        return await call_own(handler.handle, data)

    running = _running.set(handler)
    token = _current.set(
        CurrentCallback(
            callback.id,
            callback.provider,
            headers_of(callback),
            callback.body,
            attempt,
            key_of(handler.log_name, callback.id),
        )
    )
    try:
        return await chain(middleware, innermost)(callback)
    finally:
        _current.reset(token)
        _running.reset(running)


def headers_of(callback: Callback) -> dict[str, str]:
    """The headers that the log kept of a callback."""
    return (
        {name: str(value) for name, value in decode_object(callback.headers.encode()).items()}
        if callback.headers
        else {}
    )


def header_name(name: str | bytes) -> bytes:
    """A header's name as requests have it: lower-case bytes."""
    return (name.encode() if isinstance(name, str) else name).lower()


class HandlerPerformer:
    """Carries callbacks to handlers in the slow lane: reads them from the log, awaits `handle(data)`."""

    policy = Policy()
    concurrency = 8
    rate_in_all_per_second: float | None = None
    circuit: Circuit | None = None  # one callback that fails says nothing of the next one
    timeout_seconds = 60.0

    def __init__(
        self,
        find: Callable[[int], Callback | None],
        handlers: Mapping[str, Any],
        middleware: Sequence[Middleware] = (),
    ) -> None:
        """`find` is the log's `get`; `handlers` is looked up at each task, so that a late registration counts."""
        self._find = find
        self._handlers = handlers
        self._middleware = middleware

    def rate_of(self, destination: str) -> float | None:
        """Any: they are somebody's own."""
        del destination
        return None

    async def perform(self, task: Task) -> Result:
        """One go at one callback; a handler that returns `{"success": False}` failed and is tried again."""
        handler = self._handlers.get(task.destination)
        if handler is None:  # perhaps registered only where the server runs: tried again until a person looks
            return Failure(f"no handler is registered under {task.destination!r}", reason="handler_unknown")
        callback = None if task.callback_id is None else self._find(task.callback_id)
        if callback is None:
            return Failure("the callback is no longer in the log", final=True, reason="callback_gone")
        try:
            data = handler.read(callback.body)
        except UnreadableBody as error:
            return Failure(str(error), final=True, reason="unreadable")
        try:
            value = await run(handler, callback, data, attempt=task.tries, middleware=self._middleware)
        except ValidationError as error:
            log.warning("handler_refused", **told_of(task, error))
            return refusal_of(error)
        except Exception as error:
            tell_failed("handler_failed", task, error)
            raise
        return result_of(value)

    @property
    def settle(self) -> Settle:
        """Keep what the handler told of the callback, in the transaction that writes the result."""
        return settle


def told_of(task: Task, error: BaseException) -> dict[str, str]:
    """What a log line says of a try that failed."""
    number = "" if task.callback_id is None else str(task.callback_id)
    return {"handler": task.destination, "callback_id": number, "error": words_of(error, redact)}


def tell_failed(event: str, task: Task, error: BaseException) -> None:
    """Log an exception of somebody's own code: the traceback once, a line at each further try."""
    first = error if task.tries == 1 else None
    log.error(event, **told_of(task, error), attempt=task.tries, exc_info=first)


def settle(connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
    """What a handler told becomes the callback's outcome; what it refused, the dead letter's detail."""
    if isinstance(result, Success) and task.callback_id is not None:
        told = outcome_of(task.callback_id, result.value)
        if told is not None:
            note(connection, told, at=at)
    if isinstance(proposed, GiveUp) and isinstance(result.value, Mapping):
        return msgspec.structs.replace(proposed, detail={**proposed.detail, **result.value})
    return proposed
