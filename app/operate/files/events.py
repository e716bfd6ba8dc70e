"""What a file event says, and what is found when the file is read."""

import base64
import binascii
import os
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine

from app.core.config import Settings
from app.core.database import reading
from app.core.errors import FileRefused, ProcessingError
from app.files.ignoring import ignoring
from app.files.looking import Look, kind_of, look_at
from app.files.opening import folder_at, place_below
from app.files.snapshot import state_of
from app.operate.files.folders import open_readable, readable
from app.operate.files.importing import import_csv

#: Of a CSV all is read, so that each row counts.
CSV_BYTES_MAX = 64 << 20
_WAIT_SECONDS = 30.0
#: One of them in memory at a time.
_one_csv = threading.Lock()


class FileEvent(msgspec.Struct, frozen=True):
    """What happened to a file: `file_created`, `file_modified`, `file_deleted`, `file_moved`, or a word of your own."""

    word: str
    #: where the file is now
    path: bytes
    filename: str
    #: where it was before, of one that was moved
    came_from: str = ""
    #: a writer that never ends still has it
    still_written: bool = False


#: After these a file is there to be read.
READ_AFTER = frozenset({"file_created", "file_modified", "file_moved"})


def event_from(data: Mapping[str, Any]) -> FileEvent:
    """A file event as it stands in the log; what it lacks is empty."""
    moved = data.get("event_type") == "file_moved" and "dest_path" in data
    name = "dest_path" if moved else "path"
    path = _path(data, name)
    return FileEvent(
        word=str(data.get("event_type", "")),
        path=path,
        filename=path.rpartition(b"/")[2].decode(errors="replace"),
        came_from=str(data.get("path", "")) if moved else "",
        still_written=data.get("still_written") is True,
    )


def _path(data: Mapping[str, Any], name: str) -> bytes:
    encoded = data.get(f"{name}_base64")
    if isinstance(encoded, str):
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return b""  # it leads nowhere
    return str(data.get(name, "")).encode(errors="surrogateescape")


def read_event(bind: Engine | Connection, event: FileEvent, settings: Settings, *, callback_id: int, at: int) -> Look:
    """Read the file that an event names, if it is ours to read → a stable word and what a person is told.

    Never raises for a file that is gone, elsewhere, or other than its name says. May take seconds.
    """
    look = _read(bind, event, settings, callback_id, at)
    more = {"came_from": event.came_from} if event.came_from else {}
    return Look(look.word, {"filename": event.filename, **look.detail, **more})


def _read(bind: Engine | Connection, event: FileEvent, settings: Settings, callback_id: int, at: int) -> Look:
    if event.word == "file_deleted":
        return Look("file_deleted", {})
    if event.word not in READ_AFTER:
        return Look("file_event_unknown", {"event": event.word})
    kind = kind_of(event.filename)
    with reading(bind) as connection:
        folders = readable(connection, settings)
    try:
        folder, below = place_below(folders, event.path)
        if ignoring(settings.callback_ignore).ignores_within(os.fsdecode(below)):
            return Look("file_ignored", {})
        bytes_max = CSV_BYTES_MAX if kind == "csv" else None
        with open_readable(folders, settings, event.path, bytes_max=bytes_max) as opened:
            if kind == "csv" and _is_a_users(settings, folder, below):
                kind = "text"
            if kind != "csv":
                return look_at(opened.handle, opened.size, kind)
            if event.still_written:  # half of it is no report
                return Look("file_still_written", {"size": opened.size})
            if not _one_csv.acquire(timeout=_WAIT_SECONDS):
                raise ProcessingError("another large file is being read; this one is tried again")
            try:
                before = state_of(os.fstat(opened.handle.fileno()))
                content = opened.handle.read(CSV_BYTES_MAX)
                if len(content) != before.size or state_of(os.fstat(opened.handle.fileno())) != before:
                    raise ProcessingError("the file changed while it was read; this one is tried again")
                told = import_csv(bind, content, filename=event.filename, callback_id=callback_id, at=at)
            finally:
                _one_csv.release()
    except FileRefused as refused:
        return Look(refused.reason, refused.detail)
    return Look(told.reason, {**told.detail, "size": len(content)})


def _is_a_users(settings: Settings, folder: bytes, below: bytes) -> bool:
    """Whether it lies where uploads are kept: what a user sends is no report of a provider, whatever it looks like."""
    uploads = os.fsencode(folder_at(settings.callback_uploads).real).rstrip(b"/") + b"/"
    return (folder.rstrip(b"/") + b"/" + below).startswith(uploads)
