"""What a file event means: the file is read, and what was found is told."""

from typing import Any

from sqlalchemy import Connection, Engine

from app.callbacks.base.reading import object_of
from app.callbacks.file_monitor.beside import beside, told
from app.core.clock import now_us
from app.core.config import Settings
from app.operate.files.events import event_from, read_event

#: What became of an event whose file was not read, or brought nothing new; of all others it is `applied`.
OUTCOMES = {
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


async def read(bind: Engine | Connection, settings: Settings, data: Any, callback_id: int) -> dict[str, Any]:
    """Read the file that an event names → what `handle(data)` returns."""
    event = event_from(object_of(data))
    look = await beside(bind, lambda: read_event(bind, event, settings, callback_id=callback_id, at=now_us()))
    outcome = OUTCOMES.get(look.word, "applied")
    return told(look.word, look.detail, callback_id, settings.callback_lang, outcome=outcome)
