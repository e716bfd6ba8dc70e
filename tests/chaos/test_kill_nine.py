import os
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core.money import format_amount
from tests.chaos.shop import KEY, Answered, Sender, Shop, a_shop, notice, until
from tests.fakes.midtrans_api import midtrans_api

SECONDS = float(os.environ.get("CHAOS_SECONDS", "8"))
ORDERS = max(300, int(SECONDS * 40))
SENDERS = 4
KILLS_MIN = 3  # of each process
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))


def an_order(number: int) -> tuple[str, str, int]:
    """Its id, its user, and an amount that no other has, in minor units."""
    return f"K{number}x", f"user{number % 10}", 1_000_000 + number * 100


def settlement(number: int) -> bytes:
    order_id, _, amount = an_order(number)
    return notice(order_id, format_amount(amount))


class Load:
    """Senders that bring each order's settlement, spread over the time, and repeat what was told before in between."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.began = time.monotonic()
        self.enough = threading.Event()  # were killed, so that a slow machine proves no less
        self.ended = threading.Event()
        self.answered: list[Answered] = []
        self.again: Counter[str] = Counter()

    def run(self, lane: int) -> None:
        dice = random.Random(f"{SEED} lane {lane}")  # noqa: S311 - a test's dice, to be thrown again
        sender = Sender(self.shop.port)
        mine: Sequence[int] = range(lane, ORDERS, SENDERS)
        told: list[int] = []
        try:
            while len(told) < len(mine) or not self.enough.is_set():
                spent = (time.monotonic() - self.began) / SECONDS
                due = not told or len(told) < min(1, spent) * len(mine)
                number = mine[len(told)] if due else dice.choice(told)
                self.answered.append(sender.send(an_order(number)[0], settlement(number)))
                if due:
                    told.append(number)
            for number in (*mine, *mine):  # and all that was acknowledged twice more, while the killing goes on
                self.answered.append(sender.send(an_order(number)[0], settlement(number)))
        finally:
            self.again += sender.again
            sender.close()


def kill_at_random(shop: Shop, load: Load) -> None:
    """SIGKILL the server, the worker or both at moments that the seed gives, and start them again at once.

    Most moments are counted from when the server listens again, some from its start, so that starts are hit as well.
    """
    dice = random.Random(SEED)  # noqa: S311 - as above
    try:
        while not load.ended.is_set():
            if dice.random() < 0.8:
                shop.until_listening()
            if load.ended.wait(dice.uniform(0.05, 1.0)):
                break
            victims = dice.choice([("serve",), ("worker",), ("serve", "worker")])
            for name in victims:
                shop.kill(name)
            shop.start(*victims)
            if min(shop.killed["serve"], shop.killed["worker"]) >= KILLS_MIN:
                load.enough.set()
    finally:
        load.enough.set()


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_what_was_acknowledged_is_kept_and_counts_once_whoever_is_killed_when(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        shop.announce(
            (order_id, user, format_amount(amount)) for order_id, user, amount in map(an_order, range(ORDERS))
        )
        shop.start("serve", "worker")
        shop.until_listening()
        load = Load(shop)
        with ThreadPoolExecutor(SENDERS + 1) as threads:
            killer = threads.submit(kill_at_random, shop, load)
            senders = [threads.submit(load.run, lane) for lane in range(SENDERS)]
            try:
                for each in senders:
                    each.result()
            finally:
                load.ended.set()
                killer.result()
        shop.until_worked_off()
        shop.stop()
        journals = shop.journals()
        figures = (
            f"seed {SEED}: {len(load.answered)} acknowledged, killed {dict(shop.killed)}, again {dict(load.again)},"
            f" {sum(journals.values())} journals of {ORDERS} orders, {sum(n > 1 for n in journals.values())} doubled"
        )
        print(figures)  # noqa: T201 - what the long form is run for
        assert min(shop.killed["serve"], shop.killed["worker"]) >= KILLS_MIN, figures

        kept = {callback.id: callback.ordering_key for callback in shop.log()}
        lost = [each for each in load.answered if kept.get(each.callback_id) != each.order_id]
        assert lost == [], f"lost {len(lost)}; {figures}"
        assert len({each.callback_id for each in load.answered}) == len(load.answered), "an id was given twice"

        assert journals == {an_order(number)[0]: 1 for number in range(ORDERS)}, figures
        expected: Counter[str] = Counter()
        for _, user, amount in map(an_order, range(ORDERS)):
            expected[user] += amount
        assert shop.wallets() == expected, figures
        assert shop.unbalanced() == [], figures
        assert shop.outcomes() == {"applied": ORDERS, "duplicate": len(kept) - ORDERS}, figures


def test_what_midtrans_does_not_confirm_moves_nothing_and_what_it_confirms_moves_the_wallet(tmp_path: Path) -> None:
    with midtrans_api(KEY) as api, a_shop(tmp_path, MIDTRANS_API_URL=api.url) as shop:

        def balance(user: str) -> str:
            return str(shop.get(f"/wallets/{user}").get("balance"))

        def outcome(callback_id: int) -> str:
            return str(shop.get(f"/callbacks/log/{callback_id}").get("outcome"))

        shop.announce([("TU-1", "ani", "100000.00"), ("TU-2", "budi", "100000.00")])
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        try:
            sender.send("TU-1", notice("TU-1", "100000.00", transaction_id="T1"))
            sender.send("TU-2", notice("TU-2", "100000.00", transaction_id="T2"))
            until(lambda: balance("budi") == "100000.00", lambda: balance("budi"))
            assert balance("ani") == "100000.00"

            api.knows(order_id="TU-1", transaction_id="T1")
            forged = notice("TU-1", "100000.00", transaction_status="deny", status_code="202")
            denied = sender.send("TU-1", forged).callback_id
            # "settlement" may be an answer that is late, so it is asked again; meanwhile no money moves
            api.until_asked("TU-1", times=2)
            assert outcome(denied) == "in_doubt"

            refund = {
                "transaction_id": "T2",
                "transaction_status": "partial_refund",
                "refund_amount": "30000.00",
                "refunds": [{"refund_key": "r1", "refund_amount": "30000.00"}],
            }
            api.knows(order_id="TU-2", **refund)
            confirmed = sender.send("TU-2", notice("TU-2", "100000.00", **refund)).callback_id
            until(lambda: balance("budi") == "70000.00", lambda: (balance("budi"), outcome(confirmed), api.asked))
            assert outcome(confirmed) == "applied"
            assert balance("ani") == "100000.00"
        finally:
            sender.close()
        shop.stop()
        assert shop.unbalanced() == []
