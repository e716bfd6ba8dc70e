"""A worker that is dead or stopped is told by the server, and the alert closes itself when the worker is back."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.shop import Sender, Shop, a_shop, notice, until

KIND = "partition_stands_still"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with a_shop(tmp_path) as shop:
        shop.announce([("TU-1", "ani", "100000.00")])
        yield shop


def open_kinds(shop: Shop) -> list[str]:
    return [alert["kind"] for alert in shop.get("/callbacks/alerts")["alerts"]]


def stop_between_transactions(shop: Shop) -> None:
    """SIGSTOP where the worker holds no lock: in one nobody could write an alert either."""

    def stopped() -> bool:
        shop.processes["worker"].send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(shop.folder / "state.db", timeout=0)) as state:
            try:
                state.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                shop.processes["worker"].send_signal(signal.SIGCONT)
                return False
        return True

    until(stopped, lambda: "the worker is always in a transaction")


def test_a_killed_worker_is_told_within_seconds_and_settled_when_it_is_back(shop: Shop) -> None:
    shop.start("serve", "worker")
    shop.until_listening()
    sender = Sender(shop.port)
    sender.send("TU-1", notice("TU-1", "100000.00"))
    shop.until_worked_off()
    shop.kill("worker")
    sender.send("TU-1", notice("TU-1", "100000.00"))
    until(lambda: open_kinds(shop) == [KIND], lambda: shop.get("/callbacks/alerts"), 40)
    assert shop.get("/callbacks/stats")["providers"]["midtrans"]["lag"]["callbacks"] == 1
    shop.start("worker")
    until(lambda: open_kinds(shop) == [], lambda: shop.get("/callbacks/alerts"), 30)
    assert shop.rows("SELECT kind, count, closed_by FROM callback_alerts") == [(KIND, 1, "callbacks")]
    sender.close()
    shop.stop()
    assert shop.unbalanced() == []


def test_a_server_that_was_killed_settles_what_its_predecessor_told(shop: Shop) -> None:
    shop.start("serve", "worker")
    shop.until_listening()
    sender = Sender(shop.port)
    sender.send("TU-1", notice("TU-1", "100000.00"))
    shop.until_worked_off()
    stop_between_transactions(shop)
    sender.send("TU-1", notice("TU-1", "100000.00"))
    until(lambda: open_kinds(shop) == [KIND], lambda: shop.get("/callbacks/alerts"), 40)
    shop.kill("serve")
    shop.start("serve")
    shop.until_listening()
    assert open_kinds(shop) == [KIND]
    shop.processes["worker"].send_signal(signal.SIGCONT)
    until(lambda: open_kinds(shop) == [], lambda: shop.get("/callbacks/alerts"), 30)
    sender.close()
