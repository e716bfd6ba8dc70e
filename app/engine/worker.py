"""From the disk to the effects: a batch of callbacks in one transaction with the offset, a poison callback set aside.

Offset, facts and effects commit together, so each callback counts once whatever dies when. A batch that raises is
split until the callback that raises stands alone. One that kills the process is found by going callback by callback
after a worker died at the same offset, with a note before each.
"""

import logging
import os
import select
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import Connection, Engine

from app.core.clock import now_us
from app.core.database import checkpoint, is_storage_trouble, writing
from app.core.errors import LogUnavailable, StateDisplaced
from app.core.telemetry import get_logger
from app.engine import offsets
from app.engine.callback import Callback, Handlers, Outcome, OutcomeWord
from app.engine.deciding import decide
from app.engine.log import Log
from app.engine.meter import AppliedMeter
from app.engine.outcomes import APPLIED_US, count, decided_before, write_outcomes

BATCH_ROWS = 2000
_CAREFUL_FROM = 2  # the start, since the offset moved last, that goes callback by callback
_SET_ASIDE_FROM = 4  # three starts died of it
_POLL_SECONDS = 0.05
_GATHER_SECONDS = 0.005
#: From one batch to the next, unless there is more than one holds: in batches of 12 a callback costs twice as much, and
#: the state's pages are written eight times as often as in batches of 100.
_PACE_SECONDS = 0.02
#: Little and often: a checkpoint of 32 MB held up the log's fsync, and with it every answer, for 40 ms.
_CHECKPOINT_SECONDS = 0.25
_CHORES_SECONDS = 30
_KEEP_SECONDS = 1.0
_TROUBLE_SECONDS_MAX = 5.0
_TROUBLES_MAX = 6

log = get_logger(__name__)

#: Something to be done now and then in a transaction of its own; gets the time.
Chore = Callable[[Connection, int], None]
Clock = Callable[[], int]


