"""The specification's base classes: what a handler of callbacks is, and how little of it one has to write.

A handler says how to *verify* a sender, how to *identify* a callback, and what to *do*. Senders with orders give
`facts`; handlers of your own have `async def handle(self, data)`, which runs after the answer in the slow lane, or
`apply(self, connection, callbacks)`, which runs inside the worker's transaction.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection

from app.callbacks.base import direct
from app.callbacks.base.handing_over import current_callback, hand_over, header_name
from app.callbacks.base.own_apply import as_the_engine_calls, is_own
from app.callbacks.base.reading import decode_any, digest_of, object_of, read, text_of
from app.core.config import Settings, get_settings, secrets_of
from app.core.errors import FieldError, HandlerNameTaken, UnreadableBody
from app.core.telemetry import get_logger
from app.engine.admission import bearer
from app.engine.callback import (
    EVENT_PREFIX,
    UNVERIFIED,
    Answer,
    Callback,
    Identity,
    Outcome,
    OutcomeWord,
    Request,
    Verification,
)
from app.engine.peers import is_foreign
from app.ledger.book import Policy
from app.ledger.facts import Level, Told
from app.ledger.record import Telling, record
from app.operate.policy import UNASKED
from app.providers.schemes import Verdict, fixed_token

if TYPE_CHECKING:
    from app.callbacks.confirming import Confirmer

log = get_logger(__name__)

NOT_CONFIGURED = Verification("", 503, "not_configured")
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_FIRST = {how: Verification(how) for how in ("signature", "token")}


class BaseCallbackHandler:
    """A handler of callbacks; the engine's `Handler` contract with a sensible answer to every question."""

    kind: Literal["webhook", "event"] = "webhook"
    name: str = ""
    provider: str = ""
    #: header names that the log keeps, lower case
    kept_headers: tuple[bytes, ...] = ()
    #: what proves the sender, for `GET /callbacks/handlers`: `signature`, `token`, `nothing`
    proof: str = "nothing"
    #: whether production takes callbacks that nothing proves
    unverified_ok: bool = False

    #: whether another handler may be registered in its place without `replace`
    gives_way: bool = False

    #: whether `apply` is code of somebody's own: then nobody knows beforehand what it does
    own_apply: bool = False

    #: the name in the address, once it is registered
    registered_as: str = ""
    #: the manager then: its database where none was given, its middleware
    registered_with: Any = None

    _settings: Settings | None = None
    _db: Any = None
    _told_unverified = False

    def __init_subclass__(cls, **more: Any) -> None:
        """Adapt what you wrote: `apply` may leave out `at` and return nothing for "applied", headers may be text.

        A `handle` of your own, called by anybody but the slow lane, is a direct call once the handler is registered.
        """
        super().__init_subclass__(**more)
        cls.kept_headers = tuple(header_name(name) for name in cls.kept_headers)
        if "apply" in cls.__dict__:
            cls.own_apply = is_own(cls.__dict__["apply"])
            cls.apply = as_the_engine_calls(cls.__dict__["apply"])  # type: ignore[method-assign]
        if "handle" in cls.__dict__:
            cls.handle = direct.as_a_direct_call(cls.__dict__["handle"])  # type: ignore[method-assign]

    def __init__(self, name: str, *, db: Any = None, settings: Settings | None = None) -> None:
        """`name` is for people; callbacks carry the name under which the handler is registered."""
        self.name = name
        self._db = db
        self._settings = settings

    @property
    def settings(self) -> Settings:
        """Those given, else the process'."""
        return self._settings or get_settings()

    @property
    def configured(self) -> bool:
        """Whether what proves the sender is set up."""
        return type(self).verify is not BaseCallbackHandler.verify or self.unverified_ok

    @property
    def log_name(self) -> str:
        """What the log calls its callbacks: the registered name; events stand apart from senders of the same name."""
        name = self.registered_as or self.provider or self.name
        return f"{EVENT_PREFIX}{name}" if self.kind == "event" else name

    @property
    def hands_over(self) -> bool:
        """Whether callbacks wait for `handle(data)` in the slow lane, because there is no `apply`."""
        return type(self).apply is BaseCallbackHandler.apply

    async def handle(
        self,
        data: Any,
        *,
        headers: Mapping[str, str] | None = None,
        raw_body: bytes | None = None,
        trusted: bool = False,
    ) -> Any:
        """Take a callback directly: the same way as over HTTP, in this process, finished when it returns.

        → `{"success", "message", "outcome", "callback_id"}`. A handler of your own overrides it and gets `data` alone;
        called directly it takes the other arguments too, and returns what your `handle` returns.
        """
        call = direct.Call(self.log_name, data, headers or {}, raw_body, trusted)
        return await self.called_directly(call)

    async def called_directly(self, call: direct.Call) -> Any:
        """Take a direct call where this handler, or the manager that it is registered with, keeps its state."""
        manager = self.registered_with
        db = self._db if self._db is not None or manager is None else manager.db
        middleware = () if manager is None else manager.middleware
        acting = None if manager is None else manager.router.acting
        return await direct.take(self, call, settings=self.settings, db=db, middleware=middleware, acting=acting)

    def read(self, body: bytes) -> Any:
        """The kept bytes → what `handle` gets: JSON. Raises UnreadableBody. Override for senders of other formats."""
        return read(decode_any, body)

    def verify(self, request: Request, at: int) -> Verification:
        """Nothing proves the sender: taken in development, refused in production unless `unverified_ok` says so."""
        del at
        return UNVERIFIED if self.unverified_ok else self.unproved(request)

    def unproved(self, request: Request) -> Verification:
        """What a callback is that nothing could prove, because no secret is set.

        In development it is believed from this machine only: an application that mounts the router may listen to all.
        """
        if self.settings.production or is_foreign(request.remote_addr):
            return NOT_CONFIGURED
        if not self._told_unverified:
            self._told_unverified = True
            log.warning("unverified", handler=self.name, why="nothing is configured that proves its sender")
        return UNVERIFIED

    def identify(self, request: Request) -> Identity:
        """By the fields that senders commonly use; raises UnreadableBody (400) for what `read` cannot read."""
        data = object_of(self.read(request.body))
        event_type = _first_text(data, ("event_type", "event", "type")) or "callback"
        return Identity(event_type[:64], _first_text(data, ("id", "event_id")) or digest_of(request.body), "")

    def kept_body(self, request: Request) -> bytes:
        """All of it."""
        return request.body

    def reply(self, request: Request) -> Answer | None:
        """The ordinary answer."""
        del request
        return None

    def keeps(self, request: Request) -> bool:
        """Everything is kept."""
        del request
        return True

    def looks_up(self, request: Request) -> Callable[[], Answer] | None:
        """Nothing is."""
        del request
        return None

    def probed(self, request: Request) -> Answer | None:
        """Nobody tries the address by GET or HEAD."""
        del request
        return None

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """`apply(connection, callbacks, at)` → an outcome each: hands them over to `handle(data)`.

        Override it as `apply(self, connection, callbacks)` for effects inside the worker's own transaction: called
        once for several callbacks, in order, committed together with their outcomes or not at all.
        """
        return hand_over(self.log_name, *args, **kwargs)


