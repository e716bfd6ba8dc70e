"""`@manager.on(...)`: functions of the application hear of what happened, each once, with retries and a dead letter."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.callbacks.callback_manager import CallbackManager, initialize_callbacks, use_manager
from app.callbacks.events.fanning import FanOut
from app.callbacks.working import slow_lane
from app.core.clock import now_us
from app.core.database import make_engine, writing
from app.core.ends import LATEST
from app.core.errors import FieldError, HandlerNameTaken, ValidationError
from app.engine.log import open_log
from app.engine.tasks.thread import start_in_thread
from app.operate import orders
from app.operate.checkup.endpoints import listening
from app.operate.endpoints import endpoints
from app.operate.endpoints.events import Event
from app.operate.endpoints.subscribed import subscribe
from app.operate.policy import UNASKED
from tests.callbacks.events.road import Road, a_road
from tests.callbacks.vectors import settings
from tests.chaos.shop import until


async def test_a_function_hears_of_each_event_once(road: Road) -> None:
    heard: list[Event] = []

    @road.manager.on("transaction.*", name="hearing")
    async def hear(event: Event) -> None:
        heard.append(event)

    road.fan()
    road.pay("TU-1", "TU-2")
    await road.deliver()
    await road.deliver()
    assert sorted((each.type, each.data["order_id"]) for each in heard) == [
        ("transaction.settled", "TU-1"),
        ("transaction.settled", "TU-2"),
    ]
    assert heard[0].id != heard[1].id


async def test_several_functions_hear_of_one_event_each_with_its_own_retries(road: Road) -> None:
    calls: list[tuple[str, str]] = []

    @road.manager.on("transaction.settled", name="first")
    def first(event: Event) -> None:
        calls.append(("first", event.id))

    @road.manager.on("transaction.settled", name="second")
    async def second(event: Event) -> None:
        calls.append(("second", event.id))
        if len(calls) < 4:
            raise RuntimeError("not yet")

    road.fan()
    road.pay("TU-1")
    for _ in range(4):
        await road.deliver(after_us=3_600_000_000)
    assert [name for name, _ in sorted(calls)] == ["first", "second", "second", "second"]
    assert len({number for _, number in calls}) == 1
    assert road.states() == ["done", "done"]


async def test_an_ordinary_function_holds_nobody_up(road: Road) -> None:
    begun, free = threading.Barrier(2), threading.Event()

    @road.manager.on("transaction.settled", name="slow")
    def slow(event: Event) -> None:
        begun.wait(10)  # only where both are under way at once
        assert free.wait(10) or event

    road.fan()
    road.pay("TU-1", "TU-2")
    free.set()
    assert await road.deliver() == 2
    assert road.states() == ["done", "done"]


async def test_what_a_function_does_not_take_is_a_dead_letter(road: Road) -> None:
    @road.manager.on("transaction.settled", name="picky")
    async def picky(event: Event) -> None:
        raise ValidationError(f"{event.data['order_id']} is none of ours")

    road.fan()
    road.pay("TU-1")
    await road.deliver()
    assert road.rows("SELECT kind, reason FROM callback_dead") == [("task", "not_valid")]


async def test_what_happens_while_the_code_is_gone_waits_for_it(tmp_path: Path) -> None:
    heard: list[str] = []

    def hear(event: Event) -> None:
        heard.append(event.data["order_id"])

    with a_road(tmp_path) as road:
        road.manager.on("transaction.settled", name="hearing")(hear)
        road.fan()
        road.pay("TU-1")
        road.fan()  # a task of it, and then the process ends
        road.manager = CallbackManager(settings=road.settings)
        road.pay("TU-2")
        assert await road.deliver() == 1
        assert await road.deliver(after_us=86_400_000_000) == 0
        assert road.shown("on:hearing").state == "missing"
        told = [finding for finding in listening(road.shop.engine) if finding.state != "ok"]
        assert [finding.values["name"] for finding in told] == ["on:hearing"]
        road.manager.on("transaction.settled", name="hearing")(hear)
        while await road.deliver():
            pass
        assert sorted(heard) == ["TU-1", "TU-2"]
        assert road.shown("on:hearing").state == "on"


def test_a_worker_without_the_functions_beside_one_that_has_them_holds_nothing_back(road: Road) -> None:
    heard: list[str] = []

    @road.manager.on("transaction.settled", name="hearing")
    async def hear(event: Event) -> None:
        heard.append(event.data["order_id"])

    url, engine = road.settings.callback_log_url, road.shop.engine
    runner = start_in_thread(slow_lane(engine, road.manager, road.log))
    fans = FanOut(engine, url, road.manager.subscribers, runner)
    try:
        with writing(engine) as connection:
            subscribe(connection, {}, now_us())  # the start of the other one
            publishing = "UPDATE callback_endpoints SET hears_from = 0"
            connection.execute(text(publishing))
        road.pay("TU-1")
        fans.wake()
        until(lambda: heard == ["TU-1"] and road.shown("on:hearing").state == "on", lambda: "it is still missing")
        with writing(engine) as connection:
            subscribe(connection, {}, now_us())
            held = "UPDATE callback_tasks SET state = 'ready', due_at = :held WHERE kind = 'event'"
            connection.execute(text(held), {"held": LATEST})  # and what it claimed
        fans.wake()
        until(lambda: heard == ["TU-1", "TU-1"], lambda: "what it claimed waits for ever")
    finally:
        fans.stop()
        runner.stop()


def test_what_has_no_name_of_its_own_is_asked_for_one(road: Road) -> None:
    with pytest.raises(FieldError, match="name"):
        road.manager.on("transaction.settled")(partial(print, "heard"))
    road.manager.on("transaction.settled", name="printing")(partial(print, "heard"))


async def test_a_new_function_begins_now_and_a_known_one_where_it_stood(road: Road) -> None:
    endpoints.add(
        road.shop.engine, road.log, road.settings, name="shop", url="http://127.0.0.1:9/", events="*", callbacks="",
        since=None, at=road.shop.tick(),
    )  # fmt: skip
    road.pay("TU-1")
    heard: list[str] = []
    road.manager.on("*", name="late")(lambda event: heard.append(event.data["order_id"]))
    road.fan()
    road.pay("TU-2")
    await road.deliver()
    assert heard == ["TU-2"]


def test_a_function_is_named_by_its_place_and_a_name_is_one_functions() -> None:
    manager = CallbackManager(settings=settings())
    manager.on("transaction.settled")(_at_module_level)
    manager.on("ppob.*")(_at_module_level)
    (subscriber,) = manager.subscribers.values()
    assert subscriber.name.endswith(":_at_module_level")
    assert subscriber.patterns == "transaction.settled,ppob.*"
    with pytest.raises(HandlerNameTaken):
        manager.on("ppob.*", name=subscriber.name.removeprefix("on:"))(print)
    with pytest.raises(FieldError, match="matches none of"):
        manager.on("transaction.payed")(_at_module_level)
    with pytest.raises(FieldError, match="names no event"):
        manager.on()(_at_module_level)


def _at_module_level(event: Event) -> None:
    """Hears."""


@pytest.fixture
def no_manager_is_left_behind() -> Iterator[None]:
    use_manager(None)
    yield
    use_manager(None)


@pytest.mark.usefixtures("no_manager_is_left_behind")
async def test_a_worker_inside_tells_functions_also_those_that_come_late(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def listener(name: str) -> Any:
        def hear(event: Event) -> None:
            loop.call_soon_threadsafe(heard.put_nowait, (name, event.data["order_id"]))

        return hear

    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    manager = initialize_callbacks(engine)
    manager.on("transaction.settled", name="early")(listener("early"))
    initialize_callbacks(worker=True)
    try:
        assert manager.worker is not None
        body = b'{"order_id":"%b","transaction_status":"settlement","gross_amount":"100000.00"}'
        log = open_log(manager.settings.callback_log_url, server=False)
        for order_id in ("TU-1", "TU-2"):
            data = {"order_id": order_id, "user_id": "ani", "kind": "topup", "amount": "100000.00"}
            orders.create_order(engine, data, at=now_us(), policy=UNASKED, lang="en")
            row = (
                0,
                "midtrans",
                "settlement",
                "x",
                order_id,
                now_us(),
                "",
                body % order_id.encode(),
                "unverified",
                "::1",
            )
            log.write_batch([row])
            if order_id == "TU-1":
                assert await asyncio.wait_for(heard.get(), 20) == ("early", "TU-1")
                manager.on("transaction.settled", name="late")(listener("late"))
                await asyncio.to_thread(until, lambda: _is_known(engine, "on:late"), lambda: "it never subscribed")
        both = {await asyncio.wait_for(heard.get(), 20) for _ in range(2)}  # side by side: either may be first
        assert both == {("early", "TU-2"), ("late", "TU-2")}
        log.close()
    finally:
        if manager.worker is not None:
            manager.worker.stop()
    engine.dispose()


def _is_known(engine: Any, name: str) -> bool:
    return name in {each.name for each in endpoints.list_endpoints(engine).endpoints}
