"""The engine's values, and the contract of whoever handles a sender's callbacks.

Values are frozen msgspec structs: they cost a tenth of a frozen dataclass, and the hot path makes several a callback.
None of them can be part of a cycle, so the garbage collector need not look at them (`gc=False`).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec
from sqlalchemy import Connection

from app.core.errors import ProcessingError


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request as it came, within the limits of `receive`."""

    provider: str
    body: bytes
    #: lower-case names; a repeated header keeps its first value
    headers: Mapping[bytes, bytes]
    remote_addr: str
    received_at: int  # microseconds, UTC
    #: what the address was asked with; the hot path only ever carries these
    method: str = "POST"
    query: bytes = b""
    #: the address's path where it is not the plain one of its handler: with a slash at its end, or escaped
    path: str = ""


class Verification(msgspec.Struct, frozen=True, gc=False):
    """What proves the sender, or why nothing does. Every malformed input is a verdict, never an exception.

    `how` is what the log keeps: `signature` (`signature:2` when the second secret fitted), `token`, `unverified`,
    `caller`, `status_api`; empty when refused. `status` is the HTTP status of a refusal: 401 proves nothing,
    400 cannot be read, 503 not configured. `reason` is a word of `core.refusals`, `field` the body's field or the
    header that is wrong, `detail` a sentence where it knows more than that table.
    """

    how: str
    status: int = 200
    reason: str = ""
    field: str = ""
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the sender is believed."""
        return self.status == HTTPStatus.OK


UNVERIFIED = Verification("unverified")

#: In the log and in the engine's look-up, `event/discord` is another sender than `discord`.
EVENT_PREFIX = "event/"


class Identity(msgspec.Struct, frozen=True, gc=False):
    """What kind of callback it is, and two keys that the log keeps with it.

    Neither key decides anything here: what is a repetition is decided by the facts and by the tasks' own keys, the
    order by the log's one partition. `event_key` is equal when a sender tells the same once more, for people who look
    at it; `ordering_key` names what it must stay in order with (its order), for a log of several partitions.
    """

    event_type: str
    event_key: str
    ordering_key: str


class Callback(msgspec.Struct, frozen=True, gc=False):
    """One request kept in the log, with its bytes."""

    id: int  # rises with time; about the clock's microseconds
    partition: int
    provider: str
    event_type: str
    event_key: str
    ordering_key: str
    received_at: int  # microseconds, UTC
    headers: str  # JSON object of those that matter, "" for none
    body: bytes
    verification: str
    remote_addr: str


#: A callback before it has an id: the columns of `Callback` after `id`, in their order.
Row: TypeAlias = tuple[int, str, str, str, str, int, str, bytes, str, str]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a sender is told."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    #: why it refuses, a word of `core.refusals`; empty when it does not
    reason: str = ""


class OutcomeWord(StrEnum):
    """What became of one callback; the words of the house's law."""

    APPLIED = "applied"  # it added a fact
    DUPLICATE = "duplicate"  # it told nothing new
    IGNORED = "ignored"  # understood, says nothing about an order
    PARKED = "parked"  # its order is not announced yet
    IN_DOUBT = "in_doubt"  # the sender's API is being asked
    REJECTED = "rejected"  # not believed: dead letter with the reason
    SET_ASIDE = "set_aside"  # our own code failed on it: dead letter with the error


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one callback, and why."""

    callback_id: int
    word: OutcomeWord
    reason: str = ""  # a stable word such as `fields_disagree`; texts for people are rendered from it
    order_no: int | None = None
    #: values a person needs beside the reason (both sides of a disagreement); JSON-able, no secrets
    detail: Mapping[str, Any] = {}


class Handler(Protocol):
    """What the engine needs of a handler; `app.callbacks.base` implements it for the specification's classes."""

    #: the name in `/callbacks/webhook/{name}` or `/callbacks/event/{name}`
    name: str
    #: header names, lower case, that the log keeps
    kept_headers: tuple[bytes, ...]

    def verify(self, request: Request, at: int) -> Verification:
        """Prove the sender from raw body and headers; `at` is the clock in microseconds. Never raises."""

    def identify(self, request: Request) -> Identity:
        """Tell what came. Raises UnreadableBody (answered 400)."""

    def kept_body(self, request: Request) -> bytes:
        """The bytes for the log: the body, less what must never be stored."""

    def reply(self, request: Request) -> Answer | None:
        """An answer in the sender's own protocol instead of the ordinary one, or None."""

    def keeps(self, request: Request) -> bool:
        """Whether the log keeps it; a mere probe (Discord's PING) is answered and forgotten."""

    def looks_up(self, request: Request) -> Callable[[], Answer] | None:
        """Of what is not kept: what finds its answer in the state, called in a thread; `reply` where it fails."""

    def probed(self, request: Request) -> Answer | None:
        """What a GET or HEAD of its address is answered, by senders who try an address so; None: 405."""

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Apply effects inside the worker's transaction: one outcome a callback, in their order."""


#: Handlers by name; looked up at each callback, so that a late registration counts at once.
Handlers: TypeAlias = Mapping[str, Handler]

#: Which handler acts on a callback, by its name; pure, and the same whenever it is asked.
Route: TypeAlias = Callable[[Callback], str]


AnyHandler = TypeVar("AnyHandler", bound=Handler)


class RoutedHandlers(Mapping[str, AnyHandler]):
    """Handlers of which another may act on a callback than the one that proved its sender."""

    @property
    def route(self) -> Route | None:
        """None: each sender's own handler acts; nobody pays for the question then."""
        return None


def acting(handlers: Handlers, callback: Callback) -> tuple[str, Handler | None]:
    """The handler that acts on a callback, and its name; None where nobody is registered under it.

    Raises ProcessingError where the routing fails.
    """
    route = handlers.route if isinstance(handlers, RoutedHandlers) else None
    try:
        name = callback.provider if route is None else routed(route, callback)
    except Exception as error:
        told = f"{type(error).__name__}: {error}"[:200]
        raise ProcessingError(f"the routing of callback {callback.id} failed: {told}") from error
    return name, handlers.get(name)


def acts(handlers: Handlers, callback: Callback) -> Handler | None:
    """The handler that acts on a callback, for showing it; None also where the routing fails."""
    try:
        return acting(handlers, callback)[1]
    except ProcessingError:
        return None


def routed(route: Route, callback: Callback) -> str:
    """The name that a route tells. Raises what it raises, and TypeError for what is no name."""
    name: object = route(callback)
    if not isinstance(name, str):
        raise TypeError(f"route returned {type(name).__name__}; it returns a handler's name")
    return name


#: Called once with the answer when it is known, in the event loop's thread.
Done: TypeAlias = Callable[[Answer], None]
