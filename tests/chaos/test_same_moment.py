"""What comes twice, or from two sides, at the same moment: one effect, and nothing that waits for ever."""

import json
import os
import random
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from tests.chaos.caller import callers
from tests.chaos.flood import Answer, Pipe, a_post
from tests.chaos.shop import Shop, a_shop, notice

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
CONNECTIONS = 50
PROGRAMS = 2
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))
HEAD_START_SECONDS = {"announce": 0.012, "arrive": 0.004}  # about what the other side takes
ORDERS_A_WAY = max(50, int(SECONDS * 10))


@pytest.mark.timeout(SECONDS * 2 + 120)
def test_one_callback_through_fifty_connections_and_other_programs_at_once_is_one_effect(tmp_path: Path) -> None:
    rounds = max(3, int(SECONDS))
    with a_shop(tmp_path) as shop, callers(shop.environment, PROGRAMS) as programs:
        shop.announce((f"TU-{number}x", f"user{number}", "100000.00") for number in range(rounds))
        shop.start("serve", "worker")
        shop.until_listening()
        pipes = [Pipe(shop.port) for _ in range(CONNECTIONS)]
        together = Barrier(CONNECTIONS + PROGRAMS)
        told: list[Any] = []

        def send(pipe: Pipe, body: bytes) -> Answer:
            together.wait(20)
            return pipe.ask([a_post(body)])[0]

        with ThreadPoolExecutor(CONNECTIONS + PROGRAMS) as threads:
            for number in range(rounds):
                body = notice(f"TU-{number}x", "100000.00")

                def call(program: Any, data: Any) -> Any:
                    together.wait(20)
                    return program.ask(data)

                called = [threads.submit(call, program, {"handle": json.loads(body)}) for program in programs]
                answers = list(threads.map(send, pipes, [body] * CONNECTIONS))
                assert {answer.status for answer in answers} == {200}
                told += [int(json.loads(answer.body)["callback_id"]) for answer in answers]
                told += [int(each.result()["callback_id"]) for each in called]
        for pipe in pipes:
            pipe.socket.close()
        shop.until_worked_off()
        shop.stop()
        assert sorted(told) == [callback.id for callback in shop.log()]
        assert shop.outcomes() == {"applied": rounds, "duplicate": len(told) - rounds}
        assert shop.journals() == {f"TU-{number}x": 1 for number in range(rounds)}
        assert shop.wallets() == {f"user{number}": 10_000_000 for number in range(rounds)}
        assert shop.unbalanced() == []


def meet(name: str, announce: Callable[[dict[str, str]], None], arrive: Callable[[bytes], None]) -> list[str]:
    """Announce orders at one side while their callbacks arrive at the other → the orders' ids."""
    together = Barrier(2)
    orders = [f"{name}{number}x" for number in range(ORDERS_A_WAY)]
    announced = [{"order_id": o, "user_id": "ani", "kind": "topup", "amount": "100000.00"} for o in orders]

    def one_side(do: Callable[[Any], None], side: str, said: list[Any]) -> None:
        dice = random.Random(f"{SEED} {name} {side}")  # noqa: S311 - a test's dice, to be thrown again
        for each in said:
            together.wait(20)
            select.select([], [], [], dice.random() * HEAD_START_SECONDS[side])  # so that either may be first
            do(each)

    with ThreadPoolExecutor(2) as sides:
        both = [
            sides.submit(one_side, announce, "announce", announced),
            sides.submit(one_side, arrive, "arrive", [notice(order_id, "100000.00") for order_id in orders]),
        ]
        for side in both:
            side.result()
    return orders


def who_was_first(shop: Shop) -> dict[tuple[str, str], int]:
    """For each way of announcing and arriving, of how many orders which was first: a parked one is decided with it."""
    found = shop.rows(
        "SELECT substr(o.order_id, 1, 1), CASE WHEN c.decided_at = o.announced_at THEN 'callback' ELSE 'announcement'"
        " END, count(*) FROM callback_outcomes c JOIN callback_orders o ON o.id = c.order_no GROUP BY 1, 2"
    )
    return {(name, how): count for name, how, count in found}


@pytest.mark.timeout(SECONDS * 4 + 120)
def test_announcing_and_arriving_at_the_same_moment_in_two_processes_never_miss_each_other(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop, callers(shop.environment, 2) as (announcer, caller):
        shop.start("up")  # there the worker is woken by each commit
        shop.until_listening("up")
        pipe = Pipe(shop.port)

        def announce_over_http(order: dict[str, str]) -> None:
            assert shop.ask("POST", "/transactions", order)[0] == 201

        def announce_by_call(order: dict[str, str]) -> None:
            assert announcer.ask({"announce": order})["created"] is True

        def arrive_over_http(body: bytes) -> None:
            assert pipe.ask([a_post(body)])[0].status == 200

        def arrive_by_call(body: bytes) -> None:
            assert caller.ask({"handle": json.loads(body)})["outcome"] in {"applied", "parked"}

        ways = [
            (announce, arrive)
            for announce in (announce_over_http, announce_by_call)
            for arrive in (arrive_over_http, arrive_by_call)
        ]
        expected = [order_id for name, way in zip("ABCD", ways, strict=True) for order_id in meet(name, *way)]
        pipe.socket.close()
        shop.until_worked_off()
        shop.stop()
        first = who_was_first(shop)
        print(first)  # noqa: T201 - what the long form is run for
        assert {who for _, who in first} == {"announcement", "callback"}, first
        assert len(expected) >= 200
        assert shop.outcomes() == {"applied": len(expected)}
        assert shop.rows("SELECT count(*) FROM callback_pending") == [(0,)]
        assert shop.journals() == dict.fromkeys(expected, 1)
        assert dict(shop.rows("SELECT status, count(*) FROM callback_orders GROUP BY 1")) == {"paid": len(expected)}
        assert shop.unbalanced() == []
