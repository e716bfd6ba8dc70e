"""What happened is told to the owner's own service: signed, with one stable id, until it is heard."""

from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from app.callbacks.events.forwarding import ForwardPerformer
from app.operate.endpoints import endpoints
from app.operate.matters import ALERTS
from app.operate.policy import UNASKED
from tests.callbacks.events.road import DAY, SECOND, Road
from tests.fakes.webhook_receiver import Receiver, webhook_receiver

HOUR = 3_600 * SECOND


def now(road: Road) -> None:
    """The clock of the receivers' library is the machine's: signatures are made by the same one."""
    import time  # noqa: PLC0415

    road.shop.now = time.time_ns() // 1_000


async def test_a_payment_is_told_signed_and_once(road: Road, receiver: Receiver) -> None:
    now(road)
    secret = road.listen(receiver.url)
    road.pay("TU-1")
    assert await road.deliver() == 1
    (taken,) = receiver.taken
    assert taken.proved(secret)["data"]["order_id"] == "TU-1"
    assert taken.event["type"] == "transaction.settled"
    assert taken.id == taken.event["id"]
    assert await road.deliver() == 0
    assert road.shown().waiting == road.shown().behind == 0
    assert road.shown().state == "on"
    assert road.shown().heard_at is not None


async def test_a_try_that_fails_is_made_again_with_the_same_id_and_bytes(road: Road, receiver: Receiver) -> None:
    road.listen(receiver.url)
    road.pay("TU-1")
    receiver.answer = lambda _headers, _body: 500 if len(receiver.taken) < 2 else 200
    for _ in range(3):
        await road.deliver(after_us=HOUR)
    first, *others = receiver.taken
    assert [each.status for each in receiver.taken] == [500, 500, 200]
    assert {(each.id, each.body) for each in others} == {(first.id, first.body)}
    assert len({each.headers["webhook-timestamp"] for each in receiver.taken}) == 3
    assert road.states() == ["done"]


async def test_a_long_or_packed_answer_is_as_good_as_none(road: Road, receiver: Receiver) -> None:
    road.listen(receiver.url)
    receiver.content = b"x" * (2 << 20)
    receiver.more_headers = {"content-encoding": "gzip"}
    road.pay("TU-1")
    await road.deliver()
    assert road.states() == ["done"]


async def test_no_redirect_is_followed(road: Road, receiver: Receiver) -> None:
    road.listen(receiver.url)
    receiver.answer = lambda _headers, _body: 307
    receiver.more_headers = {"location": receiver.url}
    road.pay("TU-1")
    await road.deliver()
    assert len(receiver.taken) == 1
    assert road.states() == ["ready"]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_asks_for_time_gets_it(road: Road, receiver: Receiver, status: int) -> None:
    road.listen(receiver.url)
    receiver.answer = lambda _headers, _body: status
    receiver.more_headers = {"retry-after": "1800"}
    road.pay("TU-1")
    await road.deliver()
    receiver.answer = lambda _headers, _body: 200
    assert await road.deliver(after_us=1799 * SECOND) == 0
    assert await road.deliver(after_us=1900 * SECOND) == 1


async def test_an_endpoint_that_wants_no_more_is_switched_off_at_once_and_a_person_is_told(
    road: Road, receiver: Receiver
) -> None:
    road.listen(receiver.url)
    receiver.answer = lambda _headers, _body: 410
    road.pay("TU-1")
    await road.deliver()
    assert (road.shown().state, road.shown().why) == ("off", "gone")
    alert = "SELECT kind, subject, closed_by FROM callback_alerts"
    assert road.rows(alert) == [("endpoint_off", "endpoint:shop", None)]
    assert "endpoint_off" in ALERTS
    assert await road.deliver(after_us=30 * DAY) == 0
    receiver.answer = lambda _headers, _body: 200
    endpoints.enable(road.shop.engine, "shop", at=road.shop.tick())
    assert await road.deliver() == 1
    assert road.rows(alert) == [("endpoint_off", "endpoint:shop", "enabled")]


async def test_one_that_fails_for_three_days_is_switched_off_and_catches_up_in_order(
    road: Road, receiver: Receiver
) -> None:
    road.listen(receiver.url)
    receiver.answer = lambda _headers, _body: 500
    names = [f"TU-{number}" for number in range(6)]
    road.pay(*names[:3])
    for _ in range(40):
        await road.deliver(after_us=2 * HOUR)
    assert (road.shown().state, road.shown().why) == ("off", "failing")
    assert road.states() == ["ready"] * 3
    assert road.rows("SELECT * FROM callback_dead") == []
    tried = len(receiver.taken)
    road.pay(*names[3:])
    await road.deliver(after_us=10 * DAY)
    assert len(receiver.taken) == tried
    assert (road.shown().waiting, road.shown().behind) == (3, 3)
    receiver.answer = lambda _headers, _body: 200
    endpoints.enable(road.shop.engine, "shop", at=road.shop.tick())
    ForwardPerformer.concurrency, before = 1, ForwardPerformer.concurrency
    try:
        while await road.deliver():
            pass
    finally:
        ForwardPerformer.concurrency = before
    assert [each.event["data"]["order_id"] for each in receiver.heard()] == names
    assert road.shown().state == "on"


async def test_one_event_that_nobody_takes_becomes_a_dead_letter_where_others_arrive(
    road: Road, receiver: Receiver
) -> None:
    road.listen(receiver.url)
    receiver.answer = lambda _headers, body: 422 if b"POISON" in body else 200
    road.pay("POISON")
    for number in range(50):
        road.pay(f"TU-{number}")
        await road.deliver(after_us=2 * HOUR)
    assert road.shown().state in {"on", "failing"}
    assert len(receiver.heard()) == 50
    assert road.rows("SELECT kind, reason FROM callback_dead") == [("task", "too_old")]


