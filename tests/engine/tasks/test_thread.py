"""A runner beside a synchronous worker."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine, select

from app.core.clock import now_us
from app.core.database import reading, writing
from app.engine.tables import tasks
from app.engine.tasks import Policy, Result, Success, Task
from app.engine.tasks.queue import NewTask, enqueue
from app.engine.tasks.runner import Runner, Tempo
from app.engine.tasks.thread import start_in_thread


class Noting:
    policy = Policy()
    concurrency = 4
    rate_in_all_per_second = None
    circuit = None
    timeout_seconds = 5.0
    settle = None

    def __init__(self) -> None:
        self.threads: list[str] = []

    def rate_of(self, _destination: str) -> float | None:
        return None

    async def perform(self, task: Task) -> Result:
        del task
        self.threads.append(threading.current_thread().name)
        return Success()


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_it_carries_out_in_its_own_thread_is_woken_and_stops_when_asked(state: Engine) -> None:
    noting = Noting()
    thread = start_in_thread(Runner(state, {"ask": noting}, tempo=Tempo(poll_seconds=60)))
    with writing(state) as connection:
        enqueue(connection, [NewTask("a", "ask", "api", "{}", now_us())], now_us())

    thread.wake()

    def done() -> bool:
        with reading(state) as connection:
            return connection.execute(select(tasks.c.state)).scalars().all() == ["done"]

    wait_for(done)
    assert thread.alive
    assert thread.stop(5)
    assert not thread.alive
    assert thread.stop(1)
    assert noting.threads == ["tasks"]
