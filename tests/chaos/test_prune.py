"""Pruning as hard as it can beside a server and a worker that are killed: nothing that was answered 200 is missed."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

from app.engine.log import open_log
from app.operate import retention
from tests.chaos.shop import Sender, Shop, a_shop, notice

SENDERS = 4
ORDERS = 600
AMOUNT = "1000.00"


def prune_everything(shop: Shop, stop: threading.Event) -> int:
    """Whatever may go, again and again → how many went."""
    gone = 0
    with closing(open_log(shop.log_url, server=False)) as log:
        while not stop.is_set():
            planned = retention.plan(shop.engine, log, before=time.time_ns() // 1000)
            gone += retention.carry_out(shop.engine, log, planned)
    return gone


def send(shop: Shop, lane: int) -> list[int]:
    """Pay every order of this lane, the first half announced before, the others when they are parked."""
    with closing(Sender(shop.port)) as sender:
        numbers = range(lane, ORDERS, SENDERS)
        return [sender.send(f"P{number}", notice(f"P{number}", AMOUNT), 60).callback_id for number in numbers]


def orders(first: int, after: int) -> Iterator[tuple[str, str, str]]:
    return ((f"P{number}", f"user-{number}", AMOUNT) for number in range(first, after))


def test_what_is_pruned_while_all_are_killed_was_applied_and_what_waits_is_kept(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop, ThreadPoolExecutor(SENDERS + 1) as pool:
        shop.announce_all(orders(0, ORDERS // 2))
        shop.start("serve", "worker")
        shop.until_listening()
        stop = threading.Event()
        pruning = pool.submit(prune_everything, shop, stop)
        sending = [pool.submit(send, shop, lane) for lane in range(SENDERS)]
        for turn in count():
            if all(lane.done() for lane in sending):
                break
            time.sleep(0.3)
            name = ("serve", "worker")[turn % 2]
            if turn < 6:
                shop.kill(name)
                shop.start(name)
        acknowledged = {callback_id for lane in sending for callback_id in lane.result()}
        shop.until_worked_off()
        stop.set()
        gone = pruning.result()
        left = {callback.id for callback in shop.log()}
        parked = {row[0] for row in shop.rows("SELECT callback_id FROM callback_pending")}
        decided = {row[0] for row in shop.rows("SELECT callback_id FROM callback_outcomes")}
        assert gone > 0
        assert acknowledged <= decided
        assert parked <= left
        shop.announce_all(orders(ORDERS // 2, ORDERS))
        assert shop.wallets() == {f"user-{number}": 100_000 for number in range(ORDERS)}
        assert shop.unbalanced() == []
        assert shop.rows("SELECT kind FROM callback_alerts") == []
        shop.until_listening()  # it may have been killed when all was sent: who starts ends as any process does
        shop.stop()
