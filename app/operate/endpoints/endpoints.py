"""Endpoints, for whoever runs the shop: add, list, rotate a secret, switch off and on, remove."""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, text

from app.core.config import Settings
from app.core.database import reading, writing
from app.core.ends import ID_MAX
from app.core.errors import FieldError, NotFound
from app.engine.log import Log
from app.engine.outcomes import settle_alerts
from app.operate.endpoints.delivering import OFF_ALERT, OFF_SUBJECT, hold, release
from app.operate.endpoints.endpoints_shown import EndpointSecretShown, EndpointShown, EndpointsShown
from app.operate.endpoints.events import patterns_from, publish_since
from app.operate.endpoints.reaching import url_from
from app.operate.shown import time_text
from app.providers.standard_webhooks import new_secret

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SENDER = re.compile(r"[a-z0-9_/*-]{1,70}")
_SENDERS_MAX = 50
_ENDPOINTS_MAX = 100
_HOUR_SECONDS = 3_600
#: A secret that is exchanged is good for so long after, by default and at most.
OVERLAP_HOURS, OVERLAP_HOURS_MAX = 24, 24 * 30
_SECOND = 1_000_000


def add(  # noqa: PLR0913 - what an endpoint is
    engine: Engine,
    log: Log,
    settings: Settings,
    *,
    name: Any,
    url: Any,
    events: str | Iterable[str],
    callbacks: str | Iterable[str],
    since: int | None,
    at: int,
) -> EndpointSecretShown:
    """Add an endpoint; it hears from now on, or of what came after callback `since`. Raises FieldError."""
    told: dict[str, Any] = {
        "name": _name_from(name),
        "url": url_from(url, production=settings.production),
        "events": patterns_from("events", events),
        "callbacks": senders_from(callbacks),
        "secret": new_secret(),
        "at": at,
    }
    if not told["events"] and not told["callbacks"]:
        raise FieldError("events", "neither events nor callbacks are chosen: it would never hear anything")
    if since is not None and not 0 <= since <= ID_MAX:
        raise FieldError("since", "is no callback's id")
    if since is not None and told["events"]:
        publish_since(engine, since)
    with writing(engine) as connection:
        if connection.execute(text("SELECT count(*) FROM callback_endpoints")).scalar_one() >= _ENDPOINTS_MAX:
            raise FieldError("name", f"there are {_ENDPOINTS_MAX} endpoints already")
        told |= {
            "hears_from": at if since is None else since,
            "event_id": _last_event(connection) if since is None else 0,
            "callback_id": log.last_id() if since is None else since,
        }
        added = connection.execute(
            text(
                "INSERT INTO callback_endpoints (name, url, secret, events, callbacks, made_at, hears_from, event_id,"
                " callback_id)"
                " VALUES (:name, :url, :secret, :events, :callbacks, :at, :hears_from, :event_id, :callback_id)"
                " ON CONFLICT (name) DO NOTHING"
            ),
            told,
        )
        if not added.rowcount:
            raise FieldError("name", f"an endpoint {told['name']!r} is there already; callbacks endpoints list")
        shown = EndpointSecretShown(endpoint=_show(connection, told["name"]), secret=told["secret"], old_until=None)
    if since is not None and told["events"]:
        publish_since(engine, since)  # what changed after the first look, when nobody listened yet
    return shown


def list_endpoints(engine: Engine) -> EndpointsShown:
    """All, by name."""
    with reading(engine) as connection:
        return EndpointsShown(endpoints=[_shown(row) for row in connection.execute(_ALL).mappings()])


def rotate(engine: Engine, name: str, *, overlap_hours: int, at: int) -> EndpointSecretShown:
    """Give an endpoint a new secret; the old one signs beside it for a while. Raises NotFound, FieldError."""
    if not 0 <= overlap_hours <= OVERLAP_HOURS_MAX:
        raise FieldError("overlap", f"must be 0 to {OVERLAP_HOURS_MAX} hours")
    secret, until = new_secret(), at + overlap_hours * _HOUR_SECONDS * _SECOND
    with writing(engine) as connection:
        _address_of(connection, name)
        connection.execute(
            text(
                "UPDATE callback_endpoints SET old_secret = secret, old_until = :until, secret = :secret"
                " WHERE name = :name"
            ),
            {"until": until, "secret": secret, "name": name},
        )
        old_until = time_text(until) if overlap_hours else None
        return EndpointSecretShown(endpoint=_show(connection, name), secret=secret, old_until=old_until)


def disable(engine: Engine, name: str) -> EndpointShown:
    """Send nothing there until it is enabled; it keeps its place. Raises NotFound."""
    with writing(engine) as connection:
        _address_of(connection, name)
        connection.execute(
            text("UPDATE callback_endpoints SET off_why = 'person' WHERE name = :name AND off_why = ''"), {"name": name}
        )
        hold(connection, name)
        return _show(connection, name)


