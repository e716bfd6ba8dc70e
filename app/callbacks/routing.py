"""The router of direct calls: which handler a callback or an event goes to, whoever hands it in."""

from collections.abc import Mapping
from typing import Any, Protocol

from app.callbacks.base import direct
from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.callbacks.base.handing_over import Middleware
from app.core.config import Settings
from app.core.errors import UnknownProvider


class Managed(Protocol):
    """What the router needs of a CallbackManager."""

    db: Any
    settings: Settings
    middleware: list[Middleware]

    @property
    def handlers(self) -> dict[str, BaseCallbackHandler]:
        """Webhook handlers by name."""

    @property
    def event_handlers(self) -> dict[str, BaseCallbackHandler]:
        """Event handlers by name."""


class CallbackRouter:
    """Brings direct calls to their handlers; override `resolve_webhook` or `resolve_event` for routing of your own."""

    def __init__(self, manager: Managed) -> None:
        """`manager`: whose handlers, middleware and database."""
        self.manager = manager

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
        return self.manager.handlers.get(str(name))

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
        return await direct.take(handler, call, settings=manager.settings, db=manager.db, middleware=manager.middleware)
