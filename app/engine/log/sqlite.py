"""The callback log in one SQLite file of its own: appended by one server, read by the worker, open to short appends.

Measured (500-byte bodies, commits of 64): about 6 microseconds of CPU a row; a commit of one row costs 100.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

import apsw

from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.core.errors import FieldError, LogUnavailable, StartRefused, describe_os_error
from app.engine.callback import Callback, Row
from app.engine.log import Outline
from app.engine.log.checkpoints import Checkpoints
from app.engine.log.place import make_folder, take_server_lock
from app.engine.log.rows import BODY, check_row
from app.engine.log.sqlite_file import Displaced, LogFile
from app.engine.log.sqlite_schema import refuse_old_library

#: The server writes on its event loop: whoever locks it out for longer costs a 503, not a standstill.
_SERVER_BUSY_MS = 1000
_BUSY_MS = 10_000
_TRIES = 4
#: A read ends early after so many bytes of bodies, so that a batch of large ones stays small in memory.
_READ_BYTES_MAX = 32 << 20

_LAST = "SELECT coalesce(max(id), 0) FROM callbacks"
_FIRST_ROW = "INSERT INTO callbacks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NEXT_ROW = "INSERT INTO callbacks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # SQLite gives max(id) + 1
_AFTER = "SELECT * FROM callbacks WHERE id > ? ORDER BY id LIMIT ?"
_OUTLINES = "SELECT id, received_at, headers, length(body) FROM callbacks WHERE id > ? ORDER BY id LIMIT ?"
_BEFORE = "SELECT * FROM callbacks WHERE id < ? ORDER BY id DESC LIMIT ?"
_ONE = "SELECT * FROM callbacks WHERE id = ? LIMIT ?"
_HOLDS = "SELECT count(*) FROM callbacks WHERE id BETWEEN ? AND ?"
_DELETE = "DELETE FROM callbacks WHERE id = ? AND id < (SELECT max(id) FROM callbacks)"

_TROUBLE = (apsw.Error, OSError, StartRefused, Displaced)
#: What SQLite or its binding say of a value, not of the file.
_BAD_VALUE = (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, TypeError, ValueError, OverflowError)

_T = TypeVar("_T")


class SqliteLog:
    """`app.engine.log.Log` on SQLite. Writing and reading have a connection each, and may run in different threads."""

    def __init__(self, path: str, *, server: bool, floor: int = 0, clock: Callable[[], int] = now_us) -> None:
        """Open the log at `path`, made when there is none. `clock` gives microseconds, asked at each opening.

        Raises StartRefused or LogBusy with one clear line.
        """
        refuse_old_library()
        self.path = Path(path).absolute()
        self.epoch = ""
        self.openings = 0
        self.wal_bytes = 0
        self._next = floor + 1  # the least id that may come next
        self._clock = clock
        self._busy_ms = _SERVER_BUSY_MS if server else _BUSY_MS
        self._writing, self._reading = Lock(), Lock()
        self._writer: LogFile | None = None
        self._reader: LogFile | None = None
        self._closed = False
        make_folder(self.path.parent)
        self._lock = take_server_lock(self.path) if server else None
        self._checkpoints = Checkpoints(self._checkpoint) if server else None
        try:
            self._start(server=server)
        except BaseException:
            self.close()
            raise

    def write_batch(self, rows: Sequence[Row]) -> int:
        """One durable transaction → the first row's id.

        Raises LogUnavailable when nothing was acknowledged; FieldError for a row that no log can keep.
        """
        with self._writing:
            try:
                return self._write(rows)
            except _BAD_VALUE as error:
                for row in rows:
                    check_row(row)
                raise FieldError("row", str(error)) from error
            except _TROUBLE as error:
                self._give_up_writer(error)
                raise self._unavailable(error) from error

    def delete(self, ids: Sequence[int]) -> int:
        """Delete these callbacks → how many there were; the newest stays, so that ids never run backwards."""
        with self._writing:
            try:
                with self._open_writer().writing() as connection:
                    before = connection.total_changes()
                    connection.executemany(_DELETE, ((callback_id,) for callback_id in ids))
                    return connection.total_changes() - before
            except _TROUBLE as error:
                self._give_up_writer(error)
                raise self._unavailable(error) from error

    def read_after(self, offset: int, rows_max: int) -> list[Callback]:
        """Ascending above `offset`; fewer than `rows_max` when their bodies are large, at least one if there is one.

        Nothing when another log was found in the path's place meanwhile: `offset` means nothing there, `epoch` tells.
        """
        epoch = self.epoch
        found = self._read(lambda connection: _page(connection, _AFTER, offset, rows_max))
        return found if self.epoch == epoch else []

    def read_before(self, callback_id: int | None, rows_max: int) -> list[Callback]:
        """Newest first, below `callback_id`."""
        below = ID_MAX if callback_id is None else callback_id
        return self._read(lambda connection: _page(connection, _BEFORE, below, rows_max))

    def outlines_after(self, offset: int, rows_max: int) -> list[Outline]:
        """As `read_after`, without the bodies: their pages are not even read."""
        epoch = self.epoch
        bound = (offset, rows_max)
        found = self._read(lambda connection: [Outline(*row) for row in connection.execute(_OUTLINES, bound)])
        return found if self.epoch == epoch else []

    def get(self, callback_id: int) -> Callback | None:
        """One callback."""
        found = self._read(lambda connection: _page(connection, _ONE, callback_id, 1))
        return found[0] if found else None

    def last_id(self) -> int:
        """The highest id, 0 for an empty log."""
        return self._read(_last)

    def close(self) -> None:
        """Let go of files and locks; nothing is written or read afterwards."""
        if self._checkpoints is not None:
            self._checkpoints.close()
        with self._writing, self._reading:
            self._closed = True
            for file in (self._reader, self._writer):
                if file is not None:
                    file.abandon()
            self._reader = self._writer = None
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _start(self, *, server: bool) -> None:
        try:
            if server:
                self._open_writer()
            else:
                self._open_reader()
        except apsw.NotADBError:
            raise StartRefused(f"{self.path} is no callback log: it is not a database") from None
        except (apsw.Error, OSError, Displaced) as error:
            raise StartRefused(f"the callback log {self.path} cannot be opened: {self._words(error)}") from error

    def _write(self, rows: Sequence[Row]) -> int:
        saved: tuple[object, int] | None = None
        for _ in range(_TRIES):
            try:
                file = self._open_writer()
                # When only the WAL was deleted, leaving it saved what it held, this batch too.
                if saved is not None and saved[0] == file.inode and _holds(file, saved[1], len(rows)):
                    return saved[1]
                first = self._insert(file, rows)
            except Displaced:
                self._leave_writer()
                continue
            if file.in_place():
                self.wal_bytes = file.wal_bytes
                return first
            # Nobody is told of what went into a file that no path leads to: it is written again where it leads now.
            saved = file.inode, first
            self._leave_writer()
        raise Displaced("the file is replaced again and again")

    def _leave_writer(self) -> None:
        if self._writer is not None:
            with self._reading:  # a checkpoint that is under way would refuse the one that saves
                self._writer.let_go()
            self._writer = None

    def _insert(self, file: LogFile, rows: Sequence[Row]) -> int:
        with file.writing() as connection:
            first = max(_last(connection) + 1, self._next)  # inside the transaction: others append too
            connection.execute(_FIRST_ROW, (first, *rows[0]))
            if len(rows) > 1:
                connection.executemany(_NEXT_ROW, rows[1:])
        self._next = first + len(rows)
        return first

    def _open_writer(self) -> LogFile:
        if self._writer is None:
            self._writer = self._open()
            if self._checkpoints is not None:
                self._checkpoints.follow(self._writer.connection)
            self._next = max(self._next, self._clock())
        return self._writer

    def _open_reader(self) -> LogFile:
        if self._reader is None:
            self._reader = self._open()
        return self._reader

    def _open(self) -> LogFile:
        if self._closed:
            raise LogUnavailable(f"the callback log {self.path} was closed")
        file = LogFile(str(self.path), busy_ms=self._busy_ms)
        self.epoch = file.epoch
        self.openings += 1
        return file

    def _checkpoint(self) -> int:
        pages, done = self._read(lambda connection: connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE))
        return int(pages - done)

    def _give_up_writer(self, error: Exception) -> None:
        """The next call opens anew after whatever may have spoilt the connection; a lock or a full disk does not."""
        if self._writer is not None and not isinstance(error, (apsw.BusyError, apsw.FullError)):
            self._writer = _dropped(self._writer)

    def _read(self, question: Callable[[apsw.Connection], _T]) -> _T:
        with self._reading:
            failure: Exception = Displaced("the file is replaced again and again")
            for _ in range(_TRIES):
                try:
                    file = self._open_reader()
                    with file.reading() as connection:
                        return question(connection)
                except _TROUBLE as error:
                    failure = error
                    if self._reader is None and not isinstance(error, Displaced):
                        break  # it cannot even be opened
                self._reader = self._reader and _dropped(self._reader)
            raise self._unavailable(failure) from failure

    def _unavailable(self, error: Exception) -> LogUnavailable:
        return LogUnavailable(f"the callback log {self.path} is not available: {self._words(error)}")

    def _words(self, error: Exception) -> str:
        if self.path.is_dir():
            return "it is a folder"
        if not self.path.parent.is_dir():
            return "its folder is gone"
        return describe_os_error(error) if isinstance(error, OSError) else str(error)


def _page(connection: apsw.Connection, sql: str, bound: int, rows_max: int) -> list[Callback]:
    found: list[Callback] = []
    left = _READ_BYTES_MAX
    with _closing(connection.execute(sql, (bound, rows_max))) as rows:
        for row in rows:
            found.append(Callback(*row))
            left -= len(row[BODY + 1])
            if left <= 0:
                break
    return found


@contextmanager
def _closing(cursor: apsw.Cursor) -> Iterator[apsw.Cursor]:
    """A cursor that is left open would hold the WAL's end for ever."""
    try:
        yield cursor
    finally:
        cursor.close(force=True)


def _last(connection: apsw.Connection) -> int:
    last: int = connection.execute(_LAST).get
    return last


def _holds(file: LogFile, first: int, count: int) -> bool:
    with file.reading() as connection:
        return bool(connection.execute(_HOLDS, (first, first + count - 1)).get == count)


def _dropped(file: LogFile) -> LogFile | None:
    try:
        file.let_go()
    except apsw.BusyError:
        return file
    return None
