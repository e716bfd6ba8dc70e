"""SIGTERM in the middle of the day: who was taken is answered and counted, the end comes in time, the rest goes on."""

import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.flood import Pipe, a_post
from tests.chaos.shop import Shop, a_shop, notice

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
STOPS = max(1, int(SECONDS / 5))
SENDERS = 8
AT_ONCE = 20
ALL = [f"K{number}x" for number in range(1_000)]
LOAD_SECONDS = 0.5
END_SECONDS_MAX = 10


class Load:
    """Senders that repeat settlements of known orders until the server ends their connection."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.acknowledged: dict[int, str] = {}
        self.strange: list[int] = []
        self.under_way = threading.Barrier(SENDERS + 1)

    def run(self, lane: int) -> None:
        with Pipe(self.shop.port) as pipe:
            number, waiting = lane, True
            try:
                while True:
                    together = [ALL[(number + SENDERS * place) % len(ALL)] for place in range(AT_ONCE)]
                    pipe.send(b"".join(a_post(notice(order_id, "1000.00")) for order_id in together))
                    self.note(pipe, together)
                    number += SENDERS * AT_ONCE
                    if waiting:
                        waiting = self.under_way.wait(20) < 0
            except (EOFError, OSError):
                return

    def note(self, pipe: Pipe, order_ids: Sequence[str]) -> None:
        for order_id in order_ids:
            answer = pipe.answer()
            if answer.status == 200:
                self.acknowledged[int(json.loads(answer.body)["callback_id"])] = order_id
            elif answer.status != 503:
                self.strange.append(answer.status)


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_a_stop_under_load_answers_and_counts_what_was_taken_and_a_restart_goes_on(tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    took: list[float] = []
    with a_shop(tmp_path) as shop:
        shop.announce_all((order_id, "ani", "1000.00") for order_id in ("NEW-1x", *ALL))
        for _ in range(STOPS):
            shop.start("up")
            shop.until_listening("up")
            load = Load(shop)
            with ThreadPoolExecutor(SENDERS) as threads:
                senders = [threads.submit(load.run, lane) for lane in range(SENDERS)]
                load.under_way.wait(20)
                time.sleep(LOAD_SECONDS)  # the load goes on meanwhile: it is what is stopped into
                began = time.monotonic()
                shop.processes["up"].send_signal(signal.SIGTERM)
                assert shop.processes["up"].wait(END_SECONDS_MAX + 5) == 0, shop.said("up")
                took.append(time.monotonic() - began)
                for sender in senders:
                    sender.result()
            assert load.strange == []
            assert load.acknowledged
            acknowledged |= load.acknowledged
        left = len(acknowledged) - sum(shop.outcomes().values())
        figures = f"{len(acknowledged)} acknowledged, {left} for the next start; stops took {max(took):.1f} s"
        print(figures)  # noqa: T201 - the figures
        assert max(took) < END_SECONDS_MAX

        kept = {callback.id: callback.ordering_key for callback in shop.log()}
        assert acknowledged.items() <= kept.items(), figures
        del shop.processes["up"]
        shop.start("serve", "worker")
        shop.until_listening()
        with Pipe(shop.port) as pipe:  # one that no load has told
            [answer] = pipe.ask([a_post(notice("NEW-1x", "1000.00"))])
        kept[int(json.loads(answer.body)["callback_id"])] = "NEW-1x"
        shop.until_worked_off()
        shop.stop()
        assert max(kept) not in acknowledged
        paid = len(set(kept.values()))
        assert shop.outcomes() == {"applied": paid, "duplicate": len(kept) - paid}, figures
        assert set(shop.journals().values()) == {1}
        assert shop.wallets() == {"ani": paid * 100_000}
        assert shop.unbalanced() == []
