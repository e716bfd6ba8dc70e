"""What an upload event means: its fields as the log keeps them, and the slow lane's work on the file."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from app.callbacks.base.reading import object_of
from app.callbacks.file_monitor.beside import UPLOADS, beside, told
from app.core.clock import now_us
from app.core.config import Settings
from app.core.errors import FieldError, FileRefused, UnreadableBody
from app.files.kinds import clean_name
from app.operate.files.upload_told import UploadTold, upload_from
from app.operate.files.uploads import keep_upload


def told_by(data: Any) -> UploadTold:
    """An event's JSON → what it says. Raises UnreadableBody with the field."""
    if not isinstance(data, Mapping):
        raise UnreadableBody("an upload event is a JSON object")
    try:
        return upload_from(object_of(data))
    except FieldError as error:
        raise UnreadableBody(error.reason, field=error.field) from None


async def keep(bind: Engine | Connection, settings: Settings, data: Any, callback_id: int) -> dict[str, Any]:
    """Keep the file → what `handle(data)` returns. Raises FileRefused."""
    upload = told_by(data)
    try:
        kept = await beside(bind, lambda: keep_upload(bind, settings, upload, callback_id, at=now_us()), UPLOADS)
    except FileRefused as refused:
        raise FileRefused(refused.reason, filename=clean_name(upload.original_filename), **refused.detail) from None
    outcome = "duplicate" if kept.reason == "proof_seen_before" else "applied"
    return told(kept.reason, kept.detail, callback_id, settings.callback_lang, outcome=outcome)
