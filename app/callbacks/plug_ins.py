"""Handlers from installed packages: each names itself at the entry point `callback_system.handlers`.

The value is a handler, a handler's class, or a function that takes the manager and registers what it likes.
"""

import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.core.errors import StartRefused

ENTRY_POINTS = "callback_system.handlers"


class Registering(Protocol):
    """What a plug-in needs of a CallbackManager."""

    def register_handler(self, name: str, handler: BaseCallbackHandler) -> None:
        """Mount a handler."""


def load_plug_ins(manager: Registering) -> None:
    """Load all, by name. Raises StartRefused for the first that fails: never starts without somebody's handlers."""
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda each: each.name):
        try:
            _plug_in(manager, point)
        except (Exception, SystemExit) as error:
            package = point.dist.name if point.dist else point.value
            raise StartRefused(
                f"the plug-in {point.name!r} of the package {package} failed: {type(error).__name__}: {error};"
                f" mend it, or uninstall {package}"
            ) from error


def _plug_in(manager: Registering, point: EntryPoint) -> None:
    found: Any = point.load()
    if isinstance(found, type) and issubclass(found, BaseCallbackHandler):
        found = _made(found, point.name)
    if isinstance(found, BaseCallbackHandler):
        manager.register_handler(point.name, found)
    else:
        found(manager)


def _made(handler: type[BaseCallbackHandler], name: str) -> BaseCallbackHandler:
    """One of a class whose `__init__` takes nothing, or the name as the ordinary ones do."""
    try:
        inspect.signature(handler).bind()
    except TypeError:
        return handler(name)
    return handler()  # type: ignore[call-arg]
