"""Files: what a watcher or your own programs say of them, and what users upload."""

from typing import Any

from sqlalchemy import Connection, Engine

from app.callbacks.base.base_handlers import EventCallbackHandler, current_callback
from app.callbacks.base.direct import bind_of
from app.callbacks.base.reading import TEXT_CHARS_MAX, digest_of, object_of
from app.callbacks.file_monitor import file_events, upload_events
from app.core.config import Settings
from app.core.errors import UnreadableBody
from app.engine.callback import Identity, Request
from app.operate.files.upload_told import EVENT

_PATH_CHARS_MAX = 4096


class _FileHandler(EventCallbackHandler):
    """A handler whose work is done beside the loop, where its state is."""

    @property
    def bind(self) -> Engine | Connection:
        """The state: the one given, else that of the manager or of the settings."""
        manager = self.registered_with
        return bind_of(self._db if self._db is not None or manager is None else manager.db, self.settings)


class FileMonitorCallbackHandler(_FileHandler):
    """`POST /callbacks/event/file`: created, modified, deleted, moved; in order for each path.

    The file is read in the slow lane, by its kind, if it lies in a folder that may be read; what was found becomes the
    callback's outcome. A settlement report or a price list is imported.
    """

    #: a call of one that was built beside the manager is kept under this name, which every worker carries on
    registered_as = "file"
    event_types = ("file_created", "file_modified", "file_deleted", "file_moved")

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """Proved by the management token."""
        super().__init__("file", db=db, settings=settings)

    def identify(self, request: Request) -> Identity:
        """By `event_type` and `path`; raises UnreadableBody."""
        identity = super().identify(request)
        data = object_of(self.read(request.body))
        for name in ("path", "dest_path") if "dest_path" in data else ("path",):
            path = data.get(name)
            if not isinstance(path, str) or not path or "\0" in path:
                raise UnreadableBody("is missing; a file event says which file", field=name)
            if len(path) > _PATH_CHARS_MAX:
                raise UnreadableBody(f"has more than {_PATH_CHARS_MAX} characters", field=name)
        path = str(data["path"])
        key = path if len(path) <= TEXT_CHARS_MAX else digest_of(path.encode(errors="surrogatepass"))
        return Identity(identity.event_type, identity.event_key, key)

    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        """Read the file → `{"success", "message", "outcome", "callback_id", "reason", "detail"}`."""
        return await file_events.read(self.bind, self.settings, data, current_callback().id)


class FileUploadCallbackHandler(_FileHandler):
    """`POST /callbacks/event/upload`: files that users upload; kept in the slow lane, a proof opens a top-up."""

    registered_as = "upload"  # as above

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """Proved by the management token."""
        super().__init__("upload", EVENT, db=db, settings=settings)

    def identify(self, request: Request) -> Identity:
        """By its fields, in order for each user; raises UnreadableBody with the field that is missing or wrong."""
        upload = upload_events.told_by(self.read(request.body))
        return Identity(EVENT, digest_of(request.body), upload.user_id)

    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        """Keep the file, once → `{"success", "message", "outcome", …}`; raises FileRefused."""
        return await upload_events.keep(self.bind, self.settings, data, current_callback().id)
