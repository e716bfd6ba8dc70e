"""The registry of handlers, and the process' one manager; all else is done elsewhere."""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection

from app.callbacks.base import direct
from app.callbacks.base.base_handlers import BaseCallbackHandler, CallbackRegistry
from app.callbacks.base.handing_over import HandlerPerformer
from app.callbacks.base.middleware import Middleware, check_middleware
from app.callbacks.catalogue.mounting import Mounting
from app.callbacks.discord.discord_callbacks import DiscordBotEventHandler, DiscordSlashCommandHandler
from app.callbacks.discord.extra import need_discord_py
from app.callbacks.events.subscribing import Subscriber, Subscribers
from app.callbacks.file_monitor.file_callbacks import FileMonitorCallbackHandler, FileUploadCallbackHandler
from app.callbacks.notification.notification_callbacks import (
    DiscordWebhookHandler,
    NotificationCallbackFactory,
    NotificationWebhookHandler,
    TelegramWebhookHandler,
)
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.callbacks.plug_ins import load_plug_ins
from app.callbacks.ppob.ppob_callbacks import DigiflazzCallbackHandler
from app.callbacks.routing import CallbackRouter, Rule
from app.callbacks.telegram.telegram_callbacks import TelegramUpdateHandler
from app.core.config import Settings, get_settings
from app.core.errors import FieldError, StartRefused
from app.core.telemetry import hide_settings
from app.engine.callback import EVENT_PREFIX, Callback, Route, RoutedHandlers
from app.engine.log import Log
from app.operate.endpoints.events import Event

if TYPE_CHECKING:
    from app.callbacks.inside import InsideWorker

Function = TypeVar("Function", bound=Callable[[Event], Any])


