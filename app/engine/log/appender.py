"""Group commit: whatever one round of the event loop received is one transaction of the log, then all are answered."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from app.core.clock import now_us
from app.core.errors import FieldError, LogUnavailable
from app.engine.callback import Row
from app.engine.log import Log
from app.engine.log.rows import BODY, HEADERS

#: What a waiting row weighs beside its body and headers.
_ROW_BYTES = 512
_QUIET_SECONDS = 1.0

_log = logging.getLogger(__name__)

#: Told the callback's id once it is on disk, None when it was not kept (503: the sender comes again).
Committed = Callable[[int | None], None]
#: Told once what a group held and when its answers were written (microseconds).
Answered = Callable[[list[Row], int], None]


def _nobody(_rows: list[Row], _at: int) -> None:
    """Nobody measures."""


class Appender:
    """The one writer of a server: a bounded queue, committed inline on the event loop. For the loop's thread only.

    A writer thread costs 1.3 to 1.5 times the CPU and gains nothing: what arrives while the loop waits for the disk is
    the next group.
    """

    def __init__(
        self,
        log: Log,
        *,
        on_commit: Callable[[], None],
        on_answered: Answered = _nobody,
        rows_max: int = 8192,
        bytes_max: int = 64 << 20,
    ) -> None:
        """`on_commit` is called after each commit, once its callbacks are answered (it wakes the worker).

        `on_answered` is told what was committed and answered, a group at a time (it measures).
        """
        self._log = log
        self._on_commit = on_commit
        self._on_answered = on_answered
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._rows: list[Row] = []
        self._waiters: list[Committed] = []
        self._closed = False
        self._quiet_until: dict[str, float] = {}
        self.waiting_bytes = 0
        self.commits = 0
        self.rows = 0

    @property
    def waiting(self) -> int:
        """Rows that were taken and are not committed yet."""
        return len(self._rows)

    def append(self, row: Row, done: Committed) -> bool:
        """Queue a row; `done(id)` after its commit, `done(None)` when it was not kept.

        False: the queue is full or closed, and `done` is not called. The caller has checked the row's values.
        """
        rows = self._rows
        size = len(row[BODY]) + len(row[HEADERS]) + _ROW_BYTES
        if len(rows) >= self._rows_max or self.waiting_bytes + size > self._bytes_max or self._closed:
            return False
        if not rows:  # the round's first
            asyncio.get_running_loop().call_soon(self._flush)
        rows.append(row)
        self._waiters.append(done)
        self.waiting_bytes += size
        return True

    async def drain(self) -> None:
        """Commit and answer what waits, also what the answers themselves let in."""
        while self._rows:
            self._flush()

    async def close(self) -> None:
        """Commit and answer what waits; nothing more is taken."""
        self._closed = True
        await self.drain()

    def _flush(self) -> None:
        rows, waiters, commits = self._rows, self._waiters, self.commits
        if not rows:  # drained before its round came
            return
        self._rows, self._waiters, self.waiting_bytes = [], [], 0
        try:
            first = self._write(rows)
        except FieldError as error:
            self._complain("a row holds what no log can keep", error)
            self._one_by_one(rows, waiters)
        else:
            self._answer(waiters, first)
            if first is not None:
                self._measure(rows)
        if self.commits > commits:
            try:
                self._on_commit()
            except Exception as error:  # noqa: BLE001 - the worker finds it by itself a little later
                self._complain("waking after a commit failed", error)

    def _write(self, rows: list[Row]) -> int | None:
        try:
            first = self._log.write_batch(rows)
        except FieldError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._complain("nothing was acknowledged", error)
            return None
        self.commits += 1
        self.rows += len(rows)
        return first

    def _one_by_one(self, rows: list[Row], waiters: list[Committed]) -> None:
        """One bad value must not fail the others."""
        for row, waiter in zip(rows, waiters, strict=True):
            first = None
            with suppress(FieldError):
                first = self._write([row])
            self._answer([waiter], first)
            if first is not None:
                self._measure([row])

    def _answer(self, waiters: list[Committed], first: int | None) -> None:
        callback_id = first
        for done in waiters:
            try:
                done(callback_id)
            except Exception as error:  # noqa: BLE001 - one closed transport must not cost the rest their answers
                self._complain("an answer failed", error)
            if callback_id is not None:
                callback_id += 1

    def _measure(self, rows: list[Row]) -> None:
        try:
            self._on_answered(rows, now_us())
        except Exception as error:  # noqa: BLE001 - whoever counts must not cost the worker its waking
            self._complain("measuring failed", error)

    def _complain(self, what: str, error: Exception) -> None:
        """One line, and not the same one thousands of times a second."""
        now = time.monotonic()
        if now >= self._quiet_until.get(what, 0.0):
            self._quiet_until[what] = now + _QUIET_SECONDS
            surprising = None if isinstance(error, (LogUnavailable, FieldError)) else error
            _log.error("%s: %s", what, error, exc_info=surprising)