class WebhookCallbackHandler(BaseCallbackHandler):
    """A handler at `/callbacks/webhook/{name}`."""

    kept_headers: tuple[bytes, ...] = (b"content-type", b"user-agent")

    def __init__(self, name: str, provider: str = "", *, db: Any = None, settings: Settings | None = None) -> None:
        """`name` for people, `provider` the sender."""
        super().__init__(name, db=db, settings=settings)
        self.provider = provider or name


class EventCallbackHandler(BaseCallbackHandler):
    """A handler at `/callbacks/event/{name}`: events of your own programs, proved by the management token."""

    kind: Literal["webhook", "event"] = "event"
    proof = "token"
    #: further event types that `route_event` brings here by their own name
    event_types: tuple[str, ...] = ()

    def __init__(
        self, name: str, event_type: str | None = None, *, db: Any = None, settings: Settings | None = None
    ) -> None:
        """`event_type`: the one it is for; by default any."""
        super().__init__(name, db=db, settings=settings)
        self.provider = name
        if event_type:
            self.event_types = (*self.event_types, event_type)

    @property
    def configured(self) -> bool:
        """Whether a management token is set."""
        return bool(secrets_of(self.settings.callback_admin_token))

    def verify(self, request: Request, at: int) -> Verification:
        """The bearer token of the management addresses."""
        return proved_by_admin_token(self, request, at)

    def identify(self, request: Request) -> Identity:
        """By `event_type`, which must be there; raises UnreadableBody (400)."""
        data = object_of(self.read(request.body))
        event_type = text_of(data.get("event_type"))
        if not event_type:
            raise UnreadableBody("is missing; an event says what happened", field="event_type")
        return Identity(event_type[:64], digest_of(request.body), text_of(data.get("path")))