def enable(engine: Engine, name: str, *, at: int) -> EndpointShown:
    """Send there again, and all that it has missed. Raises NotFound."""
    with writing(engine) as connection:
        _address_of(connection, name)
        connection.execute(
            text("UPDATE callback_endpoints SET off_why = '', failing_since = NULL WHERE name = :name"), {"name": name}
        )
        release(connection, name, at)
        settle_alerts(connection, [(OFF_ALERT, f"{OFF_SUBJECT}{name}")], by="enabled", at=at)
        return _show(connection, name)


def remove(engine: Engine, name: str, *, at: int) -> EndpointShown:
    """Forget a destination, and what it has not heard. Raises NotFound."""
    with writing(engine) as connection:
        shown = _show(connection, name)
        connection.execute(
            text(f"DELETE FROM callback_tries WHERE task_id IN (SELECT id {_UNFINISHED})"), {"name": name}
        )
        connection.execute(text(f"DELETE {_UNFINISHED}"), {"name": name})
        connection.execute(text("DELETE FROM callback_endpoints WHERE name = :name"), {"name": name})
        settle_alerts(connection, [(OFF_ALERT, f"{OFF_SUBJECT}{name}")], by="removed", at=at)
        return shown


def show(engine: Engine, name: str) -> EndpointShown:
    """One of them. Raises NotFound."""
    with reading(engine) as connection:
        return _show(connection, name)


def _name_from(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise FieldError("name", "has 1 to 64 of a-z 0-9 _ -")
    return value


def senders_from(told: str | Iterable[str]) -> str:
    """`midtrans, digiflazz` → as it is kept; patterns are fine. Raises FieldError."""
    parts = [part.strip() for part in (told.split(",") if isinstance(told, str) else told)]
    senders = tuple(dict.fromkeys(part for part in parts if part))
    if len(senders) > _SENDERS_MAX:
        raise FieldError("callbacks", f"holds more than {_SENDERS_MAX} senders")
    for sender in senders:
        if not _SENDER.fullmatch(sender):
            raise FieldError("callbacks", f"{sender[:60]!r} is no sender's name, such as midtrans")
    return ",".join(senders)


def _last_event(connection: Connection) -> int:
    return int(connection.execute(text("SELECT coalesce(max(id), 0) FROM callback_events")).scalar_one())


def _address_of(connection: Connection, name: str) -> str:
    url = connection.execute(text("SELECT url FROM callback_endpoints WHERE name = :name"), {"name": name}).scalar()
    if url is None:
        raise NotFound(f"there is no endpoint {name[:60]!r}; callbacks endpoints list shows them")
    return str(url)


_UNFINISHED = (
    "FROM callback_tasks WHERE destination = :name AND kind IN ('forward', 'event') AND state IN ('ready', 'running')"
)
_COLUMNS = """
SELECT e.*,
  (SELECT count(*) FROM callback_tasks AS t WHERE t.destination = e.name AND t.kind IN ('forward', 'event')
    AND t.state IN ('ready', 'running')) AS waiting,
  CASE WHEN e.events = '' OR e.name LIKE 'pull:%' THEN 0
    ELSE (SELECT count(*) FROM callback_events AS v WHERE v.id > e.event_id AND v.at >= e.hears_from) END AS behind
FROM callback_endpoints AS e
"""
_ALL = text(_COLUMNS + "ORDER BY e.name")
_ONE = text(_COLUMNS + "WHERE e.name = :name")


def _show(connection: Connection, name: str) -> EndpointShown:
    row = connection.execute(_ONE, {"name": name}).mappings().first()
    if row is None:
        raise NotFound(f"there is no endpoint {name[:60]!r}; callbacks endpoints list shows them")
    return _shown(row)


def _shown(row: RowMapping) -> EndpointShown:
    return EndpointShown(
        name=row["name"],
        url=row["url"],
        events=[each for each in row["events"].split(",") if each],
        callbacks=[each for each in row["callbacks"].split(",") if each],
        state=_state_of(row),
        why=row["off_why"],
        waiting=row["waiting"],
        behind=row["behind"],
        failing_since=None if row["failing_since"] is None else time_text(row["failing_since"]),
        heard_at=time_text(row["heard_at"]) if row["heard_at"] else None,
        made_at=time_text(row["made_at"]),
    )


def _state_of(row: RowMapping) -> str:
    if row["off_why"]:
        return "off"
    if row["missing_since"] is not None:
        return "missing"
    return "failing" if row["failing_since"] is not None and row["url"] is not None else "on"
