"""Engines of the state database, and `get_db`; the only file that asks for the dialect or the SQLite library.

SQLite below 3.51.3 can corrupt a WAL database when two connections write and checkpoint at the same moment ("WAL-reset"
fault), so the state is opened by pysqlite3, which brings its own; where it has no wheels and the standard library's
SQLite is older, a rollback journal takes the place of the WAL.
"""

import atexit
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from app.core.config import get_settings
from app.core.errors import SchemaOutdated, StartRefused, StateDisplaced
from app.migrations.run import bring_up_to_date, why_outdated

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

try:
    from pysqlite3 import dbapi2 as _bundled
except ImportError:  # no wheel for this platform
    _bundled = None

SAFE_WAL = (3, 51, 3)

#: `worker` may lose its last commits at a power cut (offset and effects are lost together and read again);
#: everybody else is durable at commit.
Role = Literal["worker", "api"]

#: Connections of one engine.
_POOL = 16
_BUSY_MS = 15_000
_BEGIN = "callback_begin"
_OPENED = "callback_opened"
_File: TypeAlias = tuple[int, int]  # device, inode


def sqlite_module() -> ModuleType:
    """The one SQLite library that opens the state's file."""
    module: ModuleType = _bundled or sqlite3
    return module


def sqlite_version() -> tuple[int, ...]:
    """Version of the SQLite library under the state."""
    version: tuple[int, ...] = sqlite_module().sqlite_version_info
    return version


def wal_is_safe() -> bool:
    """Whether the state may use write-ahead logging with this SQLite library."""
    return sqlite_version() >= SAFE_WAL


