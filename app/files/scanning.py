"""Looks at every file below a folder, without following a link and without opening what is no folder."""

import errno
import os
from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from app.core.errors import describe_os_error
from app.files.snapshot import State, state_of

FILES_MAX = 1_000_000
#: A longer path could not be opened by those that are told of it.
_PATH_BYTES_MAX = 4095
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_PULSE_FILES = 2_000


class TooManyFiles(Exception):
    """The folder holds more files than one look takes in."""


class Scan(msgspec.Struct, frozen=True):
    """One look at a folder."""

    device: int  # of the folder itself
    inode: int
    files: dict[bytes, State]  # by the path below the folder, as the system spells it
    unreadable: dict[bytes, str]  # folders that could not be read to their end, and why; b"" is the folder itself
    folders: int
    #: what is there and no regular file, by `link` and `other`; `long`: whose path nobody could open
    others: Counter[str]


def scan(
    folder: str,
    ignores: Callable[[str], bool],
    *,
    known: Mapping[bytes, State] | None = None,
    files_max: int = FILES_MAX,
    pulse: Callable[[int], None] = lambda _files: None,
) -> Scan:
    """Look at the folder of this resolved path. `ignores` is asked for each path below it.

    `known`: states that are equal are taken from there, for the sake of memory. `pulse` hears now and then how many
    files were seen, and may raise. Raises OSError where the folder itself cannot be opened, TooManyFiles.
    """
    root = os.open(folder, _FOLDER)
    try:
        looking = _Looking(root, len(os.fsencode(folder)), ignores, known or {}, files_max)
        waiting = [""]
        while waiting:
            pulse(len(looking.files))
            waiting += looking.look_into(waiting.pop(), pulse)
        found = os.fstat(root)
        return Scan(
            found.st_dev, found.st_ino, looking.files, looking.unreadable, looking.folders, Counter(looking.others)
        )
    finally:
        os.close(root)


class _Looking:
    """One look while it is under way."""

    def __init__(
        self, root: int, prefix: int, ignores: Callable[[str], bool], known: Mapping[bytes, State], files_max: int
    ) -> None:
        self.files: dict[bytes, State] = {}
        self.unreadable: dict[bytes, str] = {}
        self.folders = 0
        self.others: Counter[str] = Counter()
        self._root = root
        self._room = _PATH_BYTES_MAX - prefix - 1
        self._ignores = ignores
        self._known = known
        self._files_max = files_max

    def look_into(self, below: str, pulse: Callable[[int], None]) -> list[str]:
        """Note the files of this folder → the folders in it."""
        inner: list[str] = []
        prefix = f"{below}/" if below else ""
        try:
            at = _open(self._root, below)
            try:
                self.folders += 1
                with os.scandir(at) as entries:
                    for entry in entries:
                        path = prefix + entry.name
                        if self._ignores(path):
                            continue
                        self._note(entry, path, inner)
                        if len(self.files) % _PULSE_FILES == 0:
                            pulse(len(self.files))
            finally:
                os.close(at)
        except OSError as error:
            self.unreadable[os.fsencode(below)] = describe_os_error(error)
        return inner

    def _note(self, entry: os.DirEntry[str], path: str, inner: list[str]) -> None:
        spelled = os.fsencode(path)
        if len(spelled) > self._room:
            self.others["long"] += 1
        elif entry.is_dir(follow_symlinks=False):
            inner.append(path)
        elif entry.is_file(follow_symlinks=False):
            self._note_file(entry, spelled)
        else:
            self.others["link" if entry.is_symlink() else "other"] += 1

    def _note_file(self, entry: os.DirEntry[str], spelled: bytes) -> None:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError as error:
            if error.errno != errno.ENOENT:
                self.unreadable[spelled] = describe_os_error(error)
            return
        if len(self.files) >= self._files_max:
            raise TooManyFiles
        state = state_of(found)
        known = self._known.get(spelled)
        self.files[spelled] = known if known is not None and known == state else state


def _open(root: int, below: str) -> int:
    """A folder below the root, each part relative to the one above it: nothing that changes meanwhile leads outside."""
    at = os.dup(root) if not below else os.open(below.partition("/")[0], _FOLDER, dir_fd=root)
    for part in below.split("/")[1:]:
        try:
            inner = os.open(part, _FOLDER, dir_fd=at)
        finally:
            os.close(at)
        at = inner
    return at
