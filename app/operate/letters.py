"""Dead letters: list them, have one decided or tried again, drop one with a reason; and the open alerts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, text

from app.core.database import is_storage_trouble, reading, writing
from app.core.errors import CallbackError, NotFound, ProcessingError
from app.core.language import Lang
from app.core.telemetry import get_logger, redact
from app.engine.callback import Handlers, Outcome
from app.engine.deciding import decide_again
from app.engine.log import Log
from app.engine.outcomes import close_letters
from app.engine.tasks import queue
from app.ledger.books import order_ids, order_no
from app.operate.matters import reason_advice, reason_text
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.outcomes import alerts_open, detail_of, outcomes_of
from app.operate.shown import AlertsShown, DeadLetterShown, DeadLettersShown, RetriedShown, time_text

PAGE_MAX = 200
ALERTS_MAX = 500

log = get_logger(__name__)

_COLUMNS = "id, kind, ref, order_no, reason, detail, since, closed_at, closed_how, closed_by, closed_reason"


def list_dead(
    engine: Engine, *, before: int | None = None, closed: bool = False, rows_max: int = 50, lang: Lang
) -> DeadLettersShown:
    """Dead letters, newest first: the open ones, or with `closed` all."""
    rows_max = max(1, min(rows_max, PAGE_MAX))
    wanted = "" if closed else " AND closed_at IS NULL"
    with reading(engine) as connection:
        rows = connection.execute(
            text(f"SELECT {_COLUMNS} FROM callback_dead WHERE id < :before{wanted} ORDER BY id DESC LIMIT :rows"),
            {"before": before if before is not None else 2**63 - 1, "rows": rows_max + 1},
        ).all()
        shown = letters_shown(connection, rows[:rows_max], lang=lang)
    return DeadLettersShown(dead_letters=shown, next_cursor=shown[-1].id if len(rows) > rows_max else None)


def letters_of(connection: Connection, kind: str, ref: int, *, lang: Lang) -> list[DeadLetterShown]:
    """All dead letters of one callback or task, oldest first, closed ones too."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM callback_dead WHERE kind = :kind AND ref = :ref ORDER BY id"),
        {"kind": kind, "ref": ref},
    ).all()
    return letters_shown(connection, rows, lang=lang)


def letters_shown(connection: Connection, rows: Sequence[Any], *, lang: Lang) -> list[DeadLetterShown]:
    """Rows as people see them."""
    ids = order_ids(connection, (row.order_no for row in rows))
    return [_shown(connection, row, ids.get(row.order_no), lang) for row in rows]


def _shown(connection: Connection, row: Any, order_id: str | None, lang: Lang) -> DeadLetterShown:
    detail = detail_of(row.detail)
    order = order_no(connection, row.order_no) if row.order_no is not None else None
    values = {"order_id": order_id, "user_id": order.user_id if order else "", "dead_id": row.id}
    to_do, commands = reason_advice(row.reason, values, lang)
    return DeadLetterShown(
        id=str(row.id),
        kind=row.kind,
        ref=str(row.ref),
        order_id=order_id,
        reason=row.reason,
        text=reason_text(row.reason, detail, lang),
        what_to_do=to_do,
        commands=commands,
        detail=detail,
        since=time_text(row.since),
        closed_at=None if row.closed_at is None else time_text(row.closed_at),
        closed_how=row.closed_how,
        closed_by=row.closed_by,
        closed_reason=row.closed_reason,
    )


def retry_dead(
    engine: Engine, callbacks: Log, handlers: Handlers, dead_id: int, *, who: str, at: int, lang: Lang
) -> RetriedShown:
    """Have a dead letter decided anew with today's facts (a callback), or tried again (a task).

    Raises NotFound (no such open letter, the callback is no longer in the log) or ProcessingError (it fails again).
    """
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    with writing(engine) as connection:
        row = _open(connection, dead_id)
        if row.kind == "task":
            queue.retry(connection, row.ref, at, by=by)
            outcome = "ready"
        else:
            outcome = str(_decide(connection, callbacks, handlers, row.ref, by, at).word)
        (letter,) = letters_shown(connection, [_letter(connection, dead_id)], lang=lang)
        again = outcomes_of(connection, [row.ref]).get(row.ref) if row.kind == "callback" else None
    told = reason_text(again.reason, again.detail, lang) if again is not None and again.reason else ""
    return RetriedShown(dead_letter=letter, outcome=outcome, text=told)


def _decide(connection: Connection, callbacks: Log, handlers: Handlers, callback_id: int, by: str, at: int) -> Outcome:
    callback = callbacks.get(callback_id)
    if callback is None:
        raise NotFound(f"callback {callback_id} is no longer in the log; drop the dead letter with a reason")
    try:
        return decide_again(connection, handlers, callback, who=by, at=at)
    except CallbackError:
        raise
    except Exception as error:
        if is_storage_trouble(error):
            raise
        log.exception("retry_failed", callback_id=str(callback_id), provider=callback.provider)
        raise ProcessingError(
            f"the handler of {callback.provider} failed again, the dead letter stays open:"
            f" {type(error).__name__}: {redact(str(error))[:200]}"
        ) from error


def drop_dead(engine: Engine, dead_id: int, *, who: str, reason: str, at: int, lang: Lang) -> DeadLetterShown:
    """Close a dead letter without doing anything; kept with who, when and why. Raises NotFound, FieldError."""
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    why = sentence_from("reason", reason)
    with writing(engine) as connection:
        row = _open(connection, dead_id)
        close_letters(connection, row.kind, [row.ref], how="dropped", by=by, reason=why, at=at)
        return letters_shown(connection, [_letter(connection, dead_id)], lang=lang)[0]


def _letter(connection: Connection, dead_id: int) -> Any:
    row = connection.execute(text(f"SELECT {_COLUMNS} FROM callback_dead WHERE id = :id"), {"id": dead_id}).first()
    if row is None:
        raise NotFound(f"there is no dead letter {dead_id}")
    return row


def _open(connection: Connection, dead_id: int) -> Any:
    row = _letter(connection, dead_id)
    if row.closed_at is not None:
        by = f" by {row.closed_by}" if row.closed_by else ""
        raise ProcessingError(f"dead letter {dead_id} was {row.closed_how}{by} at {time_text(row.closed_at)}")
    return row


def list_alerts(engine: Engine, *, lang: Lang) -> AlertsShown:
    """Open alerts, newest first."""
    with reading(engine) as connection:
        return AlertsShown(alerts=alerts_open(connection, rows_max=ALERTS_MAX, lang=lang))


def close_alert(engine: Engine, alert_id: int, *, who: str, at: int) -> None:
    """Close an alert that somebody has seen to; it opens anew when it happens again. Raises NotFound."""
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    with writing(engine) as connection:
        closed = connection.execute(
            text("UPDATE callback_alerts SET closed_at = :at, closed_by = :by WHERE id = :id AND closed_at IS NULL"),
            {"at": at, "by": by, "id": alert_id},
        )
        if not closed.rowcount:
            raise NotFound(f"there is no open alert {alert_id}")