def make_engine(url: str, role: Role = "api") -> Engine:
    """An engine on the state database. Transactions are deferred unless they come from `writing`.

    Raises StartRefused with one clear line for an address that cannot be used.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StartRefused(f"DATABASE_URL is not a database address: {error}") from None
    if parsed.get_backend_name() != "sqlite":
        raise StartRefused(
            f"DATABASE_URL={parsed.render_as_string(hide_password=True)!r}: this release keeps its state in SQLite; "
            "use sqlite:///data/state.db"
        )
    path = parsed.database
    if not path or path == ":memory:":
        raise StartRefused("DATABASE_URL names no file; use sqlite:///data/state.db")
    engine = create_engine(
        parsed,
        module=sqlite_module(),
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000},
        # None beyond these: to open one costs ten times what an ordinary question does. The last one first: where few
        # are asked at once, few hold pages.
        pool_size=_POOL,
        max_overflow=0,
        pool_timeout=_BUSY_MS / 1000,
        pool_use_lifo=True,
    )
    wal = wal_is_safe()
    first: list[_File] = []  # what this engine opened first: what stands in its place later is not opened instead
    event.listen(engine, "engine_disposed", lambda _: first.clear())

    @event.listens_for(engine, "do_connect")
    def _before(*_: Any) -> None:
        _refuse_orphaned_wal(os.path.abspath(path))  # noqa: PTH100 - as below

    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, record: Any) -> None:
        dbapi.isolation_level = None  # the driver begins nothing by itself: the `begin` event does
        for pragma in (
            f"busy_timeout={_BUSY_MS}",
            f"journal_mode={'wal' if wal else 'delete'}",
            # NORMAL in a rollback journal could corrupt at a power cut; in WAL it only loses the end
            f"synchronous={'normal' if role == 'worker' and wal else 'full'}",
            "wal_autocheckpoint=8000",
            "journal_size_limit=67108864",
            # The worker has one connection and works all over the file; of the others there may be sixteen.
            f"cache_size={-16_000 if role == 'worker' else -2_000}",
            "foreign_keys=on",
            "temp_store=memory",
        ):
            dbapi.execute(f"PRAGMA {pragma}")
        place = os.path.abspath(path)  # noqa: PTH100 - what SQLite does at its opening
        opened = _file_at(place)
        if opened is not None and not first:
            first.append(opened)
        record.info[_OPENED] = (place, opened, first[0] if first else None)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")

    return engine


@contextmanager
def writing(bind: Engine | Connection) -> Iterator[Connection]:
    """A transaction that writes, committed at the end, rolled back at an exception.

    On an engine its own short one (SQLite: BEGIN IMMEDIATE, so that a read is never upgraded to a write and fails);
    on a connection (a test's fixture) a savepoint inside the transaction that is open there.
    """
    if isinstance(bind, Connection):
        with bind.begin_nested():
            yield bind
        return
    with bind.connect().execution_options(**{_BEGIN: "IMMEDIATE"}) as connection:
        try:
            with connection.begin():
                driver = connection.connection.driver_connection
                if driver is not None and not getattr(driver, "in_transaction", True):
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # an engine that is not ours
                yield connection
                _refuse_displaced(connection)
        except StateDisplaced:
            _save(connection)
            raise


def _refuse_displaced(connection: Connection) -> None:
    if why := why_displaced(connection):
        raise StateDisplaced(why)


def _save(connection: Connection) -> None:
    """Bring what was committed into the file that was moved, and leave nothing beside whatever takes its place.

    A WAL does not know its database: SQLite would replay one that stayed behind into the other file.
    """
    with suppress(sqlite_module().Error):  # what cannot be saved is no reason to stay
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _file_at(path: str) -> _File | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a microsecond instead of four, in every transaction that writes
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _refuse_orphaned_wal(path: str) -> None:
    """Raise StateDisplaced where a WAL lies beside no database: SQLite would throw away what was committed into it."""
    if _size_of(path) == 0 and _size_of(path + "-wal") > 0:
        raise StateDisplaced(
            f"there is no state database at {path}, but {path}-wal still holds commits of it. Put the file back;"
            " or move its -wal and -shm away, if they are not wanted any more"
        )


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - as above
    except OSError:
        return 0


def why_displaced(connection: Connection) -> str:
    """A sentence when the path leads to another file than the one that this engine opened first, else "".

    What is committed into that one is gone with the process; an announcement would have been answered 201. The other
    file is not opened instead: a worker would go on in it from a place of the first. So it is asked before each commit.
    """
    path, opened, first = connection.connection.info.get(_OPENED, ("", None, None))
    if opened is None or _file_at(path) == opened == first:
        return ""
    return (
        f"the state database {path} was moved, replaced or deleted while it was in use; nothing was done. "
        "Stop, see to the file, start again"
    )


@contextmanager
def reading(bind: Engine | Connection) -> Iterator[Connection]:
    """A short transaction that only reads: one snapshot for all its statements."""
    if isinstance(bind, Connection):
        yield bind
        return
    with bind.connect() as connection, connection.begin():
        yield connection


@contextmanager
def snapshot(engine: Engine, *, pulse: Callable[[], None] | None = None) -> Iterator[Any]:
    """The driver's connection on the state as it is at this moment, opened read-only: nothing can be written by it.

    For reading whole tables in one go; the write-ahead log grows meanwhile. Beside it stands an empty database of its
    own, `work`, in a temporary file that is gone at the end: what is too large for memory is sorted there. `pulse` is
    called now and then inside long statements, and may raise.
    """
    module = sqlite_module()
    raised: list[BaseException] = []

    def beat() -> bool:
        try:
            if pulse is not None:
                pulse()
        except BaseException as error:  # noqa: BLE001 - SQLite would swallow it: it is raised again below
            raised.append(error)
            return True
        return False

    path = os.path.abspath(engine.url.database or "")  # noqa: PTH100 - as above
    with TemporaryDirectory(prefix="callbacks-") as folder:
        connection = module.connect(f"{Path(path).as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("ATTACH ? AS work", ((Path(folder) / "work.db").as_uri(),))
            for pragma in (f"busy_timeout={_BUSY_MS}", "main.cache_size=-16000", *_WORK):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM main.sqlite_master").fetchone()  # the moment is now
            connection.set_progress_handler(beat, _PULSE_STEPS)
            yield connection
        except module.OperationalError:
            if raised:
                raise raised[0] from None
            raise
        finally:
            connection.set_progress_handler(None, 0)
            connection.close()


#: Nobody ever opens it again.
_WORK = ("work.journal_mode=off", "work.synchronous=off", "work.cache_size=-4000")
#: Steps of SQLite's machine between two calls of `pulse`: a tenth of a second or so.
_PULSE_STEPS = 2_000_000


def checkpoint(engine: Engine) -> bool:
    """Move what the write-ahead log holds into the database's file, as far as no reader needs it; waits for nobody.

    False: somebody else was at it. True: what was committed before is on disk, also what the worker committed.
    """
    with engine.connect() as connection:
        busy: int = connection.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0]
    return not busy


@lru_cache(maxsize=8)
def engine_for(url: str, role: Role = "api") -> Engine:
    """One engine a process for each address and role; the file's folder is made when it is missing."""
    engine = make_engine(url, role)
    if engine.url.database:
        folder = Path(engine.url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartRefused(f"the folder of DATABASE_URL cannot be made: {error}") from error
    atexit.register(engine.dispose)  # the last one to close a database leaves no WAL behind
    return engine


def get_engine(role: Role = "api") -> Engine:
    """The engine that the settings name."""
    return engine_for(get_settings().database_url, role)


def ensure_schema(engine: Engine) -> None:
    """Bring a missing or older schema up to date. Raises SchemaOutdated when it is newer than this release."""
    try:
        bring_up_to_date(engine)
    except LookupError as error:
        raise SchemaOutdated(f"{error}; use the newer release") from None


def check_schema(engine: Engine) -> None:
    """Raise SchemaOutdated, with what to do, unless the schema is this release's. Makes no file.

    An empty one in the place of a state that was moved would be in the way of whoever puts it back, its WAL above all.
    """
    path = engine.url.database
    if path and not Path(path).exists():
        raise SchemaOutdated(f"there is no state database at {path}; put it back, or make one: callbacks migrate")
    if why := why_outdated(engine):
        raise SchemaOutdated(why)


def is_storage_trouble(error: BaseException) -> bool:
    """Whether the database itself is in trouble (locked, full, read-only, I/O), rather than a statement wrong."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF in _TROUBLE
    return isinstance(cause, sqlite_module().OperationalError) and any(w in str(cause) for w in _TROUBLE_WORDS)


# SQLITE_BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL
_TROUBLE = frozenset({5, 6, 7, 8, 10, 11, 13, 14, 15})
_TROUBLE_WORDS = ("locked", "busy", "disk", "readonly", "unable to open", "malformed", "out of memory")


def get_db() -> "Iterator[Session]":
    """Yield a Session on the state database and close it; a FastAPI dependency, or `next(get_db())`.

    `next(get_db())` finalises the generator at once, so that Session arrives closed. A closed Session stays usable: it
    takes a connection anew when it needs one, and our handlers only ask it for its engine.
    """
    from sqlalchemy.orm import Session  # noqa: PLC0415 - six megabytes that our own processes never need

    engine = get_engine()
    ensure_schema(engine)
    session = Session(engine)
    try:
        yield session
    finally:
        session.close()
