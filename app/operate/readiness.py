"""Whether callbacks can be taken: the log, the state, their disks; and whether the worker keeps up. Writes nothing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import Settings
from app.core.database import check_schema, reading, why_displaced
from app.core.errors import CallbackError
from app.engine.log import visiting
from app.engine.log.place import log_path
from app.engine.offsets import place_of
from app.operate.readiness_shown import CheckShown, ReadinessShown

_FREE_BYTES_MIN = 16 << 20
_SLOW_SECONDS = 60.0
#: A worker decides a batch in a tenth of a second: one that has not moved for so long, while callbacks wait, does not.
_STILL_SECONDS = 10.0
#: A write that failed so recently says that the next one will; after that, the next callback tells.
_FAILED_SECONDS = 5.0
_SECOND = 1_000_000


def readiness(engine: Engine, settings: Settings, *, at: int, write_failed_at: int = 0) -> ReadinessShown:
    """Whether callbacks can be taken. A worker that is behind or stands still is told, and loses nothing.

    `write_failed_at`: when this server's last write to the log failed (microseconds); 0 when none did.
    """
    checks = {
        "log": _checked(lambda: _log_can_be_written(settings.callback_log_url, at - write_failed_at)),
        "state": _checked(lambda: _state_can_be_written(engine)),
    }
    ready = all(check.ok for check in checks.values())
    if ready:
        checks["worker"] = _checked(lambda: _worker_keeps_up(engine, settings.callback_log_url, at))
    return ReadinessShown(success=ready, checks=checks)


class _Bad(Exception):
    """A check that failed, in words."""


def _checked(check: Callable[[], str]) -> CheckShown:
    try:
        return CheckShown(ok=True, told=check())
    except (_Bad, CallbackError, SQLAlchemyError, OSError) as error:
        # A driver's error carries its statement and address on further lines.
        return CheckShown(ok=False, told=str(error).partition("\n")[0][:300])


def _log_can_be_written(log_url: str, since_failure_us: int) -> str:
    path = log_path(log_url)
    there = path.is_file()
    if there:
        with visiting(log_url) as log:
            log.last_id()
    _disk_takes_more(path, "callback log")
    if 0 <= since_failure_us < _FAILED_SECONDS * _SECOND:
        raise _Bad(f"the callback log {path} could not be written {since_failure_us / _SECOND:.0f} seconds ago")
    return "can be written" if there else "is made with the first callback"


def _state_can_be_written(engine: Engine) -> str:
    path = Path(engine.url.database or "")
    if path.exists():  # else a connection would make it
        with reading(engine) as connection:
            if why := why_displaced(connection):
                raise _Bad(why)
    check_schema(engine)
    _disk_takes_more(path, "state database")
    return "schema is current, can be written"


def _disk_takes_more(path: Path, name: str) -> None:
    """Rights and room; a file that is not there yet is judged by the folder that will hold it."""
    path = path.absolute()
    place = next(each for each in (path, *path.parents) if each.exists())
    folder = next(each for each in path.parents if each.exists())
    for each in {place, folder}:  # SQLite makes its files beside it
        if not os.access(each, os.W_OK):
            raise _Bad(f"the {name} {path} cannot be written: {each} is read-only, or the rights are missing")
    if shutil.disk_usage(folder).free < _FREE_BYTES_MIN:
        raise _Bad(f"the disk of the {name} {path} is full")


def _worker_keeps_up(engine: Engine, log_url: str, at: int) -> str:
    if not log_path(log_url).is_file():
        return "nothing waits"
    with visiting(log_url) as log:
        with reading(engine) as connection:
            place = place_of(connection, log.epoch)
        first = log.read_after(place.offset, 1)
    waits = (at - first[0].received_at) / _SECOND if first else 0.0
    # Callbacks that came before it began to work are no sign: it stands still when it has not moved since they came.
    still = min(waits, (at - place.moved_at) / _SECOND)
    if still > _STILL_SECONDS:
        raise _Bad(f"the worker stands still for {still:.0f} seconds while callbacks wait; is it running?")
    if waits > _SLOW_SECONDS:
        raise _Bad(f"the oldest callback waits for {waits:.0f} seconds; the worker is behind")
    return "keeps up"
