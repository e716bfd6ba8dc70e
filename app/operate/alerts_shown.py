"""How alerts look outside."""

from typing import Any

from app.operate.shown import Shown


class AlertShown(Shown):
    """Something that a person should look at."""

    id: str
    kind: str
    subject: str
    text: str
    what_to_do: str
    commands: list[str]
    detail: dict[str, Any]
    since: str
    last_at: str
    count: int
    closed_at: str | None
    closed_by: str | None


class AlertsShown(Shown):
    """A page of alerts, newest first."""

    alerts: list[AlertShown]
    next_cursor: str | None
