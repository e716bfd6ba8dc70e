"""The log's place on disk: its path, its folder, and the lock that only one server holds."""

import fcntl
import os
from pathlib import Path

from app.core.errors import LogBusy, StartRefused, describe_os_error


def log_path(log_url: str) -> Path:
    """Where an SQLite log lies."""
    return Path(log_url.partition("://")[2].removeprefix("/"))


def make_folder(folder: Path) -> None:
    """Make it where it is missing, and have its name on disk before anything in it counts. Raises StartRefused."""
    try:
        for path in reversed([folder, *folder.parents]):
            if not path.exists():
                path.mkdir(exist_ok=True)
                _sync(path.parent)
    except OSError as error:
        raise StartRefused(f"the callback log's folder cannot be made: {describe_os_error(error)}") from error


def take_server_lock(database: Path) -> int:
    """Lock `<database>.lock` → its descriptor; closing that gives the lock back, and so does any end of the process.

    A file of its own: SQLite's locks on the database would be lost with a descriptor of ours. Raises LogBusy when
    another server holds it, StartRefused when the file cannot be made.
    """
    return _lock(
        database, ".lock", "another server{by} holds {path}; a callback log and a state database have one server"
    )


def take_import_lock(database: Path) -> int:
    """Lock `<database>.import.lock` → its descriptor: two imports at once would not see what the other appends."""
    return _lock(database, ".import.lock", "another import{by} is under way (it holds {path}); wait until it has ended")


def take_watch_lock(database: Path, number: int, folder: str) -> int:
    """Lock `<database>.watch-<number>.lock` → its descriptor: with two watchers each change of a folder came twice."""
    shown = folder.replace("{", "{{").replace("}", "}}")
    return _lock(
        database,
        f".watch-{number}.lock",
        f"another watcher{{by}} watches {shown}; a folder has one (it holds {{path}})",
    )


def _lock(database: Path, suffix: str, busy: str) -> int:
    real = database.resolve()
    path = real.with_name(real.name + suffix)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartRefused(f"the lock {path} cannot be taken: {describe_os_error(error)}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)  # for people only
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        by = f" (process {holder})" if holder.isdigit() else ""
        raise LogBusy(busy.format(by=by, path=path)) from None
    except OSError as error:
        os.close(descriptor)
        raise StartRefused(f"{path} cannot be locked: {describe_os_error(error)}") from error
    return descriptor


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
