"""One callback decided anew with today's facts; what comes out as it was is left exactly as it was.

What was applied is never decided again: its facts are in the books, and a fact is counted once. So nothing that a
person replays moves money twice, whatever its handler does.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection, text

from app.core.database import is_storage_trouble
from app.core.errors import CallbackError, NotFound, ProcessingError
from app.core.telemetry import get_logger, redact
from app.engine.callback import Callback, Handlers, Outcome, OutcomeWord, acting
from app.engine.deciding import decide_again
from app.engine.log import Log
from app.engine.outcomes import driver
from app.ledger.book import question_key
from app.ledger.parked import stop_waiting
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.outcomes import OutcomeRow, outcomes_of
from app.operate.savepoint import savepoint

log = get_logger(__name__)


class Person(msgspec.Struct, frozen=True):
    """Who has callbacks decided anew, and why; checked."""

    who: str
    reason: str
    cause_id: int | None = None  # where that is kept, below zero


def person_from(who: str, reason: Any) -> Person:
    """Raises FieldError for words that are missing or cannot be kept."""
    return Person(sentence_from("who", who, chars_max=WHO_CHARS_MAX), sentence_from("reason", reason))


class Decided(msgspec.Struct, frozen=True):
    """What a callback was, what it comes out as today, and whether its kept outcome is another one now."""

    was: OutcomeRow
    outcome: Outcome
    changed: bool

    @property
    def kept(self) -> str:
        """The outcome that it has now."""
        return str(self.outcome.word) if self.changed else self.was.outcome


def keep_person(
    connection: Connection, person: Person, *, at: int, callback_id: int | None = None, order_no: int | None = None
) -> Person:
    """Keep who replays, why and when, beside the other causes → the person with that cause."""
    number = connection.execute(
        text(
            "INSERT INTO callback_causes (kind, order_no, callback_id, who, reason, at)"
            " VALUES ('replay', :order_no, :callback_id, :who, :reason, :at) RETURNING id"
        ),
        {"order_no": order_no, "callback_id": callback_id, "who": person.who, "reason": person.reason, "at": at},
    ).scalar_one()
    return msgspec.structs.replace(person, cause_id=-int(number))


def decide_anew(
    connection: Connection,
    callbacks: Log,
    handlers: Handlers,
    callback_id: int,
    *,
    person: Person,
    at: int,
    keep: bool = True,
) -> Decided:
    """Decide one callback as if it came now, inside the caller's writing transaction; `keep` false takes it back.

    Raises NotFound (it is not in the log), ProcessingError (not decided yet, no handler, the handler fails): then
    nothing is changed.
    """
    was = outcomes_of(connection, [callback_id]).get(callback_id)
    if was is not None and was.outcome == OutcomeWord.APPLIED:
        return Decided(was, Outcome(callback_id, OutcomeWord.DUPLICATE, order_no=was.order_no), changed=False)
    callback = in_log(callbacks, callback_id)
    if was is None:
        raise ProcessingError(f"callback {callback_id} is not decided yet; the worker comes to it by itself")
    waited = _waiting(connection, callback_id)
    with savepoint(connection) as point:
        outcome = carry_out(
            connection, handlers, callback, who=person.who, reason=person.reason, decided_by=person.cause_id, at=at
        )
        if was.outcome == OutcomeWord.DUPLICATE and outcome.word not in _MORE_THAN_A_REPETITION:
            outcome = Outcome(callback_id, OutcomeWord.DUPLICATE, was.reason, was.order_no, was.detail)
        changed = _differs(was, outcome, waited, _waiting(connection, callback_id))
        if changed and keep:
            point.keep()
    return Decided(was, outcome, changed)


def in_log(callbacks: Log, callback_id: int) -> Callback:
    """The callback. Raises NotFound."""
    callback = callbacks.get(callback_id)
    if callback is None:
        raise NotFound(f"callback {callback_id} is not in the log; it was pruned, or never came")
    return callback


def carry_out(
    connection: Connection,
    handlers: Handlers,
    callback: Callback,
    *,
    who: str,
    at: int,
    reason: str | None = None,
    decided_by: int | None = None,
) -> Outcome:
    """Decide a callback again, whatever it was. Raises ProcessingError; the caller then rolls back."""
    name, handler = acting(handlers, callback)  # raises where the routing fails
    if handler is None:
        raise ProcessingError(f"no handler is registered under {name!r} here; set CALLBACK_APP as the worker has it")
    try:
        stop_waiting(connection, [callback.id])
        return decide_again(connection, handlers, callback, who=who, reason=reason, decided_by=decided_by, at=at)
    except CallbackError:
        raise
    except Exception as error:
        if is_storage_trouble(error):
            raise
        log.exception("decided_again_failed", callback_id=str(callback.id), provider=callback.provider)
        raise ProcessingError(
            f"the handler of {callback.provider} failed again, nothing was changed:"
            f" {type(error).__name__}: {redact(str(error))[:200]}"
        ) from error


#: Its facts are in the books: it is no dead letter today because the same words would not be believed alone.
_MORE_THAN_A_REPETITION = frozenset({OutcomeWord.APPLIED, OutcomeWord.IN_DOUBT})


class _Waiting(msgspec.Struct, frozen=True):
    """What is kept of a callback that waits."""

    told: bytes
    asked: bool  # the sender's API is being asked about it


def _waiting(connection: Connection, callback_id: int) -> _Waiting | None:
    raw = driver(connection)
    row = raw.execute(
        "SELECT order_no, state, attempt, told FROM callback_pending WHERE callback_id = ?", (callback_id,)
    ).fetchone()
    if row is None:
        return None
    order_no, state, attempt, told = row
    asked = raw.execute(
        "SELECT 1 FROM callback_tasks WHERE key = ? AND state IN ('ready', 'running')",
        (question_key(order_no, attempt),),
    ).fetchone()
    return _Waiting(bytes(told), state != "in_doubt" or asked is not None)


def _differs(was: OutcomeRow, outcome: Outcome, before: _Waiting | None, after: _Waiting | None) -> bool:
    """Whether the decision is to be kept, because it is another one."""
    if outcome.word != was.outcome:
        return True
    if outcome.word in {OutcomeWord.PARKED, OutcomeWord.IN_DOUBT}:
        # It keeps its place and its clock, unless it reads differently today, or nobody asks about it any more.
        return before != after
    return outcome.reason != was.reason
