"""The callback log's SQLite schema and how a connection on it is set; made by whoever comes first."""

import secrets
import time
from collections.abc import Callable

import apsw

from app.core.database import SAFE_WAL
from app.core.errors import StartRefused

SCHEMA = 1

_PAGE_BYTES = 8192
CHECKPOINT_PAGES = 500
_CACHE_KIB = 2000
#: A WAL that grew while somebody read for long shrinks to this when it starts anew.
_WAL_BYTES_MAX = 64 << 20

# No secondary index: one costs 5 to 9 microseconds a row, and searching belongs to the state.
_TABLES = """
CREATE TABLE callbacks (
  id INTEGER PRIMARY KEY, partition INTEGER NOT NULL, provider TEXT NOT NULL, event_type TEXT NOT NULL,
  event_key TEXT NOT NULL, ordering_key TEXT NOT NULL, received_at INTEGER NOT NULL, headers TEXT NOT NULL,
  body BLOB NOT NULL, verification TEXT NOT NULL, remote_addr TEXT NOT NULL
) STRICT;
CREATE TABLE meta (epoch TEXT NOT NULL, schema INTEGER NOT NULL) STRICT;
"""


def refuse_old_library() -> None:
    """Raise StartRefused when apsw brings an SQLite that may corrupt a WAL database."""
    text = apsw.sqlite_lib_version()
    if tuple(int(part) for part in text.split(".")) < SAFE_WAL:
        safe = ".".join(map(str, SAFE_WAL))
        raise StartRefused(f"the callback log needs SQLite {safe} or newer, apsw brings {text}; upgrade apsw")


def prepare(connection: apsw.Connection, busy_ms: int) -> None:
    """Set what the log's durability and speed rest on. Raises apsw.Error where that cannot be had."""
    connection.set_busy_timeout(busy_ms)
    connection.pragma("page_size", _PAGE_BYTES)  # counts only for a file that is made now
    mode = _patiently(lambda: connection.pragma("journal_mode", "wal"), busy_ms)
    if connection.readonly("main"):
        raise apsw.ReadOnlyError("the file may only be read")
    if mode != "wal":
        raise apsw.CantOpenError("this file system has no write-ahead logging (a network disk?)")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
    connection.pragma("journal_size_limit", _WAL_BYTES_MAX)
    connection.pragma("cache_size", -_CACHE_KIB)


def _patiently(change: Callable[[], object], busy_ms: int) -> object:
    """Two processes that make the log at once: the change of journal mode does not wait for a lock by itself."""
    deadline = time.monotonic() + busy_ms / 1000
    while True:
        try:
            return change()
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def adopt(connection: apsw.Connection, path: str) -> str:
    """Make the tables where there are none → the log's epoch."""
    if not _tables(connection):
        _make_tables(connection)
    if not _tables(connection) >= {"callbacks", "meta"}:
        raise StartRefused(f"{path} is another database, not a callback log; set CALLBACK_LOG_URL to a file of its own")
    epoch, schema = connection.execute("SELECT epoch, schema FROM meta").get
    if schema > SCHEMA:
        raise StartRefused(f"{path} was written by a newer release (log schema {schema}, this one knows {SCHEMA})")
    return str(epoch)


def _make_tables(connection: apsw.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _tables(connection):  # another process may have been faster
            connection.execute(_TABLES)
            connection.execute("INSERT INTO meta VALUES (?, ?)", (secrets.token_hex(16), SCHEMA))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _tables(connection: apsw.Connection) -> set[object]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
