"""What every destination has heard is forgotten in time; what one of them may still be told stays."""

from typing import Any

from sqlalchemy import text

from app.core.database import reading, writing
from app.operate import retention
from app.operate.endpoints import endpoints
from app.operate.endpoints.fan_out import fan_out
from app.operate.endpoints.pruning import forget_events, old_events
from tests.callbacks.vectors import settings
from tests.operate.arrivals import Arrivals

YEAR = 365 * 86_400_000_000


def listen(arrivals: Arrivals, name: str, **more: Any) -> None:
    told = {"events": "*", "callbacks": "", "since": None, **more}
    endpoints.add(
        arrivals.shop.engine, arrivals.log, settings(), name=name, url="https://shop.example/", at=arrivals.shop.tick(),
        **told,
    )  # fmt: skip


def pay(arrivals: Arrivals, *names: str) -> None:
    for name in names:
        arrivals.shop.announce(name)
        arrivals.shop.tell(name)


def fan(arrivals: Arrivals) -> None:
    while fan_out(arrivals.shop.engine, arrivals.log, (), arrivals.shop.tick()):
        pass


def end_tasks(arrivals: Arrivals) -> None:
    with writing(arrivals.shop.engine) as connection:
        connection.execute(text("UPDATE callback_tasks SET state = 'done'"))


def forget(arrivals: Arrivals) -> int:
    before = arrivals.shop.now + YEAR
    found = old_events(arrivals.shop.engine, before=before)
    gone = forget_events(arrivals.shop.engine, before=before, rest=lambda _seconds: None)
    assert gone == found
    return gone


def test_what_is_on_its_way_or_waits_for_one_that_is_off_stays(arrivals: Arrivals) -> None:
    listen(arrivals, "shop")
    listen(arrivals, "books")
    endpoints.disable(arrivals.shop.engine, "books")
    pay(arrivals, "TU-1", "TU-2")
    fan(arrivals)
    assert forget(arrivals) == 0  # books has heard nothing
    endpoints.enable(arrivals.shop.engine, "books", at=arrivals.shop.tick())
    fan(arrivals)
    assert forget(arrivals) == 0  # they are under way
    end_tasks(arrivals)
    assert old_events(arrivals.shop.engine, before=1) == 0
    assert forget(arrivals) == 2


def test_the_numbers_of_forgotten_events_are_not_given_again(arrivals: Arrivals) -> None:
    listen(arrivals, "shop")
    pay(arrivals, "TU-1")
    fan(arrivals)
    end_tasks(arrivals)
    assert forget(arrivals) == 1
    pay(arrivals, "TU-2")
    fan(arrivals)
    with reading(arrivals.shop.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM callback_tasks WHERE state = 'ready'")).scalar() == 1


def test_callbacks_that_an_endpoint_has_not_passed_stay_in_the_log(arrivals: Arrivals) -> None:
    listen(arrivals, "copies", events="", callbacks="midtrans")
    endpoints.disable(arrivals.shop.engine, "copies")
    arrivals.shop.announce()
    for _ in range(3):
        arrivals.receive()
    arrivals.decide()
    before = arrivals.shop.now + YEAR
    assert retention.plan(arrivals.shop.engine, arrivals.log, before=before).rows == 0
    endpoints.remove(arrivals.shop.engine, "copies", at=arrivals.shop.tick())
    assert retention.plan(arrivals.shop.engine, arrivals.log, before=before).rows == 2
