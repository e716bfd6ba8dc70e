"""The same deed for many things, beside a running worker: short transactions, and what is told as done is committed.

One that cannot be done stops nobody else. A stop at any moment (Ctrl-C, a crash) loses at most the batch that is under
way, and that one wholly.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Generic, TypeVar

import msgspec
from sqlalchemy import Connection, Engine

from app.core.database import writing
from app.core.errors import ProcessingError, ValidationError
from app.operate.savepoint import savepoint

BATCH_ROWS = 100
_BATCH_SECONDS = 0.05  # the lock is the worker's too: it applies nothing meanwhile

Result = TypeVar("Result")


class Done(msgspec.Struct, Generic[Result], frozen=True):
    """What came of one: the result, or why it could not be done."""

    number: int
    result: Result | None
    failure: str = ""


FAILURES_TOLD_MAX = 20


class Tally:
    """What is done so far, a batch at a time; true at whatever moment the work stops."""

    def __init__(self, *, dry_run: bool = False) -> None:
        """With `dry_run` it tells what would be done."""
        self.dry_run = dry_run
        self.done = 0
        self.failed = 0
        #: how many, by what they were and what they became
        self.counts: Counter[tuple[str, str]] = Counter()
        #: the first of those that could not be done, each with why
        self.failures: list[tuple[int, str]] = []

    def take(self, batch: Sequence[Done[tuple[str, str]]]) -> None:
        """Count a batch that is committed."""
        self.done += len(batch)
        for one in batch:
            if one.result is not None:
                self.counts[one.result] += 1
                continue
            self.failed += 1
            if len(self.failures) < FAILURES_TOLD_MAX:
                self.failures.append((one.number, one.failure))


def each(
    engine: Engine,
    numbers: Iterable[int],
    deed: Callable[[Connection, int], Result],
    *,
    done: Callable[[Sequence[Done[Result]]], None],
    rest: Callable[[float], None] = time.sleep,
) -> None:
    """`deed(connection, number)` for each, in their order; `done` hears of each batch once it is committed.

    `rest` is given the seconds that a batch held the lock: the worker gets as long.
    """
    source, waiting = iter(numbers), deque[int]()
    while True:
        waiting.extend(islice(source, BATCH_ROWS - len(waiting)))
        if not waiting:
            return
        batch: list[Done[Result]] = []
        with writing(engine) as connection:
            started = time.monotonic()
            while waiting and time.monotonic() - started < _BATCH_SECONDS:
                batch.append(_one(connection, waiting.popleft(), deed))
        held = time.monotonic() - started
        done(batch)
        rest(held)


def _one(connection: Connection, number: int, deed: Callable[[Connection, int], Result]) -> Done[Result]:
    try:
        with savepoint(connection) as point:
            result = deed(connection, number)
            point.keep()
        return Done(number, result)
    except (ProcessingError, ValidationError) as error:
        return Done(number, None, str(error))
