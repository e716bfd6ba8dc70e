"""The router: which handler acts on a callback, over HTTP and in direct calls."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from app.callbacks.base import direct
from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.callbacks.base.middleware import Middleware
from app.core.config import Settings
from app.core.errors import FieldError, UnknownProvider
from app.engine.callback import Callback, routed


class Rule(msgspec.Struct, frozen=True):
    """Callbacks that fit go to the handler of this name; events have names such as `event/file`."""

    predicate: Callable[[Callback], bool]
    name: str


class Managed(Protocol):
    """What the router needs of a CallbackManager."""

    db: Any
    settings: Settings
    middleware: list[Middleware]
    router: "CallbackRouter"
    rules: list[Rule]
    lookup: Mapping[str, BaseCallbackHandler]

    @property
    def handlers(self) -> dict[str, BaseCallbackHandler]:
        """Webhook handlers by name."""

    @property
    def event_handlers(self) -> dict[str, BaseCallbackHandler]:
        """Event handlers by name."""


class CallbackRouter:
    """Decides which handler acts on a callback: by the manager's rules, else its sender's own.

    For routing of your own, add a rule, or override `route` and hand the router to `manager.use_router`. What proves a
    sender is never routed: that is for the handler of the address. `resolve_webhook` and `resolve_event` find that one
    for direct calls.
    """

    def __init__(self, manager: Managed) -> None:
        """`manager`: whose handlers, rules, middleware and database."""
        self.manager = manager

    def add_rule(self, predicate: Callable[[Callback], bool], name: str) -> None:
        """Callbacks for which `predicate(callback)` is true are acted on by the handler of this name.

        The first rule that fits counts. The predicate must be pure: it is asked again at each retry and replay. One
        that raises sets that callback aside. Raises FieldError for what can be no rule.
        """
        if not callable(predicate) or inspect.iscoroutinefunction(predicate):
            raise FieldError("predicate", "must be an ordinary function of a callback")
        if not isinstance(name, str) or not name:
            raise FieldError("name", "must be a handler's name")
        self.manager.rules.append(Rule(predicate, name))

    def route(self, callback: Callback) -> str:
        """The name of the handler that acts on this callback, which its sender's own handler has proved."""
        return next((rule.name for rule in self.manager.rules if rule.predicate(callback)), callback.provider)

    @property
    def routes(self) -> bool:
        """Whether anything is routed at all."""
        return bool(self.manager.rules) or type(self).route is not CallbackRouter.route

    async def route_webhook(
        self,
        name: str,
        data: Any,
        headers: Mapping[str, str] | None = None,
        raw_body: bytes | None = None,
        trusted: bool = False,  # noqa: FBT001, FBT002 - the contract's form
    ) -> Any:
        """Take a callback of this sender → `{"success", "message", "outcome", "callback_id"}`.

        A handler of your own answers with what its `handle` returns; an unknown name is a failure, not an exception.
        """
        return await self._take(self.resolve_webhook(name, data), name, data, headers, raw_body, trusted=trusted)

    async def route_event(self, name: str, data: Mapping[str, Any]) -> Any:
        """Take an event by a handler's name or by its event type: `route_event("file_created", {"path": …})`.

        The caller is a program of ours, so it needs no token.
        """
        told = {"event_type": name, **data} if isinstance(data, Mapping) else data
        return await self._take(self.resolve_event(name, data), name, told, None, None, trusted=True)

    def resolve_webhook(self, name: str, data: Any) -> BaseCallbackHandler | None:
        """Which handler a webhook goes to; None: nobody's."""
        del data
        try:  # not `get`, which finds no provider of the catalogue
            return self.manager.handlers[str(name)]
        except KeyError:
            return None

    def resolve_event(self, name: str, data: Any) -> BaseCallbackHandler | None:
        """Which handler an event goes to: the one of this name, else one that knows this event type."""
        del data
        named = self.manager.event_handlers.get(str(name))
        if named is not None:
            return named
        everyone = self.manager.event_handlers.values()
        return next((handler for handler in everyone if name in getattr(handler, "event_types", ())), None)

    async def _take(
        self,
        handler: BaseCallbackHandler | None,
        name: str,
        data: Any,
        headers: Mapping[str, str] | None,
        raw_body: bytes | None,
        *,
        trusted: bool,
    ) -> Any:
        if handler is None:
            return direct.failure(str(UnknownProvider(str(name))), "refused")
        call = direct.Call(handler.log_name, data, headers or {}, raw_body, trusted)
        manager = self.manager
        return await direct.take(
            handler,
            call,
            settings=manager.settings,
            db=manager.db,
            middleware=manager.middleware,
            acting=self.acting,
        )

    @property
    def acting(self) -> direct.Acting | None:
        """Who acts on what is handed in directly: by this router if it has a `route`, else by the manager's."""
        router = self if type(self).route is not CallbackRouter.route else self.manager.router
        return router._acts if router.routes else None  # noqa: SLF001 - of its own class

    def _acts(self, callback: Callback) -> BaseCallbackHandler:
        name = routed(self.route, callback)
        handler = self.manager.lookup.get(name)
        if handler is None:
            raise UnknownProvider(name)
        return handler
