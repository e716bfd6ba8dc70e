"""What a try of a delivery means for its destination: heard, failing, gone; and what is sent to it."""

from typing import Any

import msgspec
from sqlalchemy import Connection, text

from app.engine.outcomes import Alert, raise_alerts
from app.engine.tasks import Again, Failure, GiveUp, Result, Success, Task, Verdict

#: After so long without one success an endpoint is switched off.
PATIENCE_SECONDS = 3 * 86_400
#: An endpoint that answers this wants no more. Source: Standard Webhooks, "Deliverability and reliability".
GONE = 410
OFF_ALERT = "endpoint_off"
_SECOND = 1_000_000
_HEARD_US = 60 * _SECOND  # a success is written down no oftener, where nothing had failed
_WAIT_OFF_US = 600 * _SECOND


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


def settle(connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
    """Write down how the destination is; what waits for one that is off or failing is kept, never a dead letter."""
    row = connection.execute(
        text("SELECT url, off_why, failing_since, heard_at FROM callback_endpoints WHERE name = :name"),
        {"name": task.destination},
    ).first()
    if row is None:
        return proposed
    if isinstance(result, Success):
        _heard(connection, task.destination, row, at)
        return proposed
    if row.off_why:
        return _wait(result, at)
    if row.url is None or not result.counts:
        return proposed
    since = at if row.failing_since is None else row.failing_since
    why = _why_off(result, at - since)
    connection.execute(
        text("UPDATE callback_endpoints SET failing_since = :since, off_why = :why WHERE name = :name"),
        {"since": since, "why": why, "name": task.destination},
    )
    if why:
        raise_alerts(connection, [Alert(OFF_ALERT, f"endpoint:{task.destination}", {"why": why})], at=at)
        return _wait(result, at)
    # Only where others arrive is it this one that nobody takes.
    return _wait(result, at) if isinstance(proposed, GiveUp) and since < task.created_at else proposed


def _heard(connection: Connection, name: str, row: Any, at: int) -> None:
    if row.failing_since is not None or at - row.heard_at > _HEARD_US:
        connection.execute(
            text("UPDATE callback_endpoints SET failing_since = NULL, heard_at = :at WHERE name = :name"),
            {"at": at, "name": name},
        )


def _why_off(result: Failure, failing_us: int) -> str:
    if result.reason == "endpoint_gone":
        return "gone"
    return "failing" if failing_us >= PATIENCE_SECONDS * _SECOND else ""


def _wait(result: Failure, at: int) -> Again:
    return Again(at + _WAIT_OFF_US, result.error, counts=False)
