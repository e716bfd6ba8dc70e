"""A server's checkpoints of its log, in a thread of their own: each takes milliseconds, and answers must not wait."""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

import apsw

from app.core.errors import LogUnavailable
from app.engine.log.sqlite_schema import CHECKPOINT_PAGES

#: A WAL that grew by so much while the thread was at it is brought in by a commit, so that it stays bounded.
_OUTRUN_PAGES = 7 * CHECKPOINT_PAGES


class Checkpoints:
    """Brings the write-ahead log into the database's file, beside the one who goes on writing to it.

    SQLite begins the WAL anew only when nothing of it is left to bring in, which a thread beside a busy writer never
    quite reaches: it does nearly all, and the next commit the pages that were written meanwhile. What somebody still
    reads stays in the WAL; then that commit leaves it to the thread too.
    """

    def __init__(self, checkpoint: Callable[[], int]) -> None:
        """`checkpoint` does it once, on another connection than the writer's, and waits for nobody.

        It tells how many pages of those that it found are still to be brought in.
        """
        self._checkpoint = checkpoint
        self._due: SimpleQueue[Callable[[], int] | None] = SimpleQueue()  # None: end
        self._asked_at = 0  # pages in the WAL when something was last begun
        self._under_way = False
        self._nearly_done = False
        self._thread = threading.Thread(target=self._run, name="log-checkpoints", daemon=True)
        self._thread.start()

    def follow(self, writer: apsw.Connection) -> None:
        """From now on this connection leaves its checkpoints to the thread."""
        writer.set_wal_hook(self._committed)

    def close(self) -> None:
        """End the thread, after the checkpoint that it is at."""
        self._due.put(None)
        self._thread.join()

    def _committed(self, writer: apsw.Connection, _database: str, pages: int) -> int:
        """Called by SQLite after each commit, with what its WAL holds by now."""
        if pages < CHECKPOINT_PAGES:  # it began anew
            self._asked_at = 0
            self._nearly_done = False
        elif self._nearly_done or (self._under_way and pages >= self._asked_at + _OUTRUN_PAGES):
            self._asked_at = pages
            self._nearly_done = False
            with suppress(apsw.Error):  # the commit itself is on disk; another one tries again
                writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        elif not self._under_way and pages >= self._asked_at + CHECKPOINT_PAGES:
            self._asked_at = pages
            self._under_way = True
            self._due.put(self._checkpoint)
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while (checkpoint := self._due.get()) is not None:
            left = CHECKPOINT_PAGES
            with suppress(LogUnavailable):  # whoever writes or reads hears of it, and a later commit tries again
                left = checkpoint()
            self._nearly_done = left < CHECKPOINT_PAGES
            self._under_way = False
