"""Files: what a watcher or your own programs say of them, and what users upload."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, Engine

from app.callbacks.base.base_handlers import EventCallbackHandler, current_callback
from app.callbacks.base.direct import bind_of
from app.callbacks.base.reading import TEXT_CHARS_MAX, digest_of, object_of
from app.core.clock import now_us
from app.core.config import Settings
from app.core.errors import UnreadableBody
from app.engine.callback import Identity, Request
from app.operate.advice import reason_text
from app.operate.files.events import event_from, read_event

_PATH_CHARS_MAX = 4096


class FileMonitorCallbackHandler(EventCallbackHandler):
    """`POST /callbacks/event/file`: created, modified, deleted, moved; in order for each path.

    The file is read in the slow lane, by its kind, if it lies in a folder that may be read; what was found becomes the
    callback's outcome. A settlement report or a price list is imported.
    """

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
        current, settings = current_callback(), self.settings
        return await in_thread(self.bind(), _read, data, settings, current.id)

    def bind(self) -> Engine | Connection:
        """Where this handler's state is."""
        manager = self.registered_with
        return bind_of(self._db if self._db is not None or manager is None else manager.db, self.settings)


def _read(bind: Engine | Connection, data: Any, settings: Settings, callback_id: int) -> dict[str, Any]:
    look = read_event(bind, event_from(object_of(data)), settings, callback_id=callback_id, at=now_us())
    return {
        "success": True,
        "message": reason_text(look.word, look.detail, settings.callback_lang),
        "outcome": _OUTCOMES.get(look.word, "applied"),
        "callback_id": str(callback_id),
        "reason": look.word,
        "detail": dict(look.detail),
    }


#: What became of an event whose file was not read, or brought nothing new; of all others it is `applied`.
_OUTCOMES = {
    "imported_before": "duplicate",
    **dict.fromkeys(
        (
            "file_event_unknown",
            "file_gone",
            "file_ignored",
            "file_is_link",
            "file_not_readable",
            "file_not_regular",
            "file_outside",
            "file_still_written",
            "file_too_large",
        ),
        "ignored",
    ),
}


async def in_thread(bind: Engine | Connection, work: Any, *arguments: Any) -> Any:
    """Do work that waits for disks beside the loop; a connection (a test's fixture) stays in its thread."""
    if isinstance(bind, Connection):
        return work(bind, *arguments)
    return await asyncio.get_running_loop().run_in_executor(_threads, work, bind, *arguments)


#: Of its own: a network folder that hangs must hold up nothing but files.
_threads = ThreadPoolExecutor(4, "callbacks-files")