async def test_switched_off_by_a_person_it_keeps_its_place(road: Road, receiver: Receiver) -> None:
    road.listen(receiver.url)
    endpoints.disable(road.shop.engine, "shop")
    road.pay("TU-1", "TU-2")
    assert await road.deliver() == 0
    assert (road.shown().state, road.shown().why, road.shown().behind) == ("off", "person", 2)
    endpoints.enable(road.shop.engine, "shop", at=road.shop.tick())
    assert await road.deliver() == 2


async def test_while_a_secret_is_exchanged_the_old_and_the_new_one_are_good(road: Road, receiver: Receiver) -> None:
    now(road)
    old = road.listen(receiver.url)
    told = endpoints.rotate(road.shop.engine, "shop", overlap_hours=24, at=road.shop.tick())
    road.pay("TU-1")
    await road.deliver()
    (taken,) = receiver.taken
    assert taken.headers["webhook-signature"].count("v1,") == 2
    assert taken.proved(old) == taken.proved(told.secret)
    with pytest.raises(WebhookVerificationError):
        taken.proved("whsec_" + "AAAA" * 8)
    endpoints.rotate(road.shop.engine, "shop", overlap_hours=0, at=road.shop.tick())
    road.pay("TU-2")
    await road.deliver()
    with pytest.raises(WebhookVerificationError):
        receiver.taken[-1].proved(told.secret)


async def test_a_callback_goes_on_as_it_came_once_it_is_decided(road: Road, receiver: Receiver) -> None:
    now(road)
    secret = road.listen(receiver.url, events="", callbacks="midtrans")
    road.shop.announce()
    number = road.receive()
    assert await road.deliver() == 0  # the worker has not come to it
    road.decide()
    assert await road.deliver() == 1
    (taken,) = receiver.taken
    callback = road.log.get(number)
    assert callback is not None
    assert taken.body == callback.body
    assert taken.id == f"cb_{number}"
    assert taken.headers["callback-id"] == str(number)
    assert taken.headers["callback-provider"] == "midtrans"
    assert taken.proved(secret)["order_id"] == "TU-1"
    assert await road.deliver() == 0


async def test_only_the_senders_that_were_chosen_go_on(road: Road, receiver: Receiver) -> None:
    road.listen(receiver.url, events="", callbacks="digiflazz")
    road.receive()
    road.decide()
    assert await road.deliver() == 0
    assert road.rows("SELECT callback_id FROM callback_endpoints") == [(road.log.last_id(),)]


async def test_a_removed_endpoint_leaves_nothing_behind_and_one_of_its_name_hears_anew(
    road: Road, receiver: Receiver
) -> None:
    road.listen(receiver.url)
    receiver.answer = lambda _headers, _body: 500
    road.pay("TU-1")
    await road.deliver()
    endpoints.remove(road.shop.engine, "shop", at=road.shop.tick())
    assert road.rows("SELECT * FROM callback_tasks") == road.rows("SELECT * FROM callback_tries") == []
    receiver.answer = lambda _headers, _body: 200
    road.listen(receiver.url, since=0)
    await road.deliver(after_us=DAY)
    assert receiver.types() == ["transaction.settled"]


async def test_a_destination_has_no_more_than_a_thousand_ahead(road: Road) -> None:
    road.listen("http://127.0.0.1:9/hooks")
    names = [f"TU-{number}" for number in range(1_200)]
    road.pay(*names)
    road.fan()
    assert 1_000 <= road.shown().waiting <= 1_100
    assert road.shown().waiting + road.shown().behind == 1_200


async def test_events_of_one_order_never_overtake_each_other(road: Road, receiver: Receiver) -> None:
    road.listen(receiver.url)
    for number in range(20):
        road.shop.announce(f"TU-{number}")
        road.shop.tell(f"TU-{number}")
        from app.operate import orders  # noqa: PLC0415

        word: dict[str, Any] = {"word": "failed", "reason": "a test"}
        orders.resolve_order(
            road.shop.engine, f"TU-{number}", word, who="ani", at=road.shop.tick(), policy=UNASKED, lang="en"
        )
    assert await road.deliver() == 40
    told = [(each.event["data"]["order_id"], each.event["data"]["status"]) for each in receiver.heard()]
    for number in range(20):
        assert [status for order, status in told if order == f"TU-{number}"] == ["paid", "cancelled"]


async def test_in_production_a_name_that_leads_into_a_private_network_is_not_called(
    road: Road, receiver: Receiver
) -> None:
    road.settings = road.settings.model_copy(update={"callback_env": "production"})
    road.manager.settings = road.settings
    own = receiver.url.replace("127.0.0.1", "localhost")
    road.listen(own)
    road.shop.engine.dispose()
    with webhook_receiver() as other:
        road.listen("https://shop.example/hooks", name="inner")
        private = other.url.replace("http://127.0.0.1", "https://10.0.0.1")
        from app.core.database import writing  # noqa: PLC0415

        with writing(road.shop.engine) as connection:
            connection.exec_driver_sql("UPDATE callback_endpoints SET url = ? WHERE name = 'inner'", (private,))
        road.pay("TU-1")
        await road.deliver()
        assert other.taken == []
    assert len(receiver.taken) == 1
    (failed,) = road.rows("SELECT last_error FROM callback_tasks WHERE destination = 'inner'")
    assert "private network" in failed[0]
