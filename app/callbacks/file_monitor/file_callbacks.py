"""Files: events that a watcher or your own programs hand in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from app.callbacks.base.base_handlers import EventCallbackHandler, kept_for_later
from app.callbacks.base.reading import object_of
from app.core.config import Settings
from app.core.errors import UnreadableBody
from app.engine.callback import Callback, Identity, Outcome, Request


class FileMonitorCallbackHandler(EventCallbackHandler):
    """`POST /callbacks/event/file`: created, modified, deleted; in order for each path."""

    event_types = ("file_created", "file_modified", "file_deleted")

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """Proved by the management token."""
        super().__init__("file", db=db, settings=settings)

    def identify(self, request: Request) -> Identity:
        """By `event_type` and `path`; raises UnreadableBody."""
        identity = super().identify(request)
        path = object_of(self.read(request.body)).get("path")
        if not isinstance(path, str) or not path or "\0" in path:
            raise UnreadableBody("is missing; a file event says which file", field="path")
        return identity

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Kept: the path is only a word here, no file is opened."""
        return kept_for_later(connection, callbacks, at)
