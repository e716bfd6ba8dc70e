"""Dead letters: find them, have one decided or tried again, drop one with a reason."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, text

from app.core.database import reading, writing
from app.core.ends import ID_MAX, LATEST
from app.core.errors import FieldError, NotFound, ProcessingError
from app.core.language import Lang
from app.engine.callback import Handlers
from app.engine.log import Log
from app.engine.outcomes import close_letters
from app.engine.tasks import queue
from app.ledger.books import order_ids, order_no
from app.operate.advice import reason_advice, reason_text
from app.operate.again import carry_out
from app.operate.letters_shown import DeadLetterShown, DeadLettersShown, RetriedShown
from app.operate.moments import moment_from
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.outcomes import detail_of, outcomes_of
from app.operate.shown import time_text

PAGE_MAX = 200

_COLUMNS = "id, kind, ref, order_no, reason, detail, since, closed_at, closed_how, closed_by, closed_reason"


class LetterSearch(msgspec.Struct, frozen=True):
    """Which dead letters; "" for any, times in microseconds UTC (`until` is not within)."""

    kind: str = ""
    reason: str = ""
    provider: str = ""  # a task's is its destination
    order_id: str = ""
    since: int = 0
    until: int = LATEST
    closed: bool = False  # closed ones, too


def letter_search_from(
    *,
    kind: str = "",
    reason: str = "",
    provider: str = "",
    order_id: str = "",
    since: str | None = None,
    until: str | None = None,
    closed: bool = False,
    at: int,
) -> LetterSearch:
    """What a person asked for. Raises FieldError for a kind that is none, or no moment."""
    if kind not in {"", "callback", "task"}:
        raise FieldError("kind", "must be callback or task")
    return LetterSearch(
        kind,
        reason,
        provider,
        order_id,
        moment_from("from", since, at=at) if since else 0,
        moment_from("to", until, at=at) if until else LATEST,
        closed,
    )


_FOUND = (
    f"SELECT {_COLUMNS} FROM callback_dead AS d WHERE id < :before AND id > :after"
    " AND (:closed OR closed_at IS NULL) AND (:kind = '' OR kind = :kind) AND (:reason = '' OR reason = :reason)"
    " AND since >= :since AND since < :until"
    " AND (:order_id = '' OR order_no IN (SELECT id FROM callback_orders WHERE order_id = :order_id))"
    " AND (:provider = '' OR :provider = CASE kind"
    " WHEN 'task' THEN (SELECT destination FROM callback_tasks AS t WHERE t.id = d.ref)"
    " ELSE (SELECT provider FROM callback_outcomes AS o WHERE o.callback_id = d.ref) END)"
)


def list_dead(
    engine: Engine, search: LetterSearch | None = None, *, before: int | None = None, rows_max: int = 50, lang: Lang
) -> DeadLettersShown:
    """A page of dead letters, newest first; by default of all that are open."""
    rows_max = max(1, min(rows_max, PAGE_MAX))
    values = _values(search or LetterSearch())
    with reading(engine) as connection:
        rows = connection.execute(
            text(f"{_FOUND} ORDER BY id DESC LIMIT :rows"),
            {**values, "before": ID_MAX if before is None else before, "after": 0, "rows": rows_max + 1},
        ).all()
        shown = letters_shown(connection, rows[:rows_max], lang=lang)
    return DeadLettersShown(dead_letters=shown, next_cursor=shown[-1].id if len(rows) > rows_max else None)


def found_ids(engine: Engine, search: LetterSearch) -> list[int]:
    """Numbers of all that are found, oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(
            text(f"SELECT id FROM ({_FOUND}) ORDER BY id"), {**_values(search), "before": ID_MAX, "after": 0}
        )
        return list(rows.scalars())


def _values(search: LetterSearch) -> dict[str, Any]:
    return msgspec.structs.asdict(search)


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
        row = open_letter(connection, dead_id)
        outcome = retry_on(connection, callbacks, handlers, row, by=by, at=at)
        (letter,) = letters_shown(connection, [_letter(connection, dead_id)], lang=lang)
        again = outcomes_of(connection, [row.ref]).get(row.ref) if row.kind == "callback" else None
    told = reason_text(again.reason, again.detail, lang) if again is not None and again.reason else ""
    return RetriedShown(dead_letter=letter, outcome=outcome, text=told)


def retry_on(connection: Connection, callbacks: Log, handlers: Handlers, row: Any, *, by: str, at: int) -> str:
    """Retry an open letter inside the caller's writing transaction → the callback's outcome, or `ready` for a task."""
    if row.kind == "task":
        queue.retry(connection, row.ref, at, by=by)
        return "ready"
    callback = callbacks.get(row.ref)
    if callback is None:
        raise NotFound(f"callback {row.ref} is no longer in the log; drop the dead letter with a reason")
    return str(carry_out(connection, handlers, callback, who=by, at=at).word)


def drop_dead(engine: Engine, dead_id: int, *, who: str, reason: str, at: int, lang: Lang) -> DeadLetterShown:
    """Close a dead letter without doing anything; kept with who, when and why. Raises NotFound, FieldError."""
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    why = sentence_from("reason", reason)
    with writing(engine) as connection:
        drop_on(connection, open_letter(connection, dead_id), by=by, why=why, at=at)
        return letters_shown(connection, [_letter(connection, dead_id)], lang=lang)[0]


def drop_on(connection: Connection, row: Any, *, by: str, why: str, at: int) -> None:
    """Drop an open letter inside the caller's writing transaction."""
    close_letters(connection, row.kind, [row.ref], how="dropped", by=by, reason=why, at=at)


def _letter(connection: Connection, dead_id: int) -> Any:
    row = connection.execute(text(f"SELECT {_COLUMNS} FROM callback_dead WHERE id = :id"), {"id": dead_id}).first()
    if row is None:
        raise NotFound(f"there is no dead letter {dead_id}")
    return row


def open_letter(connection: Connection, dead_id: int) -> Any:
    """An open letter's row. Raises NotFound, ProcessingError."""
    row = _letter(connection, dead_id)
    if row.closed_at is not None:
        by = f" by {row.closed_by}" if row.closed_by else ""
        raise ProcessingError(f"dead letter {dead_id} was {row.closed_how}{by} at {time_text(row.closed_at)}")
    return row