class CallbackManager:
    """Handlers by name, and the middleware around those that have only `handle(data)`."""

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """With the handlers of the specification; `db` is where direct calls do their work."""
        self.db = db
        self.settings = settings or get_settings()
        hide_settings(self.settings)
        self.middleware: list[Middleware] = []
        self.rules: list[Rule] = []
        #: which handler acts on a callback; `use_router` changes it
        self.router = CallbackRouter(self)
        #: the worker inside this process, if it was asked for; `worker.stop()` ends it
        self.worker: InsideWorker | None = None
        self._subscribers = Subscribers()
        #: functions that hear of domain events, by the name under which it is known how far they have heard
        self.subscribers: Mapping[str, Subscriber] = self._subscribers.by_name
        self._webhooks = CallbackRegistry()
        self._events = CallbackRegistry()
        for maker in (
            MidtransCallbackHandler,
            DigiflazzCallbackHandler,
            DiscordSlashCommandHandler,
            TelegramUpdateHandler,
            NotificationWebhookHandler,
            DiscordWebhookHandler,
            TelegramWebhookHandler,
        ):
            handler = maker(db, self.settings)
            self.register_handler(handler.name, handler)
        for channel_handler in NotificationCallbackFactory.channel_handlers(db, self.settings):
            self.register_handler(channel_handler.name, channel_handler)
        for event_maker in (FileMonitorCallbackHandler, FileUploadCallbackHandler, DiscordBotEventHandler):
            event_handler = event_maker(db, self.settings)
            self.register_handler(event_handler.name, event_handler)
        self.providers = Mounting(db, self.settings)
        for catalogued in self.providers.configured():
            if catalogued.name not in self.handlers:
                self.register_handler(catalogued.name, catalogued)
        self._webhooks.handlers.find = self._find
        #: for the engine: webhooks by name, events as `event/{name}`; looked up live
        self.lookup: Mapping[str, BaseCallbackHandler] = _Lookup(self)

    @property
    def handlers(self) -> dict[str, BaseCallbackHandler]:
        """Those at `/callbacks/webhook/{name}`."""
        return self._webhooks.handlers

    @property
    def event_handlers(self) -> dict[str, BaseCallbackHandler]:
        """Those at `/callbacks/event/{name}`."""
        return self._events.handlers

    def register_handler(self, name: str, handler: BaseCallbackHandler, replace: bool = False) -> None:  # noqa: FBT001, FBT002 - the contract's form
        """Mount a handler at once, before or after start-up.

        Raises HandlerNameTaken unless `replace`, FieldError for a name or handler that cannot be.
        """
        registry = self._events if getattr(handler, "kind", "") == "event" else self._webhooks
        registry.register(name, handler, replace=replace)
        handler.registered_with = self

    def _find(self, name: str) -> BaseCallbackHandler | None:
        found = self.providers.find(name)
        if found is not None:
            found.registered_with = self
        return found

    def add_middleware(self, middleware: Middleware) -> Middleware:
        """`async def middleware(callback, call_next)` around every `handle(data)`; the first added is outermost.

        Works as a decorator too. Handlers with `apply` run many callbacks in one transaction and have none around them.
        Raises FieldError for what is not of that form.
        """
        check_middleware(middleware)
        self.middleware.append(middleware)
        return middleware

    def add_rule(self, predicate: Callable[[Callback], bool], name: str) -> None:
        """As `router.add_rule`."""
        self.router.add_rule(predicate, name)

    def use_router(self, router: CallbackRouter) -> None:
        """Route by this one (a subclass of yours), over HTTP and in direct calls. Raises FieldError for no router."""
        if not isinstance(router, CallbackRouter):
            raise FieldError("router", "must be a CallbackRouter: use_router(MyRouter(manager))")
        self.router = router

    def check_routes(self) -> None:
        """Raises StartRefused for a rule that leads to nobody."""
        for rule in self.rules:
            if rule.name not in self.lookup:
                raise StartRefused(f"a rule leads to {rule.name!r}, and no handler is registered under that name")

    def on(self, *event_types: str, name: str | None = None) -> Callable[[Function], Function]:
        """`@manager.on("transaction.settled")`: this function hears of each such event, once it has happened.

        It takes one `Event` (`id`, `type`, `timestamp`, `data`), may be async, and runs in the slow lane: with
        retries, a time-out, a dead letter. Patterns such as `transaction.*` are fine. How far it has heard is known by
        `name`, by default its module and name: it misses nothing that happens while nobody runs. Raises FieldError for
        an event that there is not.
        """

        def decorate(function: Function) -> Function:
            self._subscribers.add(event_types, function, name)
            return function

        return decorate

    def setup_discord_handlers(self, bot: Any, *, all_messages: bool = False) -> None:
        """Attach to a `commands.Bot` of yours: what it sees is logged, our commands are added to its own.

        Call it after your own commands are defined; once more does no harm. Raises StartRefused without discord.py.
        """
        need_discord_py()
        from app.callbacks.discord.gateway import setup_discord_handlers  # noqa: PLC0415 - discord.py is an extra

        setup_discord_handlers(bot, self, all_messages=all_messages)

    def performer(self, log: Log) -> HandlerPerformer:
        """Who carries callbacks of this log to `handle(data)` in the slow lane (tasks of kind `handler`)."""
        return HandlerPerformer(log.get, self.lookup, self.middleware)

    def list_handlers(self) -> list[dict[str, Any]]:
        """A row a handler: its address, what proves its sender, whether that is configured, where it works."""
        return [
            {
                "name": name,
                "kind": handler.kind,
                "provider": handler.provider,
                "path": f"/callbacks/{handler.kind}/{name}",
                "verification": handler.proof,
                "configured": handler.configured,
                "runs": "slow lane" if handler.hands_over else "worker",
                "source": type(handler).__module__,
            }
            for registry in (self.handlers, self.event_handlers)
            for name, handler in sorted(registry.items())
        ]

    def not_configured(self) -> list[str]:
        """Names of the handlers that lack what proves their sender; events with their prefix."""
        registered = (*self.handlers.values(), *self.event_handlers.values())
        return sorted(handler.log_name for handler in registered if not handler.configured)

    def get_statistics(self) -> dict[str, int]:
        """How many of each are registered."""
        return {
            "webhook_handlers": len(self.handlers),
            "event_handlers": len(self.event_handlers),
            "middleware": len(self.middleware),
        }


