"""Replays beside a running system, killed at any moment: every order counts once."""

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.shop import Sender, Shop, a_shop, notice

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))
ORDERS = max(60, int(SECONDS * 40))
REPLAY = ("replay", "--from", "1h", "--reason", "a test", "--yes")


def begin(shop: Shop, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "app", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=shop.environment,
        cwd=shop.folder,
    )


@contextmanager
def replaying(shop: Shop, ended: Counter[str]) -> Iterator[None]:
    """Replays one after the other until the block's end; some are killed in the middle."""
    dice, stop = random.Random(SEED), threading.Event()  # noqa: S311 - the same kills again

    def work() -> None:
        while not stop.is_set():
            process = begin(shop, *REPLAY)
            if dice.random() < 0.4:
                stop.wait(dice.uniform(0.6, 1.2))  # a command takes half a second to begin
                process.kill()
            told = process.communicate(timeout=60)[0].decode()
            assert process.returncode in {0, -9}, told
            ended["killed" if process.returncode else "whole"] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


@pytest.mark.timeout(SECONDS * 5 + 120)
def test_replays_beside_a_running_worker_count_every_order_once_whoever_is_killed(tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    # a test's notification: ignored until somebody announces its order, so that only a replay or a repetition pays it
    orders = [f"payment_notif_test_{number}x" for number in range(ORDERS)]
    with a_shop(tmp_path) as shop:
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        try:
            with replaying(shop, ended):
                for number, order_id in enumerate(orders):
                    body = notice(order_id, "100000.00", transaction_id=f"T{number}")
                    sender.send(order_id, body)
                    shop.announce([(order_id, f"user-{number % 7}", "100000.00")])
                    if number % 2:
                        sender.send(order_id, body)
        finally:
            sender.close()
        shop.until_worked_off()
        last = begin(shop, *REPLAY)
        told = last.communicate(timeout=60)[0].decode()
        assert last.returncode == 0, told
        shop.stop()
        assert ended["killed"] + ended["whole"] > 0
        assert shop.journals() == dict.fromkeys(orders, 1), (ended, told)
        expected = Counter(f"user-{number % 7}" for number in range(ORDERS))
        assert shop.wallets() == {user: count * 10_000_000 for user, count in expected.items()}
        assert shop.outcomes() == {"applied": ORDERS, "duplicate": ORDERS // 2}, (ended, told)
        assert shop.unbalanced() == []
