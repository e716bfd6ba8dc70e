"""Carries tasks out side by side and writes all results that are ready in one transaction, with what they mean.

One round: write results, claim what is due where there is room, begin. Between rounds nothing happens: the runner
sleeps until a try ends, somebody wakes it, or the next task is due. The database is asked from a thread of its own, so
that waiting for its lock never looks like a destination that does not answer.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Engine

from app.core.clock import now_us
from app.core.database import reading, writing
from app.core.telemetry import get_logger, redact
from app.engine.tasks import Again, Failure, GiveUp, Lane, Performer, Result, Success, Task
from app.engine.tasks.lanes import Lanes
from app.engine.tasks.policy import before_try
from app.engine.tasks.queue import Ending, Room, claim, next_due, release, resting
from app.engine.tasks.results import Ended, Writer

_SECOND = 1_000_000
#: A person may end a rest that a destination asked for: the rows say so, and are asked so often while one lasts.
_RESTS_US = 3 * _SECOND
_log = get_logger(__name__)


class Tempo(msgspec.Struct, frozen=True):
    """How a runner spends its time; the defaults were measured (2 cores, SQLite, a destination on loopback)."""

    at_once: int = 256  # tries under way in all
    gather_seconds: float = 0.005  # results that come so close together share a transaction
    poll_seconds: float = 1.0  # how long tasks of another process may wait unseen
    grace_seconds: float = 5.0  # what is under way when it is asked to stop may take so long to end
    lease_margin_seconds: float = 15.0  # beyond its time-out: writing results may take that long


class Runner:
    """One process' slow lane. `performers` by kind; those that are added later count at once."""

    def __init__(
        self,
        engine: Engine,
        performers: Mapping[str, Performer],
        *,
        tempo: Tempo = Tempo(),  # noqa: B008 - frozen
        clock: Callable[[], int] = now_us,
        chance: Callable[[], float] = random.random,
        redact: Callable[[str], str] = redact,
        closing: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """`redact` takes secrets out of errors' texts; `closing` is awaited at the end (HTTP clients)."""
        self._engine = engine
        self._performers = performers
        self._tempo = tempo
        self._clock = clock
        self._writer = Writer(performers, chance, redact)
        self._closing = closing
        self._lanes = Lanes(performers, tempo.at_once)
        self._under_way: dict[asyncio.Task[Result], tuple[Task, int]] = {}  # each with when it began
        self._ended: list[Ended] = []
        self._stirred = asyncio.Event()
        self._next_due: int | None = None
        self._rests_read_at = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Look for tasks now; from any thread, at any time."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody to wake
                loop.call_soon_threadsafe(self._stirred.set)

    async def run(self, stop: asyncio.Event) -> None:
        """Carry out until `stop` is set; then what is under way may end, the rest is given back."""
        self._loop = asyncio.get_running_loop()
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._stirred.set())
        try:
            await self._read_rests()
            while not stop.is_set():
                self._stirred.clear()
                await self._sleep(await self._round_or_wait())
        finally:
            stopping.cancel()
            await self._wind_up()

    async def run_once(self, at: int) -> int:
        """Carry out all that is due at `at`, write what came of it as of `at` → how many tries were made."""
        tries = 0
        await self._read_rests(at)
        while claimed := await self._round(at):
            tries += len(claimed)
            await asyncio.wait(self._under_way)
            await asyncio.sleep(0)  # the callbacks that note the results
        return tries

    async def _read_rests(self, at: int | None = None) -> None:
        now = self._rests_read_at = self._clock() if at is None else at
        try:
            rests = await asyncio.to_thread(self._load_rests, now)
        except Exception as error:  # noqa: BLE001 - the database may come later; rests are in the rows as well
            _log.warning("tasks.rests_unread", error=self._writer.words(error))
            return
        lanes, kinds = rests
        self._lanes.forget_told()
        for lane, until in lanes.items():
            if lane[0] in self._performers:
                self._lanes.rest(lane, until)
        for kind, until in kinds.items():
            if kind in self._performers:
                self._lanes.rest_all(kind, until)

    def _load_rests(self, at: int) -> tuple[dict[Lane, int], dict[str, int]]:
        with reading(self._engine) as connection:
            return resting(connection, at)

    async def _round_or_wait(self) -> float:
        """One round → seconds until the next one is due by itself."""
        at = self._clock()
        try:
            claimed = await self._round(at)
        except Exception as error:  # noqa: BLE001 - whatever it is, tasks wait in the table and the lane goes on
            _log.error("tasks.round_failed", error=self._writer.words(error))
            return self._tempo.poll_seconds
        if claimed:
            return self._tempo.gather_seconds  # there may be more than one claim looks at
        times = [time for time in (self._next_due, self._lanes.opens_at(at)) if time is not None]
        return min([self._tempo.poll_seconds, *((time - at) / _SECOND for time in times)])

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stirred.wait()
        if self._under_way or self._ended:
            await asyncio.sleep(self._tempo.gather_seconds)

    async def _round(self, at: int) -> list[Task]:
        if not 0 <= at - self._rests_read_at < _RESTS_US and self._lanes.are_told(at):
            await self._read_rests(at)
        ended, self._ended = self._ended, []
        free = self._tempo.at_once - len(self._under_way)
        room = Room(self._lanes.room_of_kinds(), self._lanes.room(at), self._lanes.room_in_all(at))
        try:
            endings, claimed = await asyncio.to_thread(self._exchange, ended, at, free, room)
        except BaseException:
            self._ended = ended + self._ended  # nothing was written; the next round writes them
            raise
        for ending in endings:
            verdict = ending.verdict
            if isinstance(verdict, (Again, GiveUp)) and verdict.rests_until is not None:
                self._lanes.rest(ending.task.lane, verdict.rests_until)
                if verdict.everywhere:
                    self._lanes.rest_all(ending.task.kind, verdict.rests_until)
        for task in claimed:
            self._begin(task, at)
        return claimed

    def _exchange(self, ended: Sequence[Ended], at: int, free: int, room: Room) -> tuple[list[Ending], list[Task]]:
        """In the database's thread: results and claims, one transaction; none when there is nothing to write."""
        if not ended:
            with reading(self._engine) as connection:
                self._next_due = next_due(connection)
            if free <= 0 or self._next_due is None or self._next_due > at:
                return [], []
        with writing(self._engine) as connection:
            endings = self._writer.write(connection, ended, at)
            claimed = claim(connection, at, free, self._leases_us(), room)
            self._next_due = next_due(connection, after=at)
        return endings, claimed

    def _leases_us(self) -> dict[str, int]:
        # By kind: what a killed process left behind waits no longer than its own time-out asks for.
        margin = self._tempo.lease_margin_seconds
        return {
            kind: int((performer.timeout_seconds + margin) * _SECOND) for kind, performer in self._performers.items()
        }

    def _begin(self, task: Task, at: int) -> None:
        self._lanes.begin(task.lane, at)
        running = asyncio.create_task(self._try(task), name=f"task {task.id}")
        self._under_way[running] = (task, at)
        running.add_done_callback(self._end)

    def _end(self, running: "asyncio.Task[Result]") -> None:
        task, began_at = self._under_way.pop(running)
        self._lanes.end(task.lane)
        if not running.cancelled():
            self._ended.append(Ended(task, running.result(), began_at))
            if before_try(task, self._performers[task.kind].policy) is None:  # else nobody was asked
                self._lanes.heard(task.lane, running.result(), self._clock())
        self._stirred.set()

    async def _try(self, task: Task) -> Result:
        performer = self._performers[task.kind]
        if refused := before_try(task, performer.policy):
            return refused
        try:
            async with asyncio.timeout(performer.timeout_seconds) as limit:
                result = await performer.perform(task)
        except TimeoutError as error:
            if limit.expired():
                return Failure(f"no end within {performer.timeout_seconds:g} s", lost=True)
            return Failure(self._writer.words(error), lost=True)
        except BaseException as error:  # whatever it is, it is this task's
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            return Failure(self._writer.words(error), lost=True)
        if isinstance(result, (Success, Failure)):
            return result
        return Failure(f"perform returned {type(result).__name__}, neither Success nor Failure")

    async def _wind_up(self) -> None:
        """Let tries end for a while, give the others back, close what is open."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._tempo.grace_seconds)
        cut = dict(self._under_way)
        for running in cut:
            running.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        unfinished = [task for running, (task, _) in cut.items() if running.cancelled() and task.repeatable]
        for running, (task, began_at) in cut.items():
            if running.cancelled() and not task.repeatable:
                self._ended.append(Ended(task, Failure("stopped in the middle of a try", lost=True), began_at))
        ended, self._ended = self._ended, []
        try:
            if ended or unfinished:
                await asyncio.to_thread(self._write_last, ended, unfinished, self._clock())
        except Exception as error:  # noqa: BLE001 - their leases end, then they are tried again
            _log.error("tasks.unwritten_at_stop", tasks=len(ended) + len(unfinished), error=self._writer.words(error))
        await self.close()
        self._loop = None

    async def close(self) -> None:
        """Close what was handed over for it; `run` does so at its end."""
        for close in self._closing:
            await close()

    def _write_last(self, ended: Sequence[Ended], unfinished: Sequence[Task], at: int) -> None:
        with writing(self._engine) as connection:
            self._writer.write(connection, ended, at)
            release(connection, unfinished, at)


def _is_cancelled() -> bool:
    """Whether it is we who were asked to end, not code that is carried out which raises as if it were."""
    running = asyncio.current_task()
    return running is None or running.cancelling() > 0
