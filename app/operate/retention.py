"""Prunes old callbacks from the log: their bytes go, their facts, journals and outcomes stay.

Only what the worker has left behind for good goes: below its offset in this very log, and once that offset is on disk.
What is parked, in doubt, a dead letter or a task that is open stays, and so does the newest of all, from which the next
id is found.
"""

import time
from array import array
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine

from app.core.database import checkpoint, reading, writing
from app.core.errors import DatabaseError, LogUnavailable
from app.engine.log import Log, Outline
from app.engine.offsets import place_of
from app.engine.outcomes import driver
from app.operate.endpoints.pruning import passed_by_all
from app.operate.exporting import Progress, export_these, no_progress

PAGE_ROWS = 2_000
#: A transaction that deletes so many holds the server up for about two milliseconds.
BATCH_ROWS = 100
#: So many times as long as a batch took, the disk and the locks are left to the server and the worker.
_REST = 4
_REST_SECONDS_MIN = 0.002
_CHECKPOINT_TRIES = 100
_CHECKPOINT_SECONDS = 0.05

_WAITING = (
    "SELECT callback_id FROM callback_pending WHERE callback_id BETWEEN ?1 AND ?2"
    " UNION ALL SELECT ref FROM callback_dead WHERE kind = 'callback' AND ref BETWEEN ?1 AND ?2 AND closed_at IS NULL"
)
_AT_WORK = (
    "SELECT callback_id FROM callback_tasks WHERE state IN ('ready', 'running') AND callback_id BETWEEN ?1 AND ?2"
)
_GIVEN_UP = (
    "SELECT t.callback_id FROM callback_dead d JOIN callback_tasks t ON t.id = d.ref"
    " WHERE d.kind = 'task' AND d.closed_at IS NULL AND t.callback_id IS NOT NULL"
)


class Plan(msgspec.Struct, frozen=True):
    """What is to be removed; times in microseconds."""

    epoch: str  # of the log that was looked at
    ids: Sequence[int]  # ascending
    body_bytes: int
    oldest: int
    newest: int
    kept: int  # as old, but somebody still needs them

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.ids)


def plan(engine: Engine, log: Log, *, before: int, progress: Progress = no_progress) -> Plan:
    """Find what was received before this moment and is needed no longer; changes nothing.

    It looks from the log's beginning to the first page in which nothing is so old: what was imported later keeps its
    time, and goes when its turn comes.
    """
    offset = _trusted_offset(engine, log)
    ids, kept, body_bytes, oldest, newest = array("q"), 0, 0, 0, 0
    with reading(engine) as connection:
        tasks = {row[0] for row in _rows(connection, f"{_AT_WORK} UNION ALL {_GIVEN_UP}", 0, offset)}
    after = first = 0
    while page := log.outlines_after(after, PAGE_ROWS):
        after, first = page[-1].id, first or page[0].id
        old = [line for line in page if line.id < offset and line.received_at < before]
        if not old:
            break
        gone = _needed_no_more(engine, old, tasks)
        kept += len(old) - len(gone)
        ids.extend(line.id for line in gone)
        body_bytes += sum(line.body_bytes for line in gone)
        times = [line.received_at for line in gone]
        oldest, newest = min([*times, oldest or before]), max([*times, newest])
        progress(after - first, offset - first)
    return Plan(log.epoch, ids, body_bytes, oldest if ids else 0, newest, kept)


def carry_out(
    engine: Engine,
    log: Log,
    planned: Plan,
    *,
    progress: Progress = no_progress,
    rest: Callable[[float], None] = time.sleep,
) -> int:
    """Delete what was planned, unless somebody came to need it meanwhile → how many are gone.

    A batch is looked at and deleted under the state's lock, so that nothing is parked, doubted or tried again between.
    It may be stopped after any batch; what is left goes the next time.
    """
    gone = done = 0
    ids = iter(planned.ids)
    while batch := list(islice(ids, BATCH_ROWS)):
        started = time.perf_counter()
        with writing(engine) as connection:
            if log.last_id() and log.epoch != planned.epoch:
                raise LogUnavailable("another log was found in its place meanwhile; nothing of it is removed")
            needed = {row[0] for row in _rows(connection, f"{_WAITING} UNION ALL {_AT_WORK}", batch[0], batch[-1])}
            gone += log.delete([callback_id for callback_id in batch if callback_id not in needed])
        done += len(batch)
        progress(done, planned.rows)
        rest(max(_REST_SECONDS_MIN, _REST * (time.perf_counter() - started)))
    return gone


def export_first(log: Log, planned: Plan, file: Path, *, progress: Progress = no_progress) -> None:
    """Write all that is to go to a file, which is whole and on disk when this returns."""
    export_these(log, file, planned.ids, progress=progress)


def _trusted_offset(engine: Engine, log: Log) -> int:
    """How far the worker and all endpoints are, as a power cut would leave it.

    The worker's commits reach the disk a little later than they are seen. A callback that went before them would be
    missed by a state that came back older.
    """
    log.last_id()  # whichever log the path leads to now
    with reading(engine) as connection:
        # An endpoint that is switched off catches up with what came meanwhile: what it has not passed stays.
        offset = min(place_of(connection, log.epoch).offset, passed_by_all(connection))
    for _ in range(_CHECKPOINT_TRIES):
        if checkpoint(engine):
            return offset
        time.sleep(_CHECKPOINT_SECONDS)
    raise DatabaseError("the state database is busy with its write-ahead log all the time; try again a little later")


def _needed_no_more(engine: Engine, lines: Sequence[Outline], tasks: set[int]) -> list[Outline]:
    with reading(engine) as connection:
        waiting = {row[0] for row in _rows(connection, _WAITING, lines[0].id, lines[-1].id)}
    return [line for line in lines if line.id not in waiting and line.id not in tasks]


def _rows(connection: Connection, query: str, first: int, last: int) -> list[tuple[int]]:
    found: list[tuple[int]] = driver(connection).execute(query, (first, last)).fetchall()
    return found
