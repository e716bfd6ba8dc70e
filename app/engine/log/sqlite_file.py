"""One connection on the log's SQLite file, its schema, and the knowledge whether the path still leads to it.

Only SQLite ever opens the file: closing any other descriptor of it would drop SQLite's POSIX locks. So a moved file is
noticed by `os.stat`, never by opening it.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from app.engine.log.sqlite_schema import adopt, prepare

_Inode = tuple[int, int]


class Displaced(Exception):
    """The path no longer leads to the file that is open; nothing was written."""


class LogFile:
    """The callback log's file as one connection sees it; made with its schema when there is none.

    Not for two threads at once. Raises StartRefused for a file that is no log of ours, apsw.Error for what SQLite says,
    Displaced when it was replaced in this very moment.
    """

    def __init__(self, path: str, *, busy_ms: int) -> None:
        """`path` is absolute; `busy_ms` is how long another process' lock is waited for."""
        self._path = path
        real = str(Path(path).resolve())  # SQLite follows links, and puts its files beside the file itself
        self._wal, self._shm = real + "-wal", real + "-shm"
        self.wal_bytes = 0
        self.connection = apsw.Connection(path)
        try:
            prepare(self.connection, busy_ms)
            self.epoch = adopt(self.connection, path)
            self.inode, self._wal_inode, self._shm_inode = _inode(path), _inode(self._wal), _inode(self._shm)
            self._stay(here=self.in_place() and not _has_moved(self.connection))
        except BaseException:
            self.connection.close(force=True)
            raise

    def in_place(self) -> bool:
        """Whether the path leads to this very file, its WAL and its locks; three microseconds, around each use."""
        stat = os.stat  # a Path costs twice as much
        try:
            main, wal, shm = stat(self._path), stat(self._wal), stat(self._shm)
        except OSError:
            return False
        self.wal_bytes = wal.st_size
        return (
            (main.st_dev, main.st_ino) == self.inode
            and (wal.st_dev, wal.st_ino) == self._wal_inode
            and (shm.st_dev, shm.st_ino) == self._shm_inode
        )

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """BEGIN IMMEDIATE, COMMIT at the end, ROLLBACK at an exception. Raises Displaced before anything is written.

        Asking before as well as after the commit keeps a process that still holds a deleted WAL from numbering frames
        that others, by then on the next WAL, would look for in theirs.
        """
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._stay(here=self.in_place())
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def let_go(self) -> None:
        """Close. Of a file that was displaced nothing may be left beside its successor.

        A WAL does not know which database it belongs to: SQLite would replay the one that stayed behind into whatever
        file took the place. So its frames are brought into the file that they belong to (also when only the WAL was
        deleted: then this saves what was acknowledged), and it is removed. Raises apsw.BusyError while somebody reads
        the old file; then it stays open.
        """
        if not self.in_place():
            self._leave()
        self.connection.close(force=True)

    def abandon(self) -> None:
        """Close at the end of the process, whoever else reads."""
        with suppress(apsw.Error):
            self.let_go()
        self.connection.close(force=True)

    def _stay(self, *, here: bool) -> None:
        if not here:
            raise Displaced("the file was replaced")

    def _leave(self) -> None:
        replaced = _inode(self._path) != self.inode
        if _inode(self._wal) in (self._wal_inode, None) and _inode(self._shm) in (self._shm_inode, None):
            try:
                self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                raise
            except apsw.Error:
                pass  # what cannot be saved is no reason to stay
        # else somebody has gone on to the next WAL, and has done this before
        if replaced:
            _remove(self._wal, self._wal_inode)
            _remove(self._shm, self._shm_inode)
        # What lies beside the path now is not ours: neither to be checkpointed nor to be deleted at closing.
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)


def _inode(path: str) -> _Inode | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _has_moved(connection: apsw.Connection) -> bool:
    """SQLite's own comparison of the path with its descriptor: closes the gap between opening and `os.stat`."""
    moved = ctypes.c_int(0)
    connection.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(moved))
    return bool(moved.value)


def _remove(path: str, inode: _Inode | None) -> None:
    if inode is not None and _inode(path) == inode:
        with suppress(OSError):
            Path(path).unlink()
