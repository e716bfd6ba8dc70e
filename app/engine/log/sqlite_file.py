"""One connection on the log's SQLite file, and the knowledge whether the path still leads to it.

Only SQLite ever opens the file: closing any other descriptor of it would drop SQLite's POSIX locks. So a moved file is
noticed by asking where the path leads, never by opening it.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import apsw

from app.engine.log.inode import Inode, look
from app.engine.log.sqlite_schema import adopt, prepare


class Displaced(Exception):
    """The path no longer leads to the file that is open; nothing was written."""


class LogFile:
    """The callback log's file as one connection sees it; made with its schema when there is none.

    Raises StartRefused for a file that is no log of ours, apsw.Error for what SQLite says, Displaced when it is
    replaced in this very moment.
    """

    def __init__(self, path: str, *, busy_ms: int) -> None:
        """`path` is absolute; `busy_ms` is how long another process' lock is waited for."""
        self._path = path
        real = str(Path(path).resolve())  # SQLite follows links, and puts its files beside the file itself
        self._wal, self._shm = real + "-wal", real + "-shm"
        self._lock = Lock()
        self.wal_bytes = 0
        with _moving:
            self.connection = apsw.Connection(path)
            try:
                prepare(self.connection, busy_ms)
                self.epoch = adopt(self.connection, path)
                self.inode, self._wal_inode, self._shm_inode = _inode(path), _inode(self._wal), _inode(self._shm)
                self._stay(here=self.in_place() and not _has_moved(self.connection))
            except BaseException:
                self.connection.close(force=True)
                raise
            self._open = True
            _open_files.add(self)

    def in_place(self) -> bool:
        """Whether the path leads to this very file, its WAL and its locks; asked around each use."""
        main, wal, shm = look(self._path), look(self._wal), look(self._shm)
        if main is None or wal is None or shm is None:
            return False
        self.wal_bytes = wal.size
        return (main.inode, wal.inode, shm.inode) == (self.inode, self._wal_inode, self._shm_inode)

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """BEGIN IMMEDIATE, COMMIT at the end, ROLLBACK at an exception. Raises Displaced before anything is written.

        Whether the file is still in place at the end is for the caller to ask. It is asked at the beginning too, so
        that a process which still holds a deleted WAL never numbers frames that others, by then on the next WAL, would
        look for in theirs.
        """
        with self._lock:
            self._stay(here=self._open)
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

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """Raises Displaced, at the end too: what was read then may be a mixture of two files."""
        with self._lock:
            self._stay(here=self._open and self.in_place())
            yield self.connection
            self._stay(here=self.in_place())

    def let_go(self) -> None:
        """Close. A file that was displaced is left by all connections of this process together.

        They share its locks as long as one of them is open, even if the file of locks was deleted. Raises
        apsw.BusyError while another process reads the old file; then it stays open.
        """
        if self.in_place():
            self.shut(leaving=False)
            return
        with _moving:
            if self._open:
                self._save()
                for file in [file for file in _open_files if file.inode == self.inode and not file.in_place()]:
                    file.shut(leaving=True)

    def abandon(self) -> None:
        """Close at the end of the process, whoever else reads."""
        with suppress(apsw.BusyError):
            self.let_go()
        self.shut(leaving=True)

    def shut(self, *, leaving: bool) -> None:
        """Close this connection alone; `leaving` what is no longer in place."""
        with self._lock:
            if self._open:
                if leaving:  # what lies beside the path is not ours: neither to be checkpointed nor to be deleted
                    self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                self._open = False
                _open_files.discard(self)
                self.connection.close(force=True)

    def _save(self) -> None:
        """Bring what was acknowledged into the file that it belongs to, and leave nothing beside its successor.

        A WAL does not know its database: SQLite would replay one that stayed behind into whatever file took the place.
        Where only the WAL was deleted, this saves what it held. An empty one in its place is nobody's next one yet: who
        opens the file before we left makes it, and cannot read with it.
        """
        with self._lock:
            wal = look(self._wal)
            next_wal = wal is not None and wal.inode != self._wal_inode and wal.size > 0
            if not next_wal and _inode(self._shm) in (self._shm_inode, None):
                try:
                    self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                except apsw.BusyError:
                    raise
                except apsw.Error:
                    pass  # what cannot be saved is no reason to stay
            # else another process has gone on to the next WAL, and has done this before
            if _inode(self._path) != self.inode:
                _remove(self._wal, self._wal_inode)
                _remove(self._shm, self._shm_inode)

    def _stay(self, *, here: bool) -> None:
        if not here:
            raise Displaced("the file was replaced")


#: Held while a file is opened or left.
_moving = Lock()
_open_files: set[LogFile] = set()


def _inode(path: str) -> Inode | None:
    found = look(path)
    return None if found is None else found.inode


def _has_moved(connection: apsw.Connection) -> bool:
    """SQLite's own comparison of the path with its descriptor: closes the gap between opening and asking."""
    moved = ctypes.c_int(0)
    connection.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(moved))
    return bool(moved.value)


def _remove(path: str, inode: Inode | None) -> None:
    if inode is not None and _inode(path) == inode:
        with suppress(OSError):
            Path(path).unlink()
