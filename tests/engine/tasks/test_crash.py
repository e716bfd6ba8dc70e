"""A process that is killed in the middle of a try."""

import asyncio
import multiprocessing
import time
from pathlib import Path

from sqlalchemy import Engine, select

from app.core.clock import now_us
from app.core.database import make_engine, reading, writing
from app.engine.tables import tasks
from app.engine.tasks import Policy, Result, Success, Task
from app.engine.tasks.queue import NewTask, enqueue
from app.engine.tasks.runner import Runner, Tempo

BRIEF = Tempo(poll_seconds=0.02, lease_margin_seconds=0.2)


class Sender:
    """Notes what it sends in a file, as a destination would see it; then hangs, or succeeds."""

    policy = Policy()
    concurrency = 10
    rate_in_all_per_second = None
    circuit = None
    timeout_seconds = 0.5
    settle = None

    def __init__(self, sent: Path, *, hangs: bool) -> None:
        self.sent = sent
        self.hangs = hangs

    def rate_of(self, _destination: str) -> float | None:
        return None

    async def perform(self, task: Task) -> Result:
        with self.sent.open("a") as file:
            file.write(f"{task.key} {task.tries}\n")
        if self.hangs:
            time.sleep(60)  # noqa: ASYNC251 - its process is killed meanwhile
        return Success()


def send_and_hang(url: str, sent: Path) -> None:
    runner = Runner(make_engine(url, "worker"), {"tell": Sender(sent, hangs=True)}, tempo=BRIEF)
    asyncio.run(runner.run(asyncio.Event()))


async def test_a_killed_try_is_repeated_with_the_same_key_and_nothing_is_lost(
    state: Engine, state_url: str, tmp_path: Path
) -> None:
    sent = tmp_path / "sent"
    with writing(state) as connection:
        enqueue(connection, [NewTask(f"k{n}", "tell", "chat", "{}", now_us()) for n in range(5)], now_us())
    process = multiprocessing.get_context("spawn").Process(target=send_and_hang, args=(state_url, sent))
    process.start()
    async with asyncio.timeout(60):
        while not (sent.exists() and sent.read_text().endswith("\n")):  # noqa: ASYNC110 - another process' file
            await asyncio.sleep(0.005)
    process.kill()
    process.join()

    stop = asyncio.Event()
    runner = Runner(state, {"tell": Sender(sent, hangs=False)}, tempo=BRIEF)
    running = asyncio.create_task(runner.run(stop))
    async with asyncio.timeout(20):
        while states(state) != {"done"}:  # noqa: ASYNC110 - the state of another runner
            await asyncio.sleep(0.01)
    stop.set()
    await running

    assert sorted(sent.read_text().split("\n")[1:-1]) == [f"k{n} 2" for n in range(5)]
    assert sent.read_text().startswith("k0 1\n")


def states(state: Engine) -> set[str]:
    with reading(state) as connection:
        return set(connection.execute(select(tasks.c.state)).scalars())
