"""More than the server can do, and senders that stand still: it refuses politely, harms nobody, and is well at once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.chaos.flood import Pipe, a_post
from tests.chaos.shop import Shop, a_shop, needs_proc, notice

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
PIPES = 200
EACH = 100  # 20 000 at once; the queue holds 10 000
FLOODS = max(3, int(SECONDS / 4))
FLOODS_MAX = 10 * FLOODS  # not each need come in one round of the server's loop
WARM_FLOODS = 2
GROWTH_MIB_MAX = 16
PEAK_MIB_MAX = 250

HALVES = 500
ASKED = max(300, int(SECONDS * 50))


@contextmanager
def pipes(shop: Shop, count: int) -> Iterator[list[Pipe]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Pipe(shop.port)) for _ in range(count)]


def flood(shop: Shop, senders: list[Pipe], request: bytes) -> Counter[int]:
    """What everybody sends while the server stands still, it meets all at once → how many had each status."""
    server = shop.processes["serve"]
    server.send_signal(signal.SIGSTOP)
    for pipe in senders:
        pipe.send(request * EACH)
    server.send_signal(signal.SIGCONT)
    return sum((pipe.tally(EACH) for pipe in senders), Counter[int]())


@needs_proc
@pytest.mark.timeout(SECONDS * 4 + 120)
def test_what_is_more_than_the_queue_holds_is_503_with_retry_after_and_costs_no_memory(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        shop.start("serve")
        shop.until_listening()
        request = a_post(notice("TU-1", "100000.00"))
        answered: Counter[int] = Counter()
        memory: list[float] = []
        with pipes(shop, PIPES) as senders:
            assert senders[0].ask([request])[0].status == 200
            while len(memory) < FLOODS or (answered[503] == 0 and len(memory) < FLOODS_MAX):
                answered += flood(shop, senders, request)
                began = time.monotonic()
                assert senders[0].ask([request])[0].status == 200
                recovered = time.monotonic() - began
                assert recovered < 1
                memory.append(shop.resident_mib("serve"))
        print(  # noqa: T201 - the figures
            f"{dict(answered)}, the server's memory after each flood {[round(one) for one in memory]} MiB,"
            f" at most {shop.peak_mib('serve'):.0f} MiB, well again after {recovered * 1000:.0f} ms"
        )
        assert set(answered) == {200, 503}
        assert memory[-1] - memory[WARM_FLOODS - 1] < GROWTH_MIB_MAX
        assert shop.peak_mib("serve") < PEAK_MIB_MAX
        shop.stop()
        assert len(shop.log()) == answered[200] + len(memory) + 1  # the first, and one after each flood


def test_five_hundred_halves_of_requests_do_not_delay_the_others(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        shop.start("serve")
        shop.until_listening()
        request = a_post(notice("TU-1", "100000.00"))

        def p99(sender: Pipe) -> float:
            took = []
            for _ in range(ASKED):
                began = time.monotonic()
                assert sender.ask([request])[0].status == 200
                took.append(time.monotonic() - began)
            return sorted(took)[int(ASKED * 0.99)]

        with pipes(shop, 1) as [sender], pipes(shop, HALVES) as halves:
            alone = p99(sender)
            for number, half in enumerate(halves):
                half.send(request[: 1 + number * (len(request) - 1) // HALVES])  # in their heads and in their bodies
            beside = p99(sender)
            print(f"p99 alone {alone * 1000:.1f} ms, beside {HALVES} halves {beside * 1000:.1f} ms")  # noqa: T201 - the figure
            assert beside < max(0.05, 3 * alone)
            for number, half in enumerate(halves):  # and they are whole requests once the rest comes
                half.send(request[1 + number * (len(request) - 1) // HALVES :])
            assert {half.answer().status for half in halves} == {200}
        shop.stop()