class Worker:
    """Works through one log, in order."""

    def __init__(
        self,
        callback_log: Log,
        engine: Engine,
        handlers: Handlers,
        *,
        chores: Sequence[Chore] = (),
        on_batch: Callable[[], None] = lambda: None,
        clock: Clock = now_us,
    ) -> None:
        """`on_batch` is called after each committed batch (it wakes the slow lane)."""
        self.log = callback_log
        self.engine = engine
        self.handlers = handlers
        self.chores = chores
        self.on_batch = on_batch
        self.clock = clock
        self.epoch = ""
        self._begun = ""  # the epoch whose offset counts this process
        self._openings = 0  # of the log's file, when its place in it was found
        self.place = offsets.Offset(0, 0, 0, None)
        self._careful_until = 0
        self.meter = AppliedMeter()
        self._chores_due = 0.0
        self._keep_due = 0.0
        self._checkpoint_due = 0.0
        self._troubles = 0  # of the storage, one after the other
        self._busy_since: float | None = None

    def begin(self) -> None:
        """Find the place in the log; called again when the log was replaced."""
        self.log.last_id()  # whichever log the path leads to now
        epoch = self.log.epoch
        if epoch != self._begun:  # a beginning that was interrupted is no death
            self.place = offsets.begin(self.engine, epoch, at=self.clock())
            self._begun = epoch
        place = self.place
        self._compare()
        self._careful_until = 0
        if place.deaths >= _CAREFUL_FROM or place.trying is not None:
            batch = self.log.read_after(place.offset, BATCH_ROWS)
            self._careful_until = batch[-1].id if batch else 0
        self.epoch = epoch  # last: until then it has not begun

    def _compare(self) -> None:
        """See whether the log still holds what was worked on last: an older copy of it may have been put back.

        Where nothing older is there either, the beginning was pruned.
        """
        self._openings, offset = self.log.openings, self.place.offset
        if offset and self.log.get(offset) is None:
            before = self.log.read_before(offset, 1)
            if before or not self.log.last_id():
                offsets.went_back(self.engine, offset, before[0].id if before else 0, at=self.clock())

    def end(self) -> None:
        """Note a stop that is no death."""
        offsets.end(self.engine, self.place.epoch_no)

    def step(self) -> int:
        """Work on one batch → how many callbacks it held."""
        callbacks = self.log.read_after(self.place.offset, BATCH_ROWS)
        if self.log.epoch != self.epoch:
            self.begin()
            return self.step()
        if self.log.openings != self._openings:
            self._compare()
        if not callbacks:
            self._careful_until = 0
            return 0
        started = time.perf_counter()
        work = self._carefully if self.place.offset < self._careful_until else self._split
        try:
            counts = work(callbacks)
        except OvertakenError as overtaken:  # the rest of what was read may begin behind a gap: read it again
            self._stand(overtaken.offset)
            return len(callbacks)
        seconds = round(time.perf_counter() - started, 4)
        log.info("batch", callbacks=len(callbacks), seconds=seconds, **{str(word): n for word, n in counts.items()})
        self.on_batch()
        return len(callbacks)

    def _batch(self, callbacks: Sequence[Callback], *, careful: bool = False) -> Counter[OutcomeWord]:
        at, number = self.clock(), self.place.epoch_no
        with writing(self.engine) as connection:
            stands = offsets.stands_at(connection, number)
            if stands != self.place.offset:
                raise OvertakenError(stands)
            self._busy_since = time.monotonic()
            try:
                outcomes = decide(connection, self.handlers, callbacks, epoch_no=number, at=at)
            finally:
                self._busy_since = None
            offsets.move(connection, number, callbacks[-1].id, careful=careful, at=at)
        self._stand(callbacks[-1].id)
        self.meter.add(callbacks, self.clock())
        self._tell(callbacks, outcomes)
        return Counter(outcome.word for outcome in outcomes)

    def _stand(self, offset: int) -> None:
        self.place = offsets.Offset(self.place.epoch_no, offset, 0, None)

    def _tell(self, callbacks: Sequence[Callback], outcomes: Sequence[Outcome]) -> None:
        told = log.bind()  # once a batch: binding costs 7 µs
        debugging = told.is_enabled_for(logging.DEBUG)
        for callback, outcome in zip(callbacks, outcomes, strict=True):
            if outcome.word in _TOLD:
                told.warning(
                    str(outcome.word),
                    callback_id=str(callback.id),
                    provider=callback.provider,
                    reason=outcome.reason,
                    ordering_key=callback.ordering_key,
                )
            elif debugging:
                told.debug(str(outcome.word), callback_id=str(callback.id), provider=callback.provider)

    def _split(self, callbacks: Sequence[Callback]) -> Counter[OutcomeWord]:
        """The batch in one transaction; if it raises, its halves, until what raises stands alone."""
        try:
            return self._batch(callbacks)
        except (OvertakenError, StateDisplaced):
            raise
        except Exception as error:
            if self._is_the_storages(error):
                raise
            if len(callbacks) == 1:
                return self._set_aside(callbacks[0], error)
        half = len(callbacks) // 2
        return self._split(callbacks[:half]) + self._split(callbacks[half:])

    def _carefully(self, callbacks: Sequence[Callback]) -> Counter[OutcomeWord]:
        """Callback by callback, with a note before each: who dies now died of the noted one."""
        counts: Counter[OutcomeWord] = Counter()
        died_of, deaths = self.place.trying, self.place.deaths
        for callback in callbacks:
            if callback.id > self._careful_until:
                break
            if callback.id == died_of and deaths >= _SET_ASIDE_FROM:
                counts += self._set_aside(callback, ProcessDiedError(deaths - 1))
                continue
            offsets.note_trying(self.engine, self.place.epoch_no, callback.id)
            try:
                counts += self._batch([callback], careful=True)
            except (OvertakenError, StateDisplaced):
                raise
            except Exception as error:
                if self._is_the_storages(error):
                    raise
                counts += self._set_aside(callback, error)
        return counts

    def _is_the_storages(self, error: Exception) -> bool:
        """Whether the database is in trouble, not the callback.

        A handler may bring it about itself (it writes by a connection of its own and waits for our lock): where it
        happens again and again and we can write all the same, it is the callback's.
        """
        if not is_storage_trouble(error):
            return False
        if self._troubles < _TROUBLES_MAX:
            return True
        try:
            offsets.probe(self.engine, self.place.epoch_no, at=self.clock())
        except Exception as probed:
            if is_storage_trouble(probed):
                return True
            raise
        return False

    def _set_aside(self, callback: Callback, error: BaseException) -> Counter[OutcomeWord]:
        """Our own code failed on it: a dead letter with the error, and the rest goes on."""
        detail = {"error": type(error).__name__, "text": str(error)[:500]}
        outcome = Outcome(callback.id, OutcomeWord.SET_ASIDE, "handler_failed", detail=detail)
        at, number = self.clock(), self.place.epoch_no
        with writing(self.engine) as connection:
            if not decided_before(connection, callback.id, callback.id):
                write_outcomes(connection, [callback], [outcome], epoch_no=number, at=at)
            offsets.move(connection, number, callback.id, careful=False, at=at)
        self._stand(callback.id)
        log.error("set_aside", callback_id=str(callback.id), provider=callback.provider, exc_info=error)
        return Counter([OutcomeWord.SET_ASIDE])

    def busy_seconds(self) -> float:
        """How long the batch that is under way has been decided on, with the state's lock held; 0 for none."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def do_chores(self) -> None:
        """What is due now and then, each in a transaction of its own."""
        now = time.monotonic()
        if now < self._chores_due:
            return
        self._chores_due, at = now + _CHORES_SECONDS, self.clock()
        for chore in self.chores:
            with writing(self.engine) as connection:
                chore(connection, at)

    def keep_measured(self) -> None:
        """Add how long callbacks waited for their effects to the counters, for whoever shows it: once a second."""
        now, measured = time.monotonic(), self.meter.counts
        if not measured or now < self._keep_due:
            return
        self._keep_due = now + _KEEP_SECONDS
        with writing(self.engine) as connection:
            count(
                connection,
                {
                    (provider, f"{APPLIED_US}{bucket}"): number
                    for provider, counts in measured.items()
                    for bucket, number in counts.items()
                },
            )
        self.meter = AppliedMeter()

    def run(self, stopped: Callable[[], bool], wake_fd: int | None = None) -> None:
        """Work until `stopped()`; `wake_fd` becomes readable when something was appended."""
        while not stopped():
            started = time.monotonic()
            try:
                if not self.epoch:
                    self.begin()
                worked = self.step()
                self.do_chores()
                self.keep_measured()
                if 0 < worked < BATCH_ROWS:
                    self._rest(started)
                self._troubles = 0
            except Exception as error:
                if not (isinstance(error, LogUnavailable) or is_storage_trouble(error)):
                    raise
                # A log that is being replaced, the disk or a lock: nothing of the batch is committed, it is read again.
                seconds = min(_TROUBLE_SECONDS_MAX, 0.1 * 2**self._troubles)
                self._troubles = min(self._troubles + 1, _TROUBLES_MAX)
                log.warning("storage_trouble", error=str(error), again_seconds=seconds)
                time.sleep(seconds)
                continue
            if not worked:
                wait_for_wake(wake_fd, _POLL_SECONDS)
        self._keep_due = 0.0
        self.keep_measured()
        self.end()

    def _rest(self, started: float) -> None:
        """Let a stream gather until the next batch is due, and use the lull for the disk's sake."""
        if started >= self._checkpoint_due:
            self._checkpoint_due = started + _CHECKPOINT_SECONDS
            checkpoint(self.engine)
        time.sleep(max(0.0, started + _PACE_SECONDS - time.monotonic()))


_TOLD = frozenset({OutcomeWord.REJECTED, OutcomeWord.SET_ASIDE})


class OvertakenError(Exception):
    """Another worker moved the offset while this one was at the same callbacks; nothing of ours is committed."""

    def __init__(self, offset: int) -> None:
        """`offset`: where it stands now."""
        super().__init__(f"the offset stands at {offset}")
        self.offset = offset


class ProcessDiedError(Exception):
    """The worker's process died each time it worked on this callback."""

    def __init__(self, deaths: int) -> None:
        """`deaths` so far."""
        super().__init__(f"the process died {deaths} times while working on it")


def wait_for_wake(wake_fd: int | None, seconds: float) -> None:
    """Sleep until woken or `seconds` have passed; a moment more gathers what comes together."""
    if wake_fd is None:
        time.sleep(seconds)
        return
    if select.select([wake_fd], [], [], seconds)[0]:
        time.sleep(_GATHER_SECONDS)
        with suppress(BlockingIOError):  # cleared before the log is read: a later wake is not lost
            os.read(wake_fd, 4096)