class _Lookup(RoutedHandlers[BaseCallbackHandler]):
    """Both kinds of handlers under the names that the log uses, and who acts on what."""

    def __init__(self, manager: CallbackManager) -> None:
        self._manager = manager
        self._webhooks = manager.handlers
        self._events = manager.event_handlers

    @property
    def route(self) -> Route | None:
        router = self._manager.router
        return router.route if router.routes else None

    def __getitem__(self, name: str) -> BaseCallbackHandler:
        if name.startswith(EVENT_PREFIX):
            return self._events[name[len(EVENT_PREFIX) :]]
        return self._webhooks[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._webhooks
        yield from (f"{EVENT_PREFIX}{name}" for name in self._events)

    def __len__(self) -> int:
        return len(self._webhooks) + len(self._events)


_lock = threading.Lock()
_manager: CallbackManager | None = None


def initialize_callbacks(db: Any = None, worker: bool = False) -> CallbackManager:  # noqa: FBT001, FBT002 - the contract's form
    """The process' manager, made at the first call and the same ever after; the state's schema is brought up to date.

    `db`: a Session, Engine or Connection, of which the manager keeps the first that it is given. `worker=True` also
    works on the callbacks in this process, in threads, where no `callbacks worker` runs beside it.
    """
    manager = _initialized(db)
    if worker:
        _start_worker(manager)
    return manager


def _initialized(db: Any) -> CallbackManager:
    global _manager  # noqa: PLW0603 - one manager a process
    with _lock:
        if _manager is None:
            settings = get_settings()
            direct.bind_of(db, settings)
            manager = CallbackManager(db, settings)
            load_plug_ins(manager)
            _manager = manager
        elif _manager.db is None and db is not None:
            _manager.db = db
        return _manager


def _start_worker(manager: CallbackManager) -> None:
    from app.callbacks.inside import InsideWorker  # noqa: PLC0415 - the HTTP client and the slow lane, where nobody asked for them

    with _lock:
        if manager.worker is None:
            bind = direct.bind_of(manager.db, manager.settings)
            if isinstance(bind, Connection):
                raise StartRefused("a worker needs an engine or a Session on one, not a single connection")
            manager.check_routes()
            manager.worker = InsideWorker(manager, bind)


def get_callback_manager(db: Any = None) -> CallbackManager:
    """The manager that was initialised; initialises it the first time."""
    return _manager or initialize_callbacks(db)


def use_manager(manager: CallbackManager | None) -> None:
    """Make this the process' manager; None forgets it (tests)."""
    global _manager  # noqa: PLW0603
    with _lock:
        _manager = manager


def load_app(settings: Settings) -> CallbackManager:
    """The manager that CALLBACK_APP names, or the ordinary one; it becomes the process' manager.

    `package.module:name` is a CallbackManager, or a function that takes one and registers handlers (it may return
    another). Raises StartRefused with the reason: never starts without somebody's handlers.
    """
    manager = CallbackManager(settings=settings)
    load_plug_ins(manager)
    if settings.callback_app:
        named = _named(settings.callback_app, manager)
        if named is not manager:
            load_plug_ins(named)
        manager = named
    manager.check_routes()
    use_manager(manager)
    return manager


def _named(address: str, manager: CallbackManager) -> CallbackManager:
    module_name, _, name = address.partition(":")
    if not module_name or not name:
        raise StartRefused(f"CALLBACK_APP={address!r} is not of the form package.module:name")
    if str(Path.cwd()) not in sys.path:  # a command of ours starts elsewhere than `python -m`
        sys.path.insert(0, str(Path.cwd()))
    # While it is imported, `get_callback_manager()` in it finds the manager that is being made.
    use_manager(manager)
    try:
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
        told = found if isinstance(found, CallbackManager) else found(manager)
    except (Exception, SystemExit) as error:
        raise StartRefused(f"CALLBACK_APP={address!r} failed: {type(error).__name__}: {error}") from error
    if told is not None and not isinstance(told, CallbackManager):
        raise StartRefused(f"CALLBACK_APP={address!r} is neither a CallbackManager nor a function that takes one")
    return told or manager


__all__ = [
    "CallbackManager",
    "CallbackRouter",
    "get_callback_manager",
    "initialize_callbacks",
    "load_app",
    "use_manager",
]
