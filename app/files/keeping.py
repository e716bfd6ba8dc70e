"""The folder of uploads: files that come in, files that are kept; each whole and on disk, or not there.

Folders are for their owner alone (0700), and so are files (0600).
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

INCOMING = "incoming"
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME_BYTES = 16


def place_of(folder: str) -> Path:
    """The folder as an absolute path."""
    return Path(os.path.abspath(folder))  # noqa: PTH100 - nothing is asked of the disk


def make_room(folder: str, name: str) -> Path:
    """A folder of ours below that of uploads, made with all above it where it is missing.

    Raises NotADirectoryError for a link in its place: it would lead outside, and nothing that lies there is ever read.
    """
    root = place_of(folder)
    below = root / name
    if not below.is_dir():
        root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        below.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        sync_folder(root)
    if below.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "is a link; CALLBACK_UPLOADS itself may be one", str(below))
    return below


def new_incoming(folder: str) -> tuple[Path, BinaryIO]:
    """A new empty file for what comes in, open for writing; nobody can guess its name."""
    path = make_room(folder, INCOMING) / secrets.token_hex(_NAME_BYTES)
    return path, os.fdopen(os.open(path, _NEW, _FILE_MODE), "wb")


def finish(handle: BinaryIO, path: Path) -> None:
    """Bring a new file and its name to the disk, and close it."""
    with handle:
        handle.flush()
        os.fsync(handle.fileno())
    sync_folder(path.parent)


def keep(folder: str, name: str, file: str, content: Iterable[bytes]) -> str:
    """Keep content as `name/file` below the folder of uploads → that relative path.

    Whole and durable when it returns: written in `incoming`, synced, renamed. The same name again replaces it.
    """
    room = make_room(folder, name)
    beside, handle = new_incoming(folder)
    try:
        with handle:
            for piece in content:
                handle.write(piece)
            handle.flush()
            os.fsync(handle.fileno())
        beside.rename(room / file)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_folder(room)
    return f"{name}/{file}"


def remove_incoming(folder: str, path: str) -> bool:
    """Remove a file directly below `incoming`, by whatever path it is named; anything else is not ours to delete."""
    given = Path(path)
    with _incoming(folder) as (room, descriptor):
        if descriptor < 0 or given.name in {"", ".", ".."} or given.parent not in room:
            return False
        with suppress(OSError):
            os.unlink(given.name, dir_fd=descriptor)
            return True
    return False


def incoming(folder: str) -> list[tuple[str, int]]:
    """What lies in `incoming`: names, and when each was written last (microseconds)."""
    with _incoming(folder) as (_, descriptor):
        return sorted(_files(descriptor)) if descriptor >= 0 else []


def _files(descriptor: int) -> Iterator[tuple[str, int]]:
    with os.scandir(descriptor) as entries:
        for entry in entries:
            with suppress(OSError):  # removed in between
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield entry.name, found.st_mtime_ns // 1_000


@contextmanager
def _incoming(folder: str) -> Iterator[tuple[tuple[Path, Path], int]]:
    """The spellings of `incoming`, and a descriptor of it; -1 where it is not there or no folder."""
    room = place_of(folder) / INCOMING
    descriptor = -1
    with suppress(OSError):
        descriptor = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield (room, Path(os.path.realpath(room.parent)) / INCOMING), descriptor
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
