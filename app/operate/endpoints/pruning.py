"""Forgets events that every destination has long heard; what somebody may still be told stays."""

import time
from collections.abc import Callable

from sqlalchemy import Connection, Engine

from app.core.database import reading, writing
from app.core.ends import ID_MAX
from app.engine.outcomes import driver
from app.operate.exporting import Progress, no_progress

_BATCH_ROWS = 500
_REST = 4
_REST_SECONDS_MIN = 0.002

_HEARD = "SELECT min(event_id) FROM callback_endpoints WHERE events <> '' AND name NOT LIKE 'pull:%'"
_PASSED = "SELECT min(callback_id) FROM callback_endpoints WHERE callbacks <> ''"
#: Those of which a task is open, or was given up and nobody has seen to it.
_NEEDED = (
    "SELECT json_extract(t.payload, '$.event') FROM callback_tasks AS t INDEXED BY callback_tasks_forward"
    " WHERE t.kind IN ('forward', 'event') AND t.state IN ('ready', 'running')"
    " AND json_extract(t.payload, '$.event') IS NOT NULL"
    " UNION SELECT json_extract(t.payload, '$.event') FROM callback_dead AS d JOIN callback_tasks AS t ON t.id = d.ref"
    " WHERE d.kind = 'task' AND d.closed_at IS NULL AND t.kind IN ('forward', 'event')"
    " AND json_extract(t.payload, '$.event') IS NOT NULL"
)
_OLD = f"FROM callback_events WHERE id <= ? AND at < ? AND id NOT IN ({_NEEDED})"


def old_events(engine: Engine, *, before: int) -> int:
    """How many events may go: older than this moment (microseconds), heard by all."""
    with reading(engine) as connection:
        return int(driver(connection).execute(f"SELECT count(*) {_OLD}", (_heard(connection), before)).fetchone()[0])


def forget_events(
    engine: Engine,
    *,
    before: int,
    progress: Progress = no_progress,
    rest: Callable[[float], None] = time.sleep,
) -> int:
    """Delete them, a batch at a time → how many are gone; may be stopped after any."""
    gone, all_of_them = 0, old_events(engine, before=before)
    statement = f"DELETE FROM callback_events WHERE id IN (SELECT id {_OLD} LIMIT {_BATCH_ROWS})"
    while True:
        started = time.perf_counter()
        with writing(engine) as connection:
            deleted = driver(connection).execute(statement, (_heard(connection), before)).rowcount
        if not deleted:
            return gone
        gone += deleted
        progress(gone, max(gone, all_of_them))
        rest(max(_REST_SECONDS_MIN, _REST * (time.perf_counter() - started)))


def passed_by_all(connection: Connection) -> int:
    """The callback up to which every endpoint that hears of callbacks has come."""
    least = driver(connection).execute(_PASSED).fetchone()[0]
    return ID_MAX if least is None else int(least)


def _heard(connection: Connection) -> int:
    least = driver(connection).execute(_HEARD).fetchone()[0]
    return ID_MAX if least is None else int(least)
