"""What comes twice, or from two sides, at the same moment: one effect, and nothing that waits for ever."""

import json
import os
import random
import select
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.chaos.caller import Caller, callers
from tests.chaos.flood import Pipe, a_post
from tests.chaos.shop import Shop, a_shop, notice

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
CONNECTIONS = 50
PROGRAMS = 2
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))
HEAD_START_SECONDS = {"announce": 0.012, "arrive": 0.004}  # about what the other side takes
ORDERS_A_WAY = max(50, int(SECONDS * 10))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, list[Caller]]]:
    """Everything that `up` starts, where a commit wakes the worker, and two other programs."""
    with a_shop(tmp_path_factory.mktemp("shop")) as shop, callers(shop, PROGRAMS) as programs:
        shop.start("up")
        shop.until_listening("up")
        yield shop, programs
        shop.stop()


@pytest.mark.timeout(SECONDS * 2 + 120)
def test_one_callback_through_fifty_connections_and_other_programs_at_once_is_one_effect(
    system: tuple[Shop, list[Caller]],
) -> None:
    shop, programs = system
    orders = [f"TU-{number}x" for number in range(max(3, int(SECONDS)))]
    shop.announce((order_id, order_id, "100000.00") for order_id in orders)
    pipes = [Pipe(shop.port) for _ in range(CONNECTIONS)]
    together = Barrier(CONNECTIONS + PROGRAMS)
    told: list[Any] = []

    def send(pipe: Pipe, body: bytes) -> Any:
        together.wait(20)
        [answer] = pipe.ask([a_post(body)])
        assert answer.status == 200
        return json.loads(answer.body)

    def call(program: Caller, data: Any) -> Any:
        together.wait(20)
        return program.ask({"handle": data})

    with ThreadPoolExecutor(CONNECTIONS + PROGRAMS) as threads:
        for order_id in orders:
            body = notice(order_id, "100000.00")
            called = [threads.submit(call, program, json.loads(body)) for program in programs]
            told += threads.map(send, pipes, [body] * CONNECTIONS)
            told += [each.result() for each in called]
    for pipe in pipes:
        pipe.socket.close()
    shop.until_worked_off()
    kept = [callback.id for callback in shop.log() if callback.ordering_key in orders]
    assert sorted(int(answer["callback_id"]) for answer in told) == kept
    assert outcomes_of(shop, "TU-") == {"applied": len(orders), "duplicate": len(told) - len(orders)}
    assert {order_id: n for order_id, n in shop.journals().items() if order_id in orders} == dict.fromkeys(orders, 1)
    assert {user: amount for user, amount in shop.wallets().items() if user in orders} == dict.fromkeys(
        orders, 10_000_000
    )
    assert shop.unbalanced() == []


def outcomes_of(shop: Shop, beginning: str) -> dict[str, int]:
    """How many callbacks of the orders whose ids begin so had each outcome."""
    return dict(
        shop.rows(
            "SELECT c.outcome, count(*) FROM callback_outcomes c JOIN callback_orders o ON o.id = c.order_no"
            f" WHERE o.order_id LIKE '{beginning}%' GROUP BY 1"
        )
    )


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
        "SELECT substr(o.order_id, 1, 6), CASE WHEN c.decided_at = o.announced_at THEN 'callback' ELSE 'announcement'"
        " END, count(*) FROM callback_outcomes c JOIN callback_orders o ON o.id = c.order_no"
        " WHERE o.order_id LIKE 'MEET-%' GROUP BY 1, 2"
    )
    return {(name, how): count for name, how, count in found}


@pytest.mark.timeout(SECONDS * 4 + 120)
def test_announcing_and_arriving_at_the_same_moment_in_two_processes_never_miss_each_other(
    system: tuple[Shop, list[Caller]],
) -> None:
    shop, (announcer, caller) = system
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
    expected = [order_id for name, way in zip("ABCD", ways, strict=True) for order_id in meet(f"MEET-{name}", *way)]
    pipe.socket.close()
    shop.until_worked_off()
    first = who_was_first(shop)
    print(first)  # noqa: T201 - what the long form is run for
    assert {who for _, who in first} == {"announcement", "callback"}, first
    assert len(expected) >= 200
    assert outcomes_of(shop, "MEET-") == {"applied": len(expected)}
    assert shop.rows("SELECT count(*) FROM callback_pending") == [(0,)]
    found = shop.statuses("MEET-%")
    assert found == dict.fromkeys(expected, "paid")
    journals = {order_id: n for order_id, n in shop.journals().items() if order_id in found}
    assert journals == dict.fromkeys(expected, 1)
    assert shop.unbalanced() == []
