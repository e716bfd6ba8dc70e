"""Forgets tasks that ended long ago, with their tries; those that a person has not seen to stay.

A task guards its key: whoever asks for the same message after that gets a new one.
"""

import time
from array import array
from collections.abc import Callable, Sequence
from itertools import islice

import orjson
from sqlalchemy import Engine

from app.core.database import reading, writing
from app.engine.outcomes import driver
from app.operate.exporting import Progress, no_progress

#: Younger ones stay, whatever is asked for: they are the guard against answering what is told again.
KEPT_US = 2 * 86_400 * 1_000_000
_PAGE_ROWS = 2_000
_BATCH_ROWS = 200
_REST = 4
_REST_SECONDS_MIN = 0.002

_PAGE = "SELECT id, state, finished_at FROM callback_tasks WHERE id > ? ORDER BY id LIMIT ?"
_ENDED = (
    "SELECT t.id FROM json_each(?1) AS j CROSS JOIN callback_tasks AS t ON t.id = j.value"
    " WHERE t.state IN ('done', 'dead') AND t.finished_at < ?2 AND NOT EXISTS"
    " (SELECT 1 FROM callback_dead AS d WHERE d.kind = 'task' AND d.ref = t.id AND d.closed_at IS NULL)"
)
_LISTED = "(SELECT value FROM json_each(?1))"


def ended_tasks(engine: Engine, *, before: int) -> Sequence[int]:
    """The tasks that ended before this moment (microseconds), ascending; changes nothing.

    It looks from the first task to the first page in which nothing is so old.
    """
    found, after = array("q"), 0
    with reading(engine) as connection:
        raw = driver(connection)
        while page := raw.execute(_PAGE, (after, _PAGE_ROWS)).fetchall():
            after = page[-1][0]
            old = [row[0] for row in page if row[1] in {"done", "dead"} and row[2] < before]
            if not old:
                break
            found.extend(row[0] for row in raw.execute(_ENDED, (orjson.dumps(old), before)))
    return found


def forget_tasks(
    engine: Engine,
    ids: Sequence[int],
    *,
    before: int,
    progress: Progress = no_progress,
    rest: Callable[[float], None] = time.sleep,
) -> int:
    """Delete these, unless somebody tried them again meanwhile → how many are gone; may be stopped after any batch."""
    gone = done = 0
    left = iter(ids)
    while batch := list(islice(left, _BATCH_ROWS)):
        started = time.perf_counter()
        with writing(engine) as connection:
            raw = driver(connection)
            ended = [row[0] for row in raw.execute(_ENDED, (orjson.dumps(batch), before))]
            raw.execute(f"DELETE FROM callback_tries WHERE task_id IN {_LISTED}", (orjson.dumps(ended),))
            raw.execute(f"DELETE FROM callback_tasks WHERE id IN {_LISTED}", (orjson.dumps(ended),))
        gone += len(ended)
        done += len(batch)
        progress(done, len(ids))
        rest(max(_REST_SECONDS_MIN, _REST * (time.perf_counter() - started)))
    return gone
