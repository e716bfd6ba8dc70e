"""Which folders' files may be read: those of the settings, and those that somebody had watched on this machine."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from app.core.config import Settings
from app.files.opening import Folder, folder_at


def readable(connection: Connection, settings: Settings) -> list[Folder]:
    """The folders of CALLBACK_FOLDERS, of uploads, and those that were watched."""
    watched = connection.execute(text("SELECT path FROM callback_folders ORDER BY id")).scalars()
    return [folder_at(path) for path in (*named(settings), settings.callback_uploads, *watched)]


def named(settings: Settings) -> Iterator[str]:
    """The paths of CALLBACK_FOLDERS."""
    return (path for part in settings.callback_folders.split(":") if (path := part.strip()))


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
