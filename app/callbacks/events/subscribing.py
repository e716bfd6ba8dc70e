"""`@callback_manager.on("transaction.settled")`: functions of the application that hear of domain events."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson
from sqlalchemy import Engine

from app.callbacks.base.handing_over import refusal_of, result_of, tell_failed, told_of
from app.callbacks.base.middleware import call_own
from app.core.database import reading
from app.core.errors import FieldError, HandlerNameTaken, ValidationError
from app.core.telemetry import get_logger
from app.engine.tasks import Circuit, Failure, Policy, Result, Settle, Task
from app.operate.endpoints.delivering import settle
from app.operate.endpoints.events import Event, event_at, patterns_from
from app.operate.endpoints.subscribed import PREFIX

log = get_logger(__name__)

_NAME_CHARS_MAX = 120


class Subscriber(msgspec.Struct, frozen=True):
    """A function that hears of the events that its patterns fit."""

    name: str  # the same over restarts: by it is known how far it has heard
    patterns: str
    function: Callable[[Event], Any]


class Subscribers:
    """The functions of this process, by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Subscriber] = {}

    def add(self, patterns: tuple[str, ...], function: Callable[[Event], Any], name: str | None) -> None:
        """Raises FieldError for a pattern that fits nothing, HandlerNameTaken for a second function of one name."""
        if not callable(function):
            raise FieldError("on", "decorates a function that takes one event")
        told = patterns_from("on", patterns)
        if not told:
            raise FieldError("on", "names no event")
        given = name or _name_of(function)
        if len(given) > _NAME_CHARS_MAX or not given.isprintable():
            raise FieldError("name", f"must be printable text of at most {_NAME_CHARS_MAX} characters")
        full = f"{PREFIX}{given}"
        if full in self.by_name and self.by_name[full].function is not function:
            raise HandlerNameTaken(given)
        known = self.by_name.get(full)
        both = f"{known.patterns},{told}" if known else told
        self.by_name[full] = Subscriber(full, patterns_from("on", both), function)


def _name_of(function: Any) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name:
        raise FieldError("name", "must be given for what has none of its own: on(…, name='thank')")
    return f"{module}:{name}"


class CallPerformer:
    """Carries events to functions in the slow lane, each with retries, time-out and dead letter."""

    policy = Policy()
    concurrency = 8
    rate_in_all_per_second: float | None = None
    circuit: Circuit | None = None  # one event that fails says nothing of the next one
    timeout_seconds = 60.0

    def __init__(self, engine: Engine, subscribers: Mapping[str, Subscriber]) -> None:
        """`subscribers` is looked up at each task, so that a late one counts."""
        self._engine = engine
        self._subscribers = subscribers

    def rate_of(self, destination: str) -> float | None:
        """Any."""
        del destination
        return None

    async def perform(self, task: Task) -> Result:
        """One go of one function at one event; one that returns `{"success": False}` failed and is tried again."""
        subscriber = self._subscribers.get(task.destination)
        if subscriber is None:
            told = f"no function of the worker is {task.destination.removeprefix(PREFIX)!r}"
            return Failure(told, counts=False, reason="subscriber_missing")
        event = await asyncio.to_thread(self._read, orjson.loads(task.payload)["event"])
        if event is None:
            return Failure("the event is no longer kept", final=True, reason="event_gone")
        try:
            return result_of(await call_own(subscriber.function, event))
        except ValidationError as error:
            log.warning("subscriber_refused", **told_of(task, error))
            return refusal_of(error)
        except Exception as error:
            tell_failed("subscriber_failed", task, error)
            raise

    @property
    def settle(self) -> Settle:
        """Keep when it heard last."""
        return settle

    def _read(self, number: int) -> Event | None:
        with reading(self._engine) as connection:
            return event_at(connection, number)
