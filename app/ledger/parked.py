"""The end of waiting: what was parked or in doubt is decided, or lapses after a day and is a dead letter until then."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.engine.callback import Outcome, OutcomeWord
from app.engine.outcomes import driver, rewrite_outcomes

_DAY = 86_400_000_000  # microseconds
_ROWS_MAX = 1_000  # a sweep holds the lock only briefly; the next one goes on


def end_waiting(connection: Connection, outcomes: Sequence[Outcome], *, decided_by: int | None, at: int) -> None:
    """These callbacks are decided at last, by an announcement or the answer that `decided_by` names."""
    if outcomes:
        stop_waiting(connection, [outcome.callback_id for outcome in outcomes])
        rewrite_outcomes(connection, outcomes, decided_by=decided_by, at=at)


def stop_waiting(connection: Connection, callback_ids: Sequence[int]) -> None:
    """These callbacks wait no longer: they are decided, or about to be decided anew."""
    waiting = [(callback_id,) for callback_id in callback_ids]
    driver(connection).executemany("DELETE FROM callback_pending WHERE callback_id = ?", waiting)


def lapse(connection: Connection, at: int) -> None:
    """Turn callbacks that have been parked for over a day into dead letters, inside the caller's transaction."""
    raw = driver(connection)
    rows = raw.execute(
        "SELECT callback_id, order_no FROM callback_pending WHERE state = 'parked' AND since < ? LIMIT ?",
        (at - _DAY, _ROWS_MAX),
    ).fetchall()
    if not rows:
        return
    raw.executemany("UPDATE callback_pending SET state = 'lapsed' WHERE callback_id = ?", [(row[0],) for row in rows])
    outcomes = [Outcome(row[0], OutcomeWord.REJECTED, "lapsed", row[1]) for row in rows]
    rewrite_outcomes(connection, outcomes, decided_by=None, at=at)
