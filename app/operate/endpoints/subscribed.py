"""Functions of the application as destinations: known by their names, from their first start on."""

from collections.abc import Iterable, Mapping

import orjson
from sqlalchemy import Connection, text

from app.core.ends import LATEST

#: Before the names of functions: no endpoint's name has a colon.
PREFIX = "on:"

_ADD = text(
    "INSERT INTO callback_endpoints (name, events, made_at, hears_from, event_id, callback_id)"
    " VALUES (:name, :events, :at, :at, (SELECT coalesce(max(id), 0) FROM callback_events), 0)"
    " ON CONFLICT (name) DO UPDATE SET events = excluded.events WHERE url IS NULL AND events <> excluded.events"
)
_MISSING = text(
    f"UPDATE callback_endpoints SET missing_since = :at WHERE name LIKE '{PREFIX}%' AND missing_since IS NULL"
    " AND name NOT IN (SELECT value FROM json_each(:names))"
)
_BACK = text(
    "UPDATE callback_endpoints SET missing_since = NULL"
    " WHERE missing_since IS NOT NULL AND name IN (SELECT value FROM json_each(:names))"
)
_MISSED = text(
    "SELECT EXISTS (SELECT 1 FROM callback_endpoints"
    " WHERE missing_since IS NOT NULL AND name IN (SELECT value FROM json_each(:names)))"
)
_WAKE = text(
    "UPDATE callback_tasks SET due_at = :at WHERE kind = 'event' AND state = 'ready' AND due_at = :held"
    " AND destination IN (SELECT value FROM json_each(:names))"
)


def subscribe(connection: Connection, patterns: Mapping[str, str], at: int) -> None:
    """Make each name a destination; a new one hears from now on, a known one goes on where it stood.

    Those that this process has not are noted as missing: what they have not heard waits for them.
    """
    for name, events in patterns.items():
        connection.execute(_ADD, {"name": name, "events": events, "at": at})
    connection.execute(_MISSING, {"at": at, **_told(patterns)})
    come_back(connection, patterns, at)


def are_missed(connection: Connection, names: Iterable[str]) -> bool:
    """Whether another process, which has them not, noted any of these as missing."""
    return bool(connection.execute(_MISSED, _told(names)).scalar_one())


def come_back(connection: Connection, names: Iterable[str], at: int) -> None:
    """Note that these are here, and let go what waits for them."""
    connection.execute(_BACK, _told(names))
    connection.execute(_WAKE, {"at": at, "held": LATEST, **_told(names)})


def _told(names: Iterable[str]) -> dict[str, str]:
    return {"names": orjson.dumps(list(names)).decode()}
