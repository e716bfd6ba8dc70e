"""Another program of the shop: announces orders and hands in callbacks by Python calls, each as a line tells it to.

A line is a JSON object, `{"announce": {...}}` or `{"handle": {...}}`; the answer is a line too.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.config import get_settings
from app.core.database import get_db, get_engine
from app.operate.orders import create_order
from app.operate.policy import policy_of
from tests.chaos.shop import Shop


class Caller:
    """The other program, as a test speaks to it."""

    def __init__(self, shop: Shop) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.caller"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=shop.environment,
            cwd=shop.folder,
        )

    def say(self, told: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, told: Mapping[str, Any]) -> Any:
        self.say(told)
        return self.hear()


@contextmanager
def callers(shop: Shop, count: int) -> Iterator[list[Caller]]:
    """That many programs, ready, that end with the block."""
    started = [Caller(shop) for _ in range(count)]
    try:
        for each in started:
            assert each.hear() == "ready"
        yield started
    finally:
        for each in started:
            each.process.kill()
            each.process.communicate()


def main() -> None:
    handler, policy = MidtransCallbackHandler(next(get_db())), policy_of(get_settings())
    with asyncio.Runner() as runner:
        answer: Any = "ready"
        print(json.dumps(answer), flush=True)  # noqa: T201 - the test reads it
        for line in sys.stdin:
            told = json.loads(line)
            if "announce" in told:
                at = time.time_ns() // 1000
                order, created = create_order(get_engine(), told["announce"], at=at, policy=policy, lang="en")
                answer = {"order_id": order.order_id, "created": created}
            else:
                answer = runner.run(handler.handle(told["handle"]))
            print(json.dumps(answer), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main()
