"""The callback log's contract: append-only, durable before it answers, read in the order of ids.

A backend is done when it passes the shared suite in `tests/engine/log/`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from app.core.errors import StartRefused
from app.engine.callback import Callback, Row


class Outline(NamedTuple):
    """A callback without its bytes, for those who walk through a whole log."""

    id: int
    received_at: int  # microseconds, UTC
    headers: str  # as kept
    body_bytes: int


class Log(Protocol):
    """One callback log, opened for one process."""

    #: names this very log; offsets belong to it. It changes when another log is found in its place.
    epoch: str
    #: how often its file was opened; what was known of it may no longer hold when this grows
    openings: int
    #: what waits in the write-ahead log, as seen after the last commit; 0 where there is none
    wal_bytes: int

    def write_batch(self, rows: Sequence[Row]) -> int:
        """Write all rows in one durable transaction → the first one's id, the others follow by one.

        When it returns, the rows are on disk in the file that the path leads to. Raises LogUnavailable when nothing
        was acknowledged (it may have been written all the same); the next call tries anew. Raises FieldError when one
        of the rows holds what no log can keep; then none was written.
        """

    def read_after(self, offset: int, rows_max: int) -> list[Callback]:
        """Callbacks with an id above `offset`, ascending, at most `rows_max`; none committed later lies between.

        Only an empty list is the end: large bodies make a page shorter. When another log was found in its place during
        the call, the list is empty and `epoch` has changed. This and all other reads raise LogUnavailable.
        """

    def read_before(self, callback_id: int | None, rows_max: int) -> list[Callback]:
        """Newest first, below `callback_id` (None: from the end): a page for people."""

    def outlines_after(self, offset: int, rows_max: int) -> list[Outline]:
        """As `read_after`, without reading the bodies: a fifth of its time."""

    def get(self, callback_id: int) -> Callback | None:
        """One callback."""

    def last_id(self) -> int:
        """The highest id, 0 for an empty log."""

    def delete(self, ids: Sequence[int]) -> int:
        """Delete these callbacks in one transaction → how many there were.

        The newest of all is never deleted: the next id is found from it.
        """

    def close(self) -> None:
        """Let go of files and locks."""


def open_log(url: str, *, server: bool, floor: int = 0) -> Log:
    """Open the log at `url` (`sqlite:///path`).

    `server=True` takes the lock that only one server may hold (LogBusy otherwise); others may append too, each in its
    own short transaction. The next id lies above `floor`, above the log's last one, and at the clock's microsecond.
    Raises StartRefused with one clear line for a wrong address, a missing folder or missing rights.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from app.engine.log.sqlite import SqliteLog  # noqa: PLC0415 - only the chosen backend's driver is imported

        return SqliteLog(rest[1:], server=server, floor=floor)
    raise StartRefused(
        f"CALLBACK_LOG_URL={url.rsplit('@', maxsplit=1)[-1]!r} is not a log this release knows; use sqlite:///data/log.db"
    )


@contextmanager
def visiting(url: str) -> Iterator[Log]:
    """The log at `url` for a short while, beside whoever serves it. Raises what `open_log` raises."""
    opened = open_log(url, server=False)
    try:
        yield opened
    finally:
        opened.close()
