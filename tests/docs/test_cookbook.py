"""The pages for those who extend it, as one would follow them: their files in a folder, and what comes of them."""

import random
import re
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.core.database import sqlite_module
from tests.cli.shell import running
from tests.docs.cookbook import Shop, python_of, rows, shop_with


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines(path: Path, count: int) -> list[str]:
    """The lines of a file, once there are so many."""
    deadline = time.monotonic() + 20
    while not path.exists() or len(found := path.read_text().splitlines()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_a_handler_of_your_own_is_tried_again_and_tells_what_it_found(root: Path, tmp_path: Path) -> None:
    (code,) = python_of(root, "custom-handler.md")
    with shop_with(tmp_path, "parcels", code) as shop:
        sent = shop.send("parcels", {"parcel": "P-1", "status": "delivered"})
        (line,) = lines(tmp_path / "sent.txt", 1)
        number = sent.json()["callback_id"]
        assert line == f"P-1 delivered handler:parcels:{number}"
        told = shop.until(f"/callbacks/log/{number}", reason="parcel_told")
        assert told["outcome"] == "applied"

        again = shop.send("parcels", {"parcel": "P-2", "status": "storm"}).json()["callback_id"]
        assert lines(tmp_path / "sent.txt", 2)[1] == f"P-2 storm handler:parcels:{again}"

        shop.send("parcels", {"status": "delivered"})
        deadline = time.monotonic() + 20
        while not (dead := shop.ask("/callbacks/dead")["dead_letters"]):
            assert time.monotonic() < deadline
        assert [letter["reason"] for letter in dead] == ["not_valid"]
        assert "parcel: is missing" in dead[0]["text"]


def test_points_are_counted_exactly_once_in_a_table_of_your_own(root: Path, tmp_path: Path) -> None:
    points, _ = python_of(root, "transactional-handler.md")
    with shop_with(tmp_path, "points", points) as shop:
        for number in range(20):
            shop.send("points", {"user": "ani", "points": number})
        bad = shop.send("points", {"user": "ani", "points": "many"}).json()["callback_id"]
        last = shop.send("points", {"user": "budi", "points": 7}).json()["callback_id"]
        shop.until(f"/callbacks/log/{last}", outcome="applied")
        shop.until(f"/callbacks/log/{bad}", outcome="set_aside")
    assert rows(tmp_path, "SELECT * FROM shop_points ORDER BY user_id") == [("ani", sum(range(20))), ("budi", 7)]


def test_tables_of_your_own_change_exactly_once_however_often_the_worker_is_killed(root: Path, tmp_path: Path) -> None:
    points, own = python_of(root, "transactional-handler.md")
    (tmp_path / "points.py").write_text(points)
    (tmp_path / "ownmoney.py").write_text(own)
    (tmp_path / "both.py").write_text(
        "import ownmoney, points\n\ndef setup(manager):\n    points.setup(manager)\n    ownmoney.setup(manager)\n"
    )
    count, dice = 150, random.Random(11)  # noqa: S311 - moments
    with running("migrate") as migrate:
        assert migrate.ended() == 0
    with running("serve", CALLBACK_APP="both:setup") as serve, ExitStack() as workers:
        line = serve.line("Callbacks are received at")
        shop = Shop(re.findall(r"http://[^/ ]+", line)[0])
        _write(tmp_path, ["INSERT INTO users VALUES ('ani', 0)"])
        _write(tmp_path, [f"INSERT INTO orders VALUES ('T-{n}', 'ani', 100, 0)" for n in range(count)])
        for number in range(count):
            if number % 30 == 0:
                worker = workers.enter_context(running("worker", CALLBACK_APP="both:setup"))
            shop.send("points", {"user": "ani", "points": number})
            paid = {"order_id": f"T-{number}", "transaction_status": "settlement", "gross_amount": "1.00"}
            last = [shop.send("midtrans", paid) for _ in range(2)][-1].json()["callback_id"]
            if number % 30 == 29:
                time.sleep(0.5 + dice.random())  # it needs a second to start
                worker.stop(signal.SIGKILL)
        with running("worker", CALLBACK_APP="both:setup"):
            shop.until(f"/callbacks/log/{last}", outcome="duplicate")
        assert serve.stop() == 0, serve.err
    assert rows(tmp_path, "SELECT points FROM shop_points") == [(sum(range(count)),)]
    assert rows(tmp_path, "SELECT balance FROM users") == [(100 * count,)]


def test_a_balance_of_your_own_is_credited_once_whatever_repeats(root: Path, tmp_path: Path) -> None:
    _, own = python_of(root, "transactional-handler.md")
    paid = {"order_id": "T-1", "transaction_id": "a", "status_code": "200", "gross_amount": "100000.00"}
    with shop_with(tmp_path, "ownmoney", own) as shop:
        with_orders = (
            "INSERT INTO users VALUES ('ani', 0)",
            "INSERT INTO orders VALUES ('T-1', 'ani', 10000000, 0)",
            "INSERT INTO orders VALUES ('T-2', 'ani', 500, 0)",
        )
        _write(tmp_path, with_orders)
        for word in ("pending", "settlement", "settlement", "expire", "settlement"):
            shop.send("midtrans", {**paid, "transaction_status": word})
        shop.send("midtrans", {**paid, "order_id": "T-2", "transaction_status": "settlement"})  # another amount
        last = shop.send("midtrans", {**paid, "transaction_status": "cancel"}).json()["callback_id"]
        shop.until(f"/callbacks/log/{last}", outcome="rejected", reason="needs_a_person")
    assert rows(tmp_path, "SELECT balance FROM users") == [(10_000_000,)]
    counts = rows(tmp_path, "SELECT outcome, count(*) FROM callback_outcomes GROUP BY outcome ORDER BY outcome")
    assert counts == [("applied", 1), ("duplicate", 3), ("ignored", 2), ("rejected", 1)]


def _write(folder: Path, statements: Sequence[str]) -> None:
    with sqlite_module().connect(folder / "data" / "state.db", timeout=10) as state:
        for statement in statements:
            state.execute(statement)


def test_middleware_times_refuses_and_answers_around_a_handler(root: Path, tmp_path: Path) -> None:
    (code,) = python_of(root, "middleware.md")
    with shop_with(tmp_path, "timing", code) as shop:
        loud = shop.send("shouting", {"word": "hey"}).json()["callback_id"]
        told = shop.until(f"/callbacks/log/{loud}", reason="shouted")
        assert told["detail"]["word"] == "HEY"
        quiet = shop.send("shouting", {"word": "psst"}).json()["callback_id"]
        assert shop.until(f"/callbacks/log/{quiet}", reason="quiet_hours")["outcome"] == "ignored"
        assert [line.split()[0] for line in lines(tmp_path / "seen.txt", 2)] == ["shouting", "shouting"]


def test_a_rule_sends_game_vouchers_to_their_own_handler(root: Path, tmp_path: Path) -> None:
    code, router = python_of(root, "routing.md")
    with shop_with(tmp_path, "games", code) as shop:
        told = {"transaction_status": "settlement", "gross_amount": "100000.00"}
        game = shop.send("midtrans", {**told, "order_id": "GAME-1"}).json()["callback_id"]
        other = shop.send("midtrans", {**told, "order_id": "T-1"}).json()["callback_id"]
        assert lines(tmp_path / "games.txt", 1) == ["GAME-1"]
        assert shop.until(f"/callbacks/log/{game}", outcome="applied")["provider"] == "midtrans"
        shop.until(f"/callbacks/log/{other}", outcome="parked")
    compile(router, "router.py", "exec")
