"""Opens a file below a folder that we may read: never through a link, never held up by what is no file.

A path is only a word of whoever sent it. Each part of it is opened relative to the folder above, without following
links, so that nothing that changes in between leads elsewhere.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from app.core.errors import FileRefused

_PATH_BYTES_MAX = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Folder(msgspec.Struct, frozen=True):
    """A folder whose files may be read: as people spell it, and where that is."""

    spelled: str
    real: str


class OpenFile(msgspec.Struct, frozen=True):
    """A regular file that is open for reading."""

    handle: BinaryIO
    size: int
    mtime_ns: int
    device: int
    inode: int


def folder_at(path: str) -> Folder:
    """The folder, its own links followed once: those are the operator's."""
    return Folder(os.path.abspath(path), os.path.realpath(path))  # noqa: PTH100 - nothing is asked of the disk


@contextmanager
def open_below(folders: Sequence[Folder], path: str | bytes, *, bytes_max: int | None = None) -> Iterator[OpenFile]:
    """Open the regular file at this absolute path, if one of these folders holds it.

    Raises FileRefused: `file_outside`, `file_gone`, `file_is_link`, `file_not_regular`, `file_not_readable`,
    `file_too_large`.
    """
    folder, below = place_below(folders, path)
    handle = os.fdopen(_open(folder, below.split(b"/")), "rb")
    try:
        found = os.fstat(handle.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise FileRefused("file_not_regular")
        if bytes_max is not None and found.st_size > bytes_max:
            raise FileRefused("file_too_large", size=found.st_size, most=bytes_max)
        os.set_blocking(handle.fileno(), True)
        yield OpenFile(handle, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)
    finally:
        handle.close()


def place_below(folders: Sequence[Folder], path: str | bytes) -> tuple[bytes, bytes]:
    """The folder that holds this absolute path, and the path below it. The innermost one counts.

    Raises FileRefused: `file_outside`.
    """
    path = os.fsencode(path) if isinstance(path, str) else path
    if b"\0" in path or len(path) > _PATH_BYTES_MAX or not path.startswith(b"/"):
        raise FileRefused("file_outside")
    parts = [part for part in path.split(b"/") if part not in {b"", b"."}]
    if b".." in parts:
        raise FileRefused("file_outside")
    plain = b"/" + b"/".join(parts)
    held = [
        (len(prefix), os.fsencode(folder.real), plain[len(prefix) :])
        for folder in folders
        for name in (folder.real, folder.spelled)
        if plain.startswith(prefix := os.fsencode(name).rstrip(b"/") + b"/")
    ]
    if not held:
        raise FileRefused("file_outside")
    _, folder, below = max(held)
    return folder, below


def _open(folder: bytes, parts: Sequence[bytes]) -> int:
    at = -1
    try:
        at = os.open(folder, _FOLDER)
        for part in parts[:-1]:
            below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        # Asked before it is opened: to open a device may do something.
        mode = os.stat(parts[-1], dir_fd=at, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise FileRefused("file_is_link")
        if not stat.S_ISREG(mode):
            raise FileRefused("file_not_regular")
        return os.open(parts[-1], _FILE, dir_fd=at)
    except OSError as error:
        raise FileRefused(_why_unopened(error), error=error.strerror or "") from None
    finally:
        if at >= 0:
            os.close(at)


def _why_unopened(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "file_gone"
    # A link in the place of a folder: ELOOP, or ENOTDIR where O_DIRECTORY is asked for as well.
    return "file_is_link" if error.errno in {errno.ELOOP, errno.ENOTDIR} else "file_not_readable"
