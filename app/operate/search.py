"""`callbacks log`: which callbacks came in, newest first, by whatever a person knows of them.

The state is what is searched: by the index of outcomes, by a user's orders and what was told of them, else backwards
through all outcomes. The log is read for what the worker has not decided yet, and for texts in bodies.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from app.core.database import reading
from app.core.ends import ID_MAX, LATEST
from app.core.errors import FieldError
from app.core.language import Lang
from app.engine.callback import OutcomeWord
from app.engine.log import Log
from app.operate import candidates, outcomes
from app.operate.callbacks_shown import CallbackLine, CallbacksShown
from app.operate.candidates import Candidate, Search
from app.operate.fitting import Fitting
from app.operate.looking import SECONDS, SECONDS_FOR_BODIES, Page, Source, look
from app.operate.moments import moment_from
from app.operate.shown import time_text

PAGE_MAX = 200
TEXT_CHARS_MAX = 200


def search_from(
    *,
    order_id: str = "",
    user_id: str = "",
    provider: str = "",
    outcome: str = "",
    text: str = "",
    since: str = "",
    until: str = "",
    at: int,
) -> Search:
    """What a person looks for; `at` is now. Raises FieldError for an outcome that is none, no moment, a long text."""
    if outcome and outcome not in set(OutcomeWord):
        raise FieldError("outcome", f"must be one of {', '.join(OutcomeWord)}")
    if len(text) > TEXT_CHARS_MAX:
        raise FieldError("text", f"must be at most {TEXT_CHARS_MAX} characters long")
    return Search(
        order_id=order_id,
        user_id=user_id,
        provider=provider,
        outcome=outcome,
        text=text,
        since=moment_from("from", since, at=at) if since else 0,
        until=moment_from("to", until, at=at) if until else LATEST,
    )


def list_callbacks(
    engine: Engine,
    callbacks: Log,
    search: Search,
    *,
    before: int | None = None,
    rows_max: int = 50,
    seconds: float | None = None,
    lang: Lang,
) -> CallbacksShown:
    """A page of callbacks, newest first, below `before`; looked for no longer than about `seconds`."""
    if seconds is None:
        seconds = SECONDS_FOR_BODIES if search.text else SECONDS
    with reading(engine) as connection:
        fitting = Fitting(connection, callbacks, search)
        found = look(
            _source(connection, callbacks, search, fitting),
            fitting.keep,
            lambda candidate: candidate.id,
            before=ID_MAX if before is None else before,
            rows_max=max(1, min(rows_max, PAGE_MAX)),
            seconds=seconds,
        )
        looked_back_to = found.looked_back_to
        at = None if looked_back_to is None else candidates.received_at(connection, callbacks, looked_back_to)
        return CallbacksShown(
            callbacks=lines(connection, found.rows, lang=lang),
            next_cursor=None if found.cursor is None else str(found.cursor),
            looked_back_to=None if looked_back_to is None else str(looked_back_to),
            looked_back_at=None if at is None else time_text(at),
        )


def lines(connection: Connection, rows: Sequence[Candidate], *, lang: Lang) -> list[CallbackLine]:
    """Callbacks in a list: with what became of them, or as not decided yet."""
    decided = [row.outcome for row in rows if row.outcome is not None]
    shown = {line.callback_id: line for line in outcomes.lines(connection, decided, lang=lang)}
    shown |= {
        str(row.id): outcomes.undecided(row.callback, lang=lang)
        for row in rows
        if row.outcome is None and row.callback is not None
    }
    return [shown[str(row.id)] for row in rows]


def _source(connection: Connection, callbacks: Log, search: Search, fitting: Fitting) -> Source[Candidate]:
    """Where to look: first what the worker has not decided yet, then the narrowest there is."""
    decided = _decided_source(connection, callbacks, search, fitting)
    # what is not decided has no outcome to look for
    reached = ID_MAX - 1 if search.outcome else candidates.reached(connection)
    first = candidates.first_since(connection, search.since) if search.since else 0
    # those of some orders are few: no bound is needed
    bounded = search.until < LATEST and fitting.order_nos is None
    end = candidates.first_from(connection, search.until) if bounded else ID_MAX

    def source(before: int, rows_max: int) -> Page[Candidate]:
        page = Page[Candidate]((), None)
        if before > reached + 1:
            page = candidates.in_log(callbacks, before, rows_max, above=max(reached, first - 1))
        if page.last is None and first <= reached:
            before = min(before, reached + 1)
            if before > end:
                page = candidates.of_late(connection, search, before, rows_max, first=max(first, end))
            else:
                page = decided(before, rows_max)
        return page if page.last is None or page.last > first else Page(page.rows, None)

    return source


def _decided_source(connection: Connection, callbacks: Log, search: Search, fitting: Fitting) -> Source[Candidate]:
    if fitting.order_nos is not None:
        numbers = fitting.order_nos
        return lambda before, rows_max: candidates.of_orders(connection, numbers, before, rows_max)
    if search.outcome and search.outcome != OutcomeWord.APPLIED:
        return lambda before, rows_max: candidates.of_outcome(connection, search, before, rows_max)
    if search.text:
        return lambda before, rows_max: candidates.in_log(callbacks, before, rows_max)
    return lambda before, rows_max: candidates.of_all(connection, search, before, rows_max)


__all__ = ["PAGE_MAX", "Search", "list_callbacks", "search_from"]
