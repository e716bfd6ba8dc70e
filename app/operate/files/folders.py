"""Which folders' files may be read: those of the settings, and those that somebody had watched on this machine."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from app.core.config import Settings
from app.core.errors import FileRefused
from app.files.opening import Folder, OpenFile, folder_at, open_below, place_below


def readable(connection: Connection, settings: Settings) -> list[Folder]:
    """The folders of CALLBACK_FOLDERS, of uploads, and those that were watched."""
    watched = connection.execute(text("SELECT path FROM callback_folders ORDER BY id")).scalars()
    return [folder_at(path) for path in (*named(settings), settings.callback_uploads, *watched)]


@contextmanager
def open_readable(
    folders: Sequence[Folder], settings: Settings, path: str | bytes, *, bytes_max: int | None = None
) -> Iterator[OpenFile]:
    """As `open_below`, but never one of our own databases: to close any descriptor of one drops SQLite's locks on it.

    Raises FileRefused.
    """
    folder, below = place_below(folders, path)
    if (folder.rstrip(b"/") + b"/" + below).startswith(tuple(_databases(settings))):
        raise FileRefused("file_outside")
    with open_below(folders, path, bytes_max=bytes_max) as opened:
        yield opened


def _databases(settings: Settings) -> Iterator[bytes]:
    """Where our databases are; what stands beside one begins with its name."""
    for url in (settings.database_url, settings.callback_log_url):
        scheme, _, place = url.partition(":///")
        if scheme == "sqlite" and place:
            yield os.fsencode(os.path.realpath(place))


def named(settings: Settings) -> Iterator[str]:
    """The paths of CALLBACK_FOLDERS."""
    return (path for part in settings.callback_folders.split(":") if (path := part.strip()))


def unwatchable(folder: Folder) -> str:
    """Why this cannot be watched; "": it can. One that is not there yet is watched for."""
    try:
        folder.real.encode()
    except UnicodeEncodeError:
        return "is not UTF-8; watch a folder above it"
    return "is no folder" if Path(folder.real).exists() and not Path(folder.real).is_dir() else ""


def remember(connection: Connection, path: str, at: int) -> int:
    """Let the folder at this resolved path be read from now on → its number; runs in a writing transaction."""
    connection.execute(
        text("INSERT INTO callback_folders (path, since) VALUES (:path, :at) ON CONFLICT (path) DO NOTHING"),
        {"path": path, "at": at},
    )
    return int(
        connection.execute(text("SELECT id FROM callback_folders WHERE path = :path"), {"path": path}).scalar_one()
    )


def forget(connection: Connection, path: str) -> None:
    """Let the folder at this resolved path be read no more, and forget what was seen in it."""
    number = connection.execute(text("SELECT id FROM callback_folders WHERE path = :path"), {"path": path}).scalar()
    connection.execute(text("DELETE FROM callback_files WHERE folder_no = :no"), {"no": number})
    connection.execute(text("DELETE FROM callback_folders WHERE id = :no"), {"no": number})
