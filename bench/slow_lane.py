"""The slow lane alone: tasks a second to a fast destination, and what dead destinations cost the others."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import msgspec
from rich.console import Console
from sqlalchemy import Engine, func, select

from app.core.clock import now_us
from app.core.database import ensure_schema, make_engine, reading, writing
from app.core.errors import NoAnswer
from app.engine.tables import tasks
from app.engine.tasks import Circuit, Failure, Policy, Result, Success, Task
from app.engine.tasks.queue import NewTask, enqueue
from app.engine.tasks.runner import Runner
from app.engine.tasks.thread import start_in_thread
from app.providers.outgoing import open_client, send
from bench.processes import Started, free_port

_CHUNK = 1_000
_KIND = "post"


class Lane(msgspec.Struct, frozen=True):
    """What was found of one load."""

    tasks: int
    destinations: int
    dead: int
    seconds: float  # until the last task of a living destination was done
    per_second: float
    p50_seconds: float  # from enqueued to done, of those of living destinations
    p99_seconds: float
    most_often: int  # how often the same task came to its destination at most


class SlowLane(msgspec.Struct, frozen=True):
    """All three loads."""

    one: Lane  # one fast destination
    healthy: Lane  # many, none of them dead
    beside_dead: Lane  # the same with dead ones among them


class Poster:
    """Posts a task's payload to its destination, with its key."""

    policy = Policy()
    circuit: Circuit | None = Circuit()
    rate_in_all_per_second: float | None = None
    timeout_seconds = 10.0
    settle = None

    def __init__(self, client: httpx2.AsyncClient, url: str, concurrency: int) -> None:
        self.concurrency = concurrency
        self._client = client
        self._url = url

    def rate_of(self, destination: str) -> float | None:
        """Any."""
        del destination
        return None

    async def perform(self, task: Task) -> Result:
        """One request."""
        try:
            reply = await send(
                self._client,
                "POST",
                f"{self._url}/{task.destination}",
                headers={"content-type": "application/json", "idempotency-key": task.key},
                content=task.payload.encode(),
            )
        except NoAnswer as error:
            return Failure(str(error), lost=not error.unsent)
        return Success() if reply.status == httpx2.codes.OK else Failure(f"HTTP {reply.status}")


def measure(folder: Path, *, count: int, destinations: int, dead: int, concurrency: int) -> Lane:
    """Enqueue `count` tasks, carry them out, ask the destinations what came."""
    engine = make_engine(f"sqlite:///{folder}/state.db", "worker")
    ensure_schema(engine)
    port = free_port()
    sink = Started([sys.executable, "-m", "bench.sink", str(port), str(dead)], folder, {})
    try:
        sink.until_listening(port)
        _fill(engine, count, destinations)
        client = open_client(public_only=False, timeout=httpx2.Timeout(5, connect=2, pool=30))
        poster = Poster(client, f"http://127.0.0.1:{port}", concurrency)
        began = time.monotonic()
        running = start_in_thread(Runner(engine, {_KIND: poster}, closing=[client.aclose]))
        alive = count // destinations * (destinations - dead)
        _until(lambda: _done(engine) >= alive)
        seconds = time.monotonic() - began
        running.stop()
        told = httpx2.get(f"http://127.0.0.1:{port}/told", trust_env=False).json()
    finally:
        sink.stop()
    with reading(engine) as connection:
        took = sorted(
            (finished - created) / 1e6
            for finished, created in connection.execute(
                select(tasks.c.finished_at, tasks.c.created_at).where(tasks.c.state == "done")
            )
        )
    engine.dispose()
    if told["different"] < alive:
        raise RuntimeError(f"{told['different']} tasks came to their destinations, {alive} are done")
    return Lane(
        tasks=count,
        destinations=destinations,
        dead=dead,
        seconds=seconds,
        per_second=alive / seconds,
        p50_seconds=took[len(took) // 2],
        p99_seconds=took[int(len(took) * 0.99)],
        most_often=told["most"],
    )


def _fill(engine: Engine, count: int, destinations: int) -> None:
    payload = msgspec.json.encode({"text": "Saldo Anda bertambah Rp100.000", "user": "ani"}).decode()
    for first in range(0, count, _CHUNK):
        with writing(engine) as connection:
            at = now_us()
            new = [
                NewTask(f"k{n}", _KIND, f"d{n % destinations}", payload, at)
                for n in range(first, min(count, first + _CHUNK))
            ]
            enqueue(connection, new, at)


def _done(engine: Engine) -> int:
    with reading(engine) as connection:
        number: int = connection.execute(
            select(func.count()).select_from(tasks).where(tasks.c.state == "done")
        ).scalar_one()
    return number


def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


def run(folder: Path, *, count: int, many: int) -> SlowLane:
    """All three loads."""

    def lane(name: str, **more: int) -> Lane:
        place = folder / name
        place.mkdir()
        return measure(place, **more)

    return SlowLane(
        lane("one", count=count, destinations=1, dead=0, concurrency=64),
        lane("healthy", count=many, destinations=50, dead=0, concurrency=4),
        lane("dead", count=many, destinations=50, dead=5, concurrency=4),
    )


def show(found: SlowLane, console: Console) -> None:
    """Print what was found."""
    for what, lane in (
        ("one fast destination", found.one),
        ("fifty destinations", found.healthy),
        ("fifty, of which five are dead", found.beside_dead),
    ):
        console.print(
            f"{what}: {lane.per_second:,.0f} tasks/s, p50 {lane.p50_seconds:.2f} s, p99 {lane.p99_seconds:.2f} s",
            highlight=False,
        )
