"""Answers that need the state: in time whatever happens, once, and the callback is not kept."""

import asyncio
import threading

from app.engine import looking_up
from app.engine.callback import Answer
from app.engine.counters import Counters
from app.engine.receive import Receiver
from tests.engine.doors import HandAppender, Shop, a_request

FOUND, OTHERWISE = Answer(200, b"found"), Answer(200, b"otherwise")


async def looked_up(find: object, seconds: float = 5.0) -> list[Answer]:
    told: list[Answer] = []
    came = asyncio.Event()

    def done(answer: Answer) -> None:
        told.append(answer)
        came.set()

    looking_up.look_up(find, OTHERWISE, done, seconds=seconds)  # type: ignore[arg-type]
    await came.wait()
    return told


async def test_what_was_found_is_told() -> None:
    assert await looked_up(lambda: FOUND) == [FOUND]


async def test_a_look_that_fails_is_answered_otherwise() -> None:
    def fails() -> Answer:
        raise OSError("the state is locked")

    assert await looked_up(fails) == [OTHERWISE]


async def test_a_look_that_is_late_is_answered_otherwise_and_only_once() -> None:
    gone_on, ended = threading.Event(), threading.Event()

    def slow() -> Answer:
        gone_on.wait(10)
        ended.set()
        return FOUND

    told = await looked_up(slow, seconds=0.01)
    assert told == [OTHERWISE]
    gone_on.set()
    await asyncio.to_thread(ended.wait, 10)
    await asyncio.sleep(0)
    assert told == [OTHERWISE]


async def test_it_runs_in_another_thread_and_nothing_is_kept() -> None:
    shop, appender = Shop(), HandAppender()
    threads: list[int] = []

    def find() -> Answer:
        threads.append(threading.get_ident())
        return FOUND

    shop.finds = find
    told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    receiver = Receiver({"shop": shop}, appender, counters=Counters())
    assert receiver.receive(a_request(b'{"id": "1", "look": 1}'), told.set_result) is None
    assert await told == FOUND
    assert threads != [threading.get_ident()]
    assert appender.rows == []
