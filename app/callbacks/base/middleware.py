"""How somebody's own functions are called: middleware around them, and ordinary ones in threads."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Any, TypeAlias

from app.core.errors import FieldError
from app.engine.callback import Callback
from app.providers.blocking import Threads

CallNext: TypeAlias = Callable[[Callback], Awaitable[Any]]
#: `async def middleware(callback, call_next)`: returns what `await call_next(callback)` returned, or something else.
Middleware: TypeAlias = Callable[[Callback, CallNext], Awaitable[Any]]

#: Calls that hang beyond their time-out still hold a thread each.
_THREADS_MAX = 32
_BUSY = {"success": False, "message": f"{_THREADS_MAX} earlier calls still hang"}
_threads: Threads[Any] = Threads(_THREADS_MAX)


async def call_own(function: Callable[[Any], Any], argument: Any) -> Any:
    """Call what somebody wrote; an ordinary function has a thread of its own, so that nothing else waits for it."""
    if is_async(function):
        return await function(argument)
    inside = copy_context()  # `current_callback()` works there, too
    value = await _threads.call(lambda: inside.run(function, argument), _BUSY)
    return await value if inspect.isawaitable(value) else value


def is_async(function: Any) -> bool:
    """Whether calling it gives something to await: an `async def`, or an object with such a `__call__`."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - whether it is async, not whether it can be called


def check_middleware(middleware: Any) -> None:
    """Raises FieldError for what is no `async def middleware(callback, call_next)`."""
    if not is_async(middleware):
        raise FieldError("middleware", "must be `async def middleware(callback, call_next)`")
    try:
        inspect.signature(middleware).bind(None, None)
    except TypeError as error:
        raise FieldError("middleware", f"cannot be called with a callback and call_next: {error}") from None


def chain(middleware: Sequence[Middleware], innermost: CallNext) -> CallNext:
    """The middleware around `innermost`, the first added outermost."""
    call = innermost
    for wrap in reversed(middleware):
        call = _wrapped(wrap, call)
    return call


def _wrapped(wrap: Middleware, call_next: CallNext) -> CallNext:
    async def call(callback: Callback) -> Any:
        return await wrap(callback, call_next)

    return call
