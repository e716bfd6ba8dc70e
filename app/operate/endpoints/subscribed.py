"""Functions of the application as destinations: known by their names, from their first start on."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

_ADD = text(
    "INSERT INTO callback_endpoints (name, events, made_at, event_id, callback_id)"
    " VALUES (:name, :events, :at, (SELECT coalesce(max(id), 0) FROM callback_events), 0)"
    " ON CONFLICT (name) DO UPDATE SET events = excluded.events WHERE url IS NULL AND events <> excluded.events"
)


def subscribe(connection: Connection, patterns: Mapping[str, str], at: int) -> None:
    """Make each name a destination; a new one hears from now on, a known one goes on where it stood."""
    for name, events in patterns.items():
        connection.execute(_ADD, {"name": name, "events": events, "at": at})
