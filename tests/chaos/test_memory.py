"""Memory is flat: what a callback costs is given back."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from tests.chaos.flood import Pipe, a_post
from tests.chaos.shop import Shop, a_shop, needs_proc, notice

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
SENDERS = 8
AT_ONCE = 50
ORDERS = 1_000
WARM_ROUNDS = 2
ROUNDS = 5
ROUND = 6_000
#: In the worker's are the pages of a growing database; SQLite's cache has a bound of its own (32 MB).
GROWTH_MIB_MAX = {"serve": 6.0, "worker": 12.0}


def callbacks() -> Iterator[bytes]:
    """Without end: notifications of known orders again and again, and one in eight of an order that nobody knows."""
    number = 0
    while True:
        order_id = f"M{number}x" if number % 8 == 0 else f"K{number % ORDERS}x"
        if number % 3:
            yield a_post(notice(order_id, "1000.00"))
        else:
            yield a_post(notice(order_id, "1000.00", transaction_status="pending", status_code="201"))
        number += 1


def send(shop: Shop, requests: list[bytes]) -> None:
    def lane(mine: list[bytes]) -> None:
        with Pipe(shop.port) as pipe:
            for first in range(0, len(mine), AT_ONCE):
                assert {answer.status for answer in pipe.ask(mine[first : first + AT_ONCE])} == {200}

    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(lane, [requests[lane::SENDERS] for lane in range(SENDERS)]))


@needs_proc
@pytest.mark.timeout(SECONDS * 3 + 120)
def test_memory_is_flat_however_many_callbacks_come(tmp_path: Path) -> None:
    names = ("serve", "worker")
    with a_shop(tmp_path) as shop:
        shop.announce_all((f"K{number}x", "ani", "1000.00") for number in range(ORDERS))
        shop.start(*names)
        shop.until_listening()
        said, began = callbacks(), time.monotonic()
        measured: list[dict[str, float]] = []
        while len(measured) < WARM_ROUNDS + ROUNDS or time.monotonic() - began < SECONDS:
            send(shop, list(islice(said, ROUND)))
            shop.until_worked_off()
            measured.append({name: shop.resident_mib(name) for name in names})
        warm, last = measured[WARM_ROUNDS - 1], measured[-1]
        figures = [tuple(round(one[name], 1) for name in names) for one in measured]
        print(f"{names} in MiB after each {ROUND} callbacks: {figures}")  # noqa: T201 - the figures
        assert {name for name in names if last[name] - warm[name] > GROWTH_MIB_MAX[name]} == set(), figures
        shop.stop()
        assert shop.unbalanced() == []
