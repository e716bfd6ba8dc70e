"""Alerts: what a person should look at, and what was looked at; closed with who did it."""

import msgspec
from sqlalchemy import Connection, Engine, text

from app.core.database import reading, writing
from app.core.ends import ID_MAX
from app.core.errors import CallbackError, FieldError, NotFound
from app.core.language import Lang
from app.operate.alerts_shown import AlertsShown
from app.operate.matters import ALERTS
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.outcomes import alerts_found

PAGE_MAX = 200


class AlertSearch(msgspec.Struct, frozen=True):
    """Which alerts; "" for any."""

    kind: str = ""
    closed: bool = False  # closed ones, too
    before: int | None = None  # the page's cursor: older than this one


def list_alerts(engine: Engine, search: AlertSearch | None = None, *, rows_max: int = 50, lang: Lang) -> AlertsShown:
    """A page of alerts, newest first; by default of all that are open. Raises FieldError for a kind that is none."""
    search, rows_max = search or AlertSearch(), max(1, min(rows_max, PAGE_MAX))
    if search.kind and search.kind not in ALERTS:
        raise FieldError("kind", f"must be one of {', '.join(ALERTS)}")
    with reading(engine) as connection:
        shown = alerts_found(
            connection,
            kind=search.kind,
            closed=search.closed,
            before=ID_MAX if search.before is None else search.before,
            rows_max=rows_max + 1,
            lang=lang,
        )
    page = shown[:rows_max]
    return AlertsShown(alerts=page, next_cursor=page[-1].id if len(shown) > rows_max else None)


def close_alerts(engine: Engine, alert_ids: list[int], *, who: str, at: int) -> tuple[list[int], dict[int, str]]:
    """Close alerts that somebody has seen to → those that are closed, and why the others could not be.

    One that cannot be stops no other; a closed one opens anew when it happens again.
    """
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    closed: list[int] = []
    failed: dict[int, str] = {}
    with writing(engine) as connection:
        for alert_id in dict.fromkeys(alert_ids):
            try:
                _close(connection, alert_id, by, at)
                closed.append(alert_id)
            except CallbackError as error:
                failed[alert_id] = str(error)
    return closed, failed


def _close(connection: Connection, alert_id: int, by: str, at: int) -> None:
    closed = connection.execute(
        text("UPDATE callback_alerts SET closed_at = :at, closed_by = :by WHERE id = :id AND closed_at IS NULL"),
        {"at": at, "by": by, "id": alert_id},
    )
    if not closed.rowcount:
        raise NotFound(f"there is no open alert {alert_id}")
