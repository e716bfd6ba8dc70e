"""A callback that makes a handler raise and one that nobody can read, among 500: the others are not delayed."""

import os
import signal
import time
from pathlib import Path

import pytest

from app.engine.log import open_log
from tests.chaos.flood import Pipe, a_post
from tests.chaos.shop import ROOT, Shop, a_shop, notice, until

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
ROUNDS = max(1, int(SECONDS / 10))
BATCH = 500
DELAY_SECONDS_MAX = 1.0

#: A handler of somebody's own that raises in the worker's transaction.
POISON = """
from app.callbacks.base.base_handlers import WebhookCallbackHandler


class Poison(WebhookCallbackHandler):
    def apply(self, connection, callbacks):
        raise ValueError("I do not like it")


def setup(manager):
    manager.register_handler("poison", Poison("poison"))
"""


def batch(shop: Shop, name: str, *, poisoned: bool) -> float:
    """A batch that waits for the worker in one piece → seconds until the good ones of it are applied."""
    good = [f"{name}{number}x" for number in range(BATCH - 2 * poisoned)]
    shop.announce_all((order_id, "ani", "1000.00") for order_id in good)
    worker = shop.processes["worker"]
    worker.send_signal(signal.SIGSTOP)
    with Pipe(shop.port) as pipe:
        for third in range(0, len(good), 100):
            requests = [a_post(notice(order_id, "1000.00")) for order_id in good[third : third + 100]]
            if poisoned and third == 200:
                append_unreadable(shop)
                requests.insert(50, a_post(b'{"id": "1"}', "/callbacks/webhook/poison"))
            assert {answer.status for answer in pipe.ask(requests)} == {200}
    applied = (
        "SELECT count(*) FROM callback_facts f JOIN callback_orders o ON o.id = f.order_no"
        f" WHERE f.kind = 'paid' AND o.order_id LIKE '{name}%'"
    )
    began = time.monotonic()
    worker.send_signal(signal.SIGCONT)
    until(lambda: shop.rows(applied) == [(len(good),)], shop.outcomes)
    return time.monotonic() - began


def append_unreadable(shop: Shop) -> None:
    """Bytes that are no JSON, as an older release or a fault of our own may have kept them; the door refuses them."""
    log = open_log(shop.log_url, server=False)
    at = time.time_ns() // 1000
    log.write_batch([(0, "midtrans", "settlement", "", "", at, "", b"\xff{half", "signature", "127.0.0.1")])
    log.close()


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_one_that_raises_and_one_that_cannot_be_read_delay_nobody_of_their_batch(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(POISON)
    with a_shop(tmp_path, CALLBACK_APP="mine:setup", PYTHONPATH=f"{ROOT}:{tmp_path}") as shop:
        shop.start("serve", "worker")
        shop.until_listening()
        batch(shop, "warm", poisoned=False)
        clean = min(batch(shop, f"clean{number}n", poisoned=False) for number in range(ROUNDS))
        delayed = max(batch(shop, f"poisoned{number}n", poisoned=True) for number in range(ROUNDS))
        print(f"a batch of {BATCH} took {clean:.3f} s, with two of poison in it {delayed:.3f} s")  # noqa: T201 - the figure
        shop.until_worked_off()
        shop.stop()
        assert delayed < max(DELAY_SECONDS_MAX, 5 * clean)
        good = BATCH * (1 + ROUNDS) + (BATCH - 2) * ROUNDS
        assert shop.outcomes() == {"applied": good, "set_aside": ROUNDS, "rejected": ROUNDS}
        assert shop.wallets() == {"ani": good * 100_000}
        assert shop.unbalanced() == []
