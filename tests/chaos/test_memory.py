"""Memory is flat: what a callback costs is given back."""

import itertools
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.flood import Pipe, a_post
from tests.chaos.shop import Shop, a_shop, needs_proc, notice

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
SENDERS = 8
AT_ONCE = 50
ORDERS = 997
WARM_ROUNDS = 2
ROUNDS = 5
ROUND = 6_000
CACHE_MIB = 32  # of SQLite: filled by the pages of a growing database, and bounded
GROWTH_MIB_MAX = {"serve": 6, "worker": 12 + (CACHE_MIB if SECONDS else 0)}


def callbacks() -> Iterator[bytes]:
    """Without end: notifications of known orders again and again, and one in eight of an order that nobody knows."""
    waits = {"transaction_status": "pending", "status_code": "201"}
    known = [a_post(notice(f"K{n}x", "1000.00", **({} if n % 3 else waits))) for n in range(ORDERS)]
    for number in itertools.count():
        yield a_post(notice(f"M{number}x", "1000.00")) if number % 8 == 0 else known[number % ORDERS]


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
            send(shop, list(itertools.islice(said, ROUND)))
            shop.until_worked_off()
            measured.append({name: shop.resident_mib(name) for name in names})
        warm, last = measured[WARM_ROUNDS - 1], measured[-1]
        figures = {name: [round(one[name]) for one in measured] for name in names}
        for name, memory in figures.items():
            changes = [memory[0], *(now for before, now in itertools.pairwise(memory) if now != before)]
            print(f"{name}: {changes} MiB in the course of {ROUND * len(memory)} callbacks")  # noqa: T201 - the figures
        assert {name for name in names if last[name] - warm[name] > GROWTH_MIB_MAX[name]} == set(), figures
        shop.stop()
        assert shop.unbalanced() == []
