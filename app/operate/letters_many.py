"""Many dead letters at once: retried or dropped, each as if it were alone; one that cannot be stops no other."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from app.engine.callback import Handlers
from app.engine.log import Log
from app.operate.letters import drop_on, open_letter, retry_on
from app.operate.many import Done, Tally, each
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.rehearsal import foresee

Ended = tuple[str, str]  # the letter's reason, and what came of it


def retry_many(
    engine: Engine,
    callbacks: Log,
    handlers: Handlers,
    dead_ids: Sequence[int],
    *,
    who: str,
    clock: Callable[[], int],
    tally: Tally,
    progress: Callable[[int], None],
) -> None:
    """Have these letters decided anew or tried again; counted in `tally`, with a dry run only foreseen.

    What a letter became is the callback's outcome, `ready` for a task, "" where only its handler can tell.
    """
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)

    def deed(connection: Connection, dead_id: int) -> Ended:
        row = open_letter(connection, dead_id)
        if not tally.dry_run:
            return row.reason, retry_on(connection, callbacks, handlers, row, by=by, at=clock())
        if row.kind == "task":
            return row.reason, "ready"
        decided = foresee(connection, callbacks, handlers, row.ref, at=clock())
        return row.reason, "" if decided is None else str(decided.outcome.word)

    _each(engine, dead_ids, deed, tally, progress)


def drop_many(
    engine: Engine,
    dead_ids: Sequence[int],
    *,
    who: str,
    reason: Any,
    clock: Callable[[], int],
    tally: Tally,
    progress: Callable[[int], None],
) -> None:
    """Close these letters without doing anything; counted in `tally`, with a dry run only counted."""
    by, why = sentence_from("who", who, chars_max=WHO_CHARS_MAX), sentence_from("reason", reason)

    def deed(connection: Connection, dead_id: int) -> Ended:
        row = open_letter(connection, dead_id)
        if not tally.dry_run:
            drop_on(connection, row, by=by, why=why, at=clock())
        return row.reason, "dropped"

    _each(engine, dead_ids, deed, tally, progress)


def _each(
    engine: Engine,
    dead_ids: Sequence[int],
    deed: Callable[[Connection, int], Ended],
    tally: Tally,
    progress: Callable[[int], None],
) -> None:
    def done(batch: Sequence[Done[Ended]]) -> None:
        tally.take(batch)
        progress(tally.done)

    each(engine, dead_ids, deed, done=done)
