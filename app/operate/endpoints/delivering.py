"""What a try of a delivery means for its destination: heard, failing, gone; and what is sent to it."""

from typing import Any

import msgspec
from sqlalchemy import Connection, text

from app.core.ends import LATEST
from app.engine.outcomes import Alert, raise_alerts
from app.engine.tasks import Again, GiveUp, Result, Success, Task, Verdict

#: After so long without one success an endpoint is switched off.
PATIENCE_SECONDS = 3 * 86_400
#: An endpoint that answers this wants no more. Source: Standard Webhooks, "Deliverability and reliability".
GONE = 410
#: The alert that one was switched off.
OFF_ALERT, OFF_SUBJECT = "endpoint_off", "endpoint:"
#: Nobody is there to take it: it waits until they are back.
ABSENT = frozenset({"endpoint_is_off", "subscriber_missing"})
_PATIENCE_US = PATIENCE_SECONDS * 1_000_000
_HEARD_US = 60_000_000  # a success is written down no oftener, where nothing had failed
_AGAIN_US = 600_000_000
_LOOK_AGAIN_US = 5_000_000


class Target(msgspec.Struct, frozen=True):
    """Where a delivery goes, and how it is signed."""

    name: str
    url: str | None
    secrets: tuple[str, ...]  # the newest first
    off_why: str


def target_of(connection: Connection, name: str, at: int) -> Target | None:
    """The destination of this name as it is now; None where it was removed."""
    row = connection.execute(
        text("SELECT name, url, secret, old_secret, old_until, off_why FROM callback_endpoints WHERE name = :name"),
        {"name": name},
    ).first()
    if row is None:
        return None
    secrets = (row.secret, row.old_secret) if row.old_secret and row.old_until > at else (row.secret,)
    return Target(row.name, row.url, secrets, row.off_why)


_WAITING = "WHERE destination = :name AND kind IN ('forward', 'event') AND state = 'ready'"
_HOLD = text(f"UPDATE callback_tasks SET due_at = {LATEST} {_WAITING}")
_RELEASE = text(f"UPDATE callback_tasks SET due_at = :at, created_at = :at, tries = 0, lease_until = NULL {_WAITING}")
_NOW = text(f"UPDATE callback_tasks SET due_at = :at {_WAITING} AND due_at > :at")


def hold(connection: Connection, name: str) -> None:
    """Let all that is due there wait until it is switched on."""
    connection.execute(_HOLD, {"name": name})


def release(connection: Connection, name: str, at: int) -> None:
    """Let all that waits go now, in its order, and be patient with it anew."""
    connection.execute(_RELEASE, {"name": name, "at": at})


def settle(connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
    """Write down how the destination is; what waits for one that is off or failing is kept, never a dead letter."""
    row = connection.execute(
        text("SELECT url, off_why, failing_since, heard_at, missing_since FROM callback_endpoints WHERE name = :name"),
        {"name": task.destination},
    ).first()
    if row is None:
        return proposed
    if isinstance(result, Success):
        _heard(connection, task.destination, row, at)
        return proposed
    if row.off_why or result.reason in ABSENT:
        # One that came back while this try was under way has let go what waited, without it.
        absent = row.off_why or row.missing_since is not None
        return Again(LATEST if absent else at + _LOOK_AGAIN_US, result.error, counts=False)
    if row.url is None or result.final:
        return proposed
    since = at if row.failing_since is None else row.failing_since
    why = "gone" if result.reason == "endpoint_gone" else "failing" if at - since >= _PATIENCE_US else ""
    connection.execute(
        text("UPDATE callback_endpoints SET failing_since = :since, off_why = :why WHERE name = :name"),
        {"since": since, "why": why, "name": task.destination},
    )
    if why:
        subject = f"{OFF_SUBJECT}{task.destination}"
        hold(connection, task.destination)
        raise_alerts(connection, [Alert("endpoint_off", subject, {"endpoint": task.destination, "why": why})], at=at)
        return Again(LATEST, result.error, counts=False)
    if isinstance(proposed, GiveUp) and since - task.created_at < _PATIENCE_US // 2:
        return Again(at + _AGAIN_US, result.error)  # nothing arrives there: it is not this one that nobody takes
    return proposed


def _heard(connection: Connection, name: str, row: Any, at: int) -> None:
    if row.failing_since is not None or at - row.heard_at > _HEARD_US:
        connection.execute(
            text("UPDATE callback_endpoints SET failing_since = NULL, heard_at = :at WHERE name = :name"),
            {"at": at, "name": name},
        )
    # It is back: what failed meanwhile need not wait for its own next time.
    if row.url is not None and row.failing_since is not None and at - row.failing_since > _HEARD_US:
        connection.execute(_NOW, {"at": at, "name": name})
