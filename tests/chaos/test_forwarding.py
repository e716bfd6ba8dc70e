"""Workers that are killed while they tell others: every event arrives, under one id, and is a task once."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.core.config import Settings
from app.engine.log import visiting
from app.operate.endpoints import endpoints
from tests.chaos.shop import Sender, Shop, a_shop, notice, until
from tests.fakes.webhook_receiver import webhook_receiver

ORDERS = 400
KILLS = 8


def listen(shop: Shop, url: str, name: str = "shop", **more: str) -> None:
    wanted = {"events": "transaction.*", "callbacks": "", **more}
    with visiting(shop.log_url) as log:
        endpoints.add(shop.engine, log, Settings(), name=name, url=url, since=None, at=time.time_ns() // 1000, **wanted)


def send_all(shop: Shop, names: Sequence[str], pause: float = 0.0) -> None:
    sender = Sender(shop.port)
    for name in names:
        sender.send(name, notice(name, "100000.00"))
        time.sleep(pause)
    sender.close()


@pytest.mark.timeout(240)
def test_a_worker_killed_in_the_middle_of_it_loses_no_event_and_enqueues_none_twice(tmp_path: Path) -> None:
    names = [f"TU-{number}" for number in range(ORDERS)]
    dice = random.Random(1)  # noqa: S311 - moments, no secrets
    with webhook_receiver() as receiver, a_shop(tmp_path) as shop:
        receiver.answer = lambda _headers, _body: time.sleep(0.005) or 200  # type: ignore[func-returns-value]
        shop.announce_all([(name, "ani", "100000.00") for name in names])
        listen(shop, receiver.url)
        listen(shop, receiver.url + "/raw", "copies", events="", callbacks="midtrans")
        shop.start("serve", "worker")
        shop.until_listening()
        sending = threading.Thread(target=send_all, args=(shop, names, 0.01))
        sending.start()
        for _ in range(KILLS):
            before = len(receiver.taken)
            until(lambda before=before: len(receiver.taken) > before, lambda: shop.said("worker"), 30)  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 0.15))
            shop.kill("worker")
            shop.start("worker")
        sending.join()
        # what a killed worker had under way waits until its lease ends
        receiver.until(lambda: len({each.id for each in receiver.heard()}) >= 2 * ORDERS, 120)
        found = defaultdict(set)
        for each in receiver.heard():
            if each.id.startswith("evt_"):
                found[each.event["data"]["order_id"]].add(each.id)
        assert set(found) == set(names)
        assert {len(ids) for ids in found.values()} == {1}
        assert len(found) == len({number for ids in found.values() for number in ids})
        assert shop.rows("SELECT count(*), count(DISTINCT key) FROM callback_tasks") == [(2 * ORDERS, 2 * ORDERS)]
        assert shop.rows("SELECT count(*) FROM callback_events") == [(ORDERS,)]
        until(lambda: shop.rows("SELECT count(*) FROM callback_tasks WHERE state <> 'done'") == [(0,)], lambda: "open")
        shop.stop()
        assert shop.killed["worker"] == KILLS


@pytest.mark.timeout(240)
def test_a_dead_endpoint_delays_none_of_the_others(tmp_path: Path) -> None:
    def p99(folder: Path, *, dead: bool) -> float:
        folder.mkdir()
        names = [f"TU-{number}" for number in range(200)]
        arrived: dict[tuple[int, str], float] = {}
        sent: dict[str, float] = {}
        with ExitStack() as opened, a_shop(folder) as shop:
            shop.announce_all([(name, "ani", "100000.00") for name in names])
            receivers = [opened.enter_context(webhook_receiver()) for _ in range(4)]
            for number, receiver in enumerate(receivers):

                def note(_headers: object, body: bytes, number: int = number) -> int:
                    arrived[number, body.partition(b'"order_id":"')[2].partition(b'"')[0].decode()] = time.monotonic()
                    return 200

                receiver.answer = note
                listen(shop, receiver.url, f"good-{number}")
            if dead:
                listen(shop, "http://10.255.255.1:9/hooks", "dead")  # nothing answers there
            shop.start("serve", "worker")
            shop.until_listening()
            sender = Sender(shop.port)
            for name in names:
                sent[name] = time.monotonic()
                sender.send(name, notice(name, "100000.00"))
                time.sleep(0.01)
            until(lambda: len(arrived) == 4 * len(names), lambda: len(arrived), 60)
            sender.close()
            shop.stop()
        waits = sorted(at - sent[name] for (_, name), at in arrived.items())
        return waits[int(len(waits) * 0.99)]

    healthy = p99(tmp_path / "healthy", dead=False)
    beside_a_dead_one = p99(tmp_path / "dead", dead=True)
    assert beside_a_dead_one < 1.5 * max(healthy, 0.1), (healthy, beside_a_dead_one)
