"""Removes what came in and belongs to no upload: its server was killed before the event was in the log."""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, text

from app.core.config import Settings
from app.engine.callback import Callback
from app.files import keeping

_A_DAY = 86_400_000_000
#: Between a file's last byte and its event in the log there are seconds.
_AN_HOUR = 3_600_000_000
UPLOADS = "event/upload"


def sweep(connection: Connection, settings: Settings, find: Callable[[int], Callback | None], at: int) -> int:
    """Remove files of `incoming` older than a day that no upload still needs → how many. `find` is the log's `get`.

    Ids are about the clock's microseconds: where the worker has passed a file's hour, its event is decided, if there
    is one, and its task is done or among those that are not.
    """
    old = [(name, at_) for name, at_ in keeping.incoming(settings.callback_uploads) if at_ < at - _A_DAY]
    if not old:
        return 0
    place = connection.execute(text('SELECT coalesce(max("offset"), 0) FROM callback_offsets')).scalar_one()
    wanted = _wanted(connection, find)
    room = keeping.place_of(settings.callback_uploads) / keeping.INCOMING
    gone = [name for name, at_ in old if at_ + _AN_HOUR < place and name not in wanted]
    return sum(keeping.remove_incoming(settings.callback_uploads, str(room / name)) for name in gone)


def _wanted(connection: Connection, find: Callable[[int], Callback | None]) -> set[str]:
    """Names of files that uploads wait for: those to be tried, and those that a person may have tried again.

    A callback that the worker set aside has no task yet; it is named by its own dead letter.
    """
    rows = connection.execute(
        text(
            "SELECT callback_id FROM callback_tasks WHERE kind = 'handler' AND destination = :uploads"
            " AND callback_id IS NOT NULL AND (state IN ('ready', 'running') OR id IN"
            " (SELECT ref FROM callback_dead WHERE kind = 'task' AND closed_at IS NULL))"
            " UNION SELECT o.callback_id FROM callback_dead d JOIN callback_outcomes o ON o.callback_id = d.ref"
            " WHERE d.kind = 'callback' AND d.closed_at IS NULL AND o.provider = :uploads"
        ),
        {"uploads": UPLOADS},
    )
    return {_name(found.body) for number in rows.scalars() if (found := find(number)) is not None}


def _name(body: bytes) -> str:
    try:
        return str(_path(body).file_path).rpartition("/")[2]
    except msgspec.DecodeError:
        return ""


class _Told(msgspec.Struct):
    file_path: str = ""


_path = msgspec.json.Decoder(_Told).decode
