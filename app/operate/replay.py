"""Replay: callbacks are decided anew with today's facts, one or many.

Effects stay exactly once: what was applied comes out as a duplicate, all else goes the way of a callback that comes
now, and what comes out as it was is left as it was (`again`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine

from app.core.database import writing
from app.core.language import Lang
from app.engine.callback import Handlers, OutcomeWord
from app.engine.log import Log
from app.ledger import books
from app.operate.advice import outcome_text
from app.operate.again import Decided, decide_anew, in_log, keep_person, person_from
from app.operate.many import Done, Tally, each
from app.operate.outcomes import outcomes_of
from app.operate.rehearsal import explain, foresee
from app.operate.replay_shown import ReplayCount, ReplayedShown, ReplayExplainedShown, ReplayFailure, ReplaysShown
from app.operate.replay_texts import PRUNED, what_becomes
from app.operate.selection import Selection, counted, to_decide


class Room(msgspec.Struct, frozen=True):
    """Where callbacks are decided: the state, the log, and the handlers as the worker knows them."""

    engine: Engine
    callbacks: Log
    handlers: Handlers


def replay_one(room: Room, callback_id: int, *, who: str, reason: Any, at: int, lang: Lang) -> ReplayedShown:
    """Decide one callback anew; who, reason and time are kept.

    Raises NotFound, FieldError, ProcessingError (not decided yet, its handler is missing or fails again).
    """
    person = person_from(who, reason)
    with writing(room.engine) as connection:
        in_log(room.callbacks, callback_id)
        was = outcomes_of(connection, [callback_id]).get(callback_id)
        order_no = None if was is None else was.order_no
        kept = keep_person(connection, person, at=at, callback_id=callback_id, order_no=order_no)
        decided = decide_anew(connection, room.callbacks, room.handlers, callback_id, person=kept, at=at)
        return _shown(connection, decided, None, lang=lang)


def explain_one(room: Room, callback_id: int, *, at: int, lang: Lang) -> ReplayedShown:
    """What `replay_one` would do today, and why; writes nothing. Raises NotFound, ProcessingError."""
    with writing(room.engine) as connection:
        decided, explained = explain(connection, room.callbacks, room.handlers, callback_id, at=at, lang=lang)
        if decided is not None:
            return _shown(connection, decided, explained, lang=lang)
        word = _was(connection, callback_id)
        return ReplayedShown(
            callback_id=str(callback_id),
            order_id=None,
            was=word,
            outcome="",
            kept=word,
            changed=False,
            reason="",
            text=what_becomes(word, "", lang),
            explained=explained,
        )


def _shown(
    connection: Connection, decided: Decided, explained: ReplayExplainedShown | None, *, lang: Lang
) -> ReplayedShown:
    outcome = decided.outcome
    number = outcome.order_no if outcome.order_no is not None else decided.was.order_no
    applied = decided.was.outcome == OutcomeWord.APPLIED
    return ReplayedShown(
        callback_id=str(outcome.callback_id),
        order_id=books.order_ids(connection, [number]).get(number) if number is not None else None,
        was=decided.was.outcome,
        outcome=outcome.word,
        kept=decided.kept,
        changed=decided.changed,
        reason=outcome.reason,
        text=what_becomes(decided.was.outcome, outcome.word, lang, reason=decided.was.reason)
        if applied
        else outcome_text(outcome.word, outcome.reason, outcome.detail, lang),
        explained=explained,
    )


def tally_shown(tally: Tally, *, lang: Lang) -> ReplaysShown:
    """The counts as people see them."""
    return ReplaysShown(
        dry_run=tally.dry_run,
        counts=[
            ReplayCount(was=was, outcome=today, count=count, text=what_becomes(was, today, lang))
            for (was, today), count in sorted(tally.counts.items())
        ],
        failed=tally.failed,
        failures=[ReplayFailure(callback_id=str(number), text=why) for number, why in tally.failures],
    )


def replay_many(
    room: Room,
    selection: Selection,
    *,
    who: str,
    reason: Any,
    clock: Callable[[], int],
    tally: Tally,
    progress: Callable[[int], None],
) -> None:
    """Decide the selected callbacks anew, in the log's order and in short transactions; counted in `tally`.

    `progress` gets how many are done. With a dry run nothing is written, and nobody's word is asked for.
    """
    person = None if tally.dry_run else person_from(who, reason)
    applied = counted(room.engine, selection).get("applied", 0)
    if applied:
        tally.counts[str(OutcomeWord.APPLIED), str(OutcomeWord.DUPLICATE)] += applied
    if person is not None:
        with writing(room.engine) as connection:
            person = keep_person(connection, person, at=clock())

    def deed(connection: Connection, callback_id: int) -> tuple[str, str]:
        if room.callbacks.get(callback_id) is None:
            return _was(connection, callback_id), PRUNED
        if person is None:
            decided = foresee(connection, room.callbacks, room.handlers, callback_id, at=clock())
        else:
            decided = decide_anew(connection, room.callbacks, room.handlers, callback_id, person=person, at=clock())
        if decided is None:
            return _was(connection, callback_id), ""
        return decided.was.outcome, str(decided.outcome.word)

    def done(batch: Sequence[Done[tuple[str, str]]]) -> None:
        tally.take(batch)
        progress(tally.done)

    each(room.engine, to_decide(room.engine, selection), deed, done=done)


def _was(connection: Connection, callback_id: int) -> str:
    was = outcomes_of(connection, [callback_id]).get(callback_id)
    return "" if was is None else was.outcome