class OrderCallbackHandler(WebhookCallbackHandler, ABC):
    """A sender with orders: `verify`, `identify` and `facts`; what follows for money is the ledger's."""

    @abstractmethod
    def facts(self, callback: Callback) -> Told:
        """What this callback says about an order, or why it cannot be read. Pure, and never raises."""

    def row(self, callback: Callback) -> str:
        """The line of its table that a callback's words match, for people; "" where there is no table."""
        del callback
        return ""

    @property
    def confirmer(self) -> "Confirmer | None":
        """Who asks its API about what is in doubt; by default there is nobody to ask."""
        return None

    def policy(self) -> Policy:
        """How its doubts are treated; by default there is nobody to ask."""
        return UNASKED

    def telling(self, callback: Callback) -> Telling:
        """The facts with how well they are proved."""
        level = level_of(callback.verification)
        return Telling(callback.id, callback.provider, self.facts(callback), level, callback.received_at)

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Record what they tell, inside the worker's transaction."""
        tellings = [self.telling(callback) for callback in callbacks]
        return record(connection, tellings, at=at, policy=self.policy())


class Handlers(dict[str, BaseCallbackHandler]):
    """Handlers by name. `handlers[name]` also finds those that nobody registered (`find`), without listing them."""

    find: Callable[[str], BaseCallbackHandler | None] | None = None

    def __missing__(self, name: str) -> BaseCallbackHandler:
        """Raises KeyError for a name that nobody knows."""
        found = self.find(name) if self.find is not None else None
        if found is None:
            raise KeyError(name)
        return found


class CallbackRegistry:
    """Handlers by name; a plain dict inside, looked up at each callback, so that a late registration counts at once."""

    def __init__(self) -> None:
        self.handlers = Handlers()

    def register(self, name: str, handler: BaseCallbackHandler, *, replace: bool = False) -> None:
        """Raises FieldError for a name that no address can carry, HandlerNameTaken for one that is taken."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise FieldError("name", "a handler's name has 1 to 64 of a-z 0-9 _ -")
        if isinstance(handler, type) and issubclass(handler, BaseCallbackHandler):
            raise FieldError("handler", f"is a class; register one of it: {handler.__name__}(…)")
        if not isinstance(handler, BaseCallbackHandler):
            raise FieldError("handler", "must be a WebhookCallbackHandler or an EventCallbackHandler")
        if handler.hands_over and type(handler).handle is BaseCallbackHandler.handle:
            raise FieldError(
                "handler", "has neither `async def handle(self, data)` nor `apply(self, connection, callbacks)`"
            )
        if name in self.handlers and not replace and not self.handlers[name].gives_way:
            raise HandlerNameTaken(name)
        twin = next((other for other, known in self.handlers.items() if known is handler and other != name), None)
        if twin is not None:
            raise FieldError("handler", f"is registered as {twin!r}; make another one of its class for {name!r}")
        handler.registered_as = name
        self.handlers[name] = handler

    def get(self, name: str) -> BaseCallbackHandler | None:
        """The handler of this name, or None."""
        return self.handlers.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.handlers)

    def __len__(self) -> int:
        return len(self.handlers)


def level_of(verification: str) -> Level:
    """How well a fact is proved, from what the log keeps of its callback's proof."""
    if verification == UNVERIFIED.how:
        return Level.UNVERIFIED
    return Level.CONFIRMED if verification == "status_api" else Level.SIGNED


def proved(verdict: Verdict, how: str = "signature", *, field: str = "") -> Verification:
    """A scheme's verdict as the engine's verification: which secret fitted, or 401 with the reason.

    `field`: the body's field or the header that carries the proof, for the sender who has to mend it.
    """
    if verdict.fitted == 1:
        return _FIRST[how]
    if verdict.fitted:
        return Verification(f"{how}:{verdict.fitted}")
    return Verification("", 401, verdict.reason, field)


def proved_by_admin_token(handler: BaseCallbackHandler, request: Request, at: int) -> Verification:
    """By the bearer token of the management addresses: for what programs of the shop's own hand in."""
    tokens = secrets_of(handler.settings.callback_admin_token, at)
    if not tokens:
        return handler.unproved(request)
    told = bearer(request.headers.get(b"authorization", b""))
    return proved(fixed_token(told, tokens), how="token", field="Authorization")


def kept_for_later(connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
    """The `apply` of handlers whose callbacks are proved, kept and answered, and mean nothing to an order."""
    del connection, at
    return [Outcome(callback.id, OutcomeWord.IGNORED, "kept_for_later") for callback in callbacks]


def _first_text(data: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((text for name in names if (text := text_of(data.get(name)))), "")


__all__ = [
    "NOT_CONFIGURED",
    "BaseCallbackHandler",
    "CallbackRegistry",
    "EventCallbackHandler",
    "OrderCallbackHandler",
    "WebhookCallbackHandler",
    "current_callback",
    "kept_for_later",
    "level_of",
    "proved",
    "proved_by_admin_token",
]
