"""Hears from the system that something changed in a folder, so that the next look comes at once. Never more than that.

Nothing is lost when hints are: each folder is looked at again and again.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from app.core.errors import describe_os_error
from app.core.telemetry import get_logger

log = get_logger(__name__)

#: Not: opened and read, which every look of ours does; nor each write to a file that stays open.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
_DESCRIPTORS = Path("/proc/self/fd")


class Hints:
    """Hints from several folders; `wake` is set by each."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._observer: Any = None
        self._watches: dict[str, ObservedWatch] = {}
        self._hinted: set[str] = set()
        self._lost: set[str] = set()

    def listen(self, folder: str, ignores: Callable[[str], bool]) -> str:
        """Hear of changes below the folder of this resolved path, anew if it was heard before → "", or why not."""
        self.deafen(folder)
        try:
            if self._observer is None:
                self._observer = Observer()
                self._observer.start()
            self._watches[folder] = self._observer.schedule(
                _Waker(folder, ignores, self._hint), folder, recursive=True, event_filter=_EVENTS
            )
        except OSError as error:
            return describe_os_error(error)
        return ""

    def deafen(self, folder: str) -> None:
        """Hear of this folder no more."""
        self._lost.discard(folder)
        watch = self._watches.pop(folder, None)
        if watch is not None:
            self._observer.unschedule(watch)

    def taken(self, folder: str) -> bool:
        """Whether something was heard of it since it was asked last."""
        if folder in self._hinted:
            self._hinted.discard(folder)
            return True
        return False

    def lost(self, folder: str) -> bool:
        """Whether the folder itself was deleted since: then nothing more is heard of what stands in its place."""
        return folder in self._lost

    def close(self) -> None:
        """Hear of nothing any more."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    def _hint(self, folder: str, *, lost: bool = False) -> None:
        self._hinted.add(folder)
        if lost:
            self._lost.add(folder)
        self._wake.set()


class Hint(Protocol):
    """Takes a hint."""

    def __call__(self, folder: str, *, lost: bool) -> None:
        """Something changed below the folder; `lost`: it was deleted itself."""


class _Waker(FileSystemEventHandler):
    def __init__(self, folder: str, ignores: Callable[[str], bool], hint: Hint) -> None:
        self._prefix = folder.rstrip("/") + "/"
        self._folder = folder
        self._ignores = ignores
        self._hint = hint

    def dispatch(self, event: FileSystemEvent) -> None:
        """A folder whose only changes are to files that are left alone is not looked at."""
        paths = [str(path) for path in (event.src_path, event.dest_path) if path]
        lost = isinstance(event, DirDeletedEvent) and paths == [self._folder]
        if lost or any(self._matters(path) for path in paths):
            self._hint(self._folder, lost=lost)

    def _matters(self, path: str) -> bool:
        return not path.startswith(self._prefix) or not self._ignores(path[len(self._prefix) :])


def folders_heard() -> int | None:
    """How many folders the system tells this process of; None where it does not say (it is not Linux).

    Where the user's limit is reached (fs.inotify.max_user_watches), watchdog leaves the other folders out silently.
    """
    if not _DESCRIPTORS.is_dir():
        return None
    count = 0
    try:
        for each in _DESCRIPTORS.iterdir():
            if each.is_symlink() and str(each.readlink()).endswith("inotify"):
                told = (Path("/proc/self/fdinfo") / each.name).read_text()
                count += sum(line.startswith("inotify ") for line in told.splitlines())
    except OSError:  # a descriptor that was closed meanwhile
        return count
    return count
