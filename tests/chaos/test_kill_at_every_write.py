"""Killed at every write: whichever write to a database is a process' last, what was answered 200 counts exactly once.

The real commands die of SIGKILL before, in the middle of, or after their n-th write (see `fakes/deadly_disk.c`), and
often once more when they take up what is left; after that the books must be those of an undisturbed run.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.core.database import make_engine, reading, sqlite_module
from app.migrations.run import why_outdated
from tests.chaos import customers, importer
from tests.chaos.deaths import KILLED, Sweep
from tests.chaos.flood import Pipe, a_post
from tests.chaos.forking import Forker, a_forker
from tests.chaos.scene import SETTINGS, books, fill, truth, worked
from tests.chaos.senders import CREATED, OK, Senders, served
from tests.chaos.shop import KEY, Sender, a_shop, notice
from tests.fakes.chat_api import BOT_TOKEN, TOKEN, chat_api
from tests.fakes.midtrans_api import midtrans_api
from tests.fakes.preloading import build_library, needs_preloading
from tests.fakes.snap_api import snap_api

pytestmark = [needs_preloading, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def deadly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library("deadly_disk", tmp_path_factory.mktemp("deadly"))


@pytest.fixture(scope="module")
def forker(deadly: Path) -> Iterator[Forker]:
    with a_forker(LD_PRELOAD=str(deadly)) as ready:
        yield ready


@pytest.fixture
def sweep(forker: Forker, tmp_path: Path) -> Callable[[str, int], Sweep]:
    return lambda name, samples: Sweep(forker, tmp_path, name, samples)


@pytest.mark.parametrize("connect", ["apsw.Connection", f"{sqlite_module().__name__}.connect"])
def test_no_library_of_sqlite_writes_past_the_one_that_kills(deadly: Path, tmp_path: Path, connect: str) -> None:
    write = f"import {connect.rpartition('.')[0]}; {connect}('some.db').execute('CREATE TABLE some (number)')"
    killing = {"LD_PRELOAD": str(deadly), "DEADLY_AT": "1", "DEADLY_HOW": "before"}
    ran = subprocess.run([sys.executable, "-c", write], env=killing, cwd=tmp_path, check=False)  # noqa: S603 - ourselves
    assert ran.returncode == KILLED
    assert (tmp_path / "some.db").read_bytes() == b""


def test_a_server_killed_at_any_write_keeps_what_it_acknowledged(sweep: Callable[[str, int], Sweep]) -> None:
    swept = sweep("serve", 3)
    begin = swept.forker.begin
    with a_shop(swept.template) as shop:
        shop.announce((order_id, "ani", amount) for order_id, amount in Senders.orders.items())
    of_folder: dict[Path, Senders] = {}

    def run(folder: Path, deadly: Mapping[str, str]) -> int:
        with a_shop(folder, begin, **deadly) as shop:
            return served(shop, of_folder.setdefault(folder, Senders()))

    for folder in swept.folders(run):
        senders = of_folder.pop(folder)
        paid = [*senders.bodies, notice("S-9x", "19000.00")]
        with a_shop(folder, begin) as shop:
            shop.start("serve")
            shop.until_listening()
            again = shop.ask("POST", "/transactions", senders.over_http)[0]
            assert again == OK or (again == CREATED and not senders.announced), "an announcement is lost"
            kept = {callback.id: callback.body for callback in shop.log()}
            assert senders.acknowledged.items() <= kept.items(), "an acknowledged callback is lost, or another"
            assert set(kept.values()) <= set(senders.bodies), "half a callback"
            with Pipe(shop.port) as pipe:  # a sender repeats what was not acknowledged, and often what was
                assert [answer.status for answer in pipe.ask(map(a_post, paid))] == [OK] * len(paid)
            shop.start("worker")
            shop.until_worked_off()
            shop.stop()
            ids = [callback.id for callback in shop.log()]
            assert ids == sorted(set(ids))
            assert ids[: len(kept)] == list(kept)
            assert Counter(shop.outcomes()) == Counter(applied=len(paid), duplicate=len(ids) - len(paid))
            assert list(shop.journals().values()) == [1] * len(paid), "an order was credited twice, or never"
            assert shop.wallets() == {"ani": sum(1_000_000 + 100 * number for number in range(8)) + 1_900_000}
            assert shop.unbalanced() == []


@pytest.mark.parametrize("confirm", ["doubt", "never"])
def test_a_worker_killed_at_any_write_ends_with_the_same_books(
    sweep: Callable[[str, int], Sweep], confirm: str
) -> None:
    swept = sweep(f"worker-{confirm}", 3)
    begin = swept.forker.begin
    wanted: dict[str, Any] = {}
    with midtrans_api() as api:
        truth(api)
        settings = {**SETTINGS, "MIDTRANS_API_URL": api.url, "MIDTRANS_CONFIRM": confirm}
        with a_shop(swept.template, begin, **settings) as shop:
            fill(shop)

        def run(folder: Path, deadly: Mapping[str, str]) -> int:
            with a_shop(folder, begin, **settings, **deadly) as shop:
                return worked(shop)

        for folder in swept.folders(run):
            with a_shop(folder, begin, **settings) as shop:
                wanted = wanted or books(shop)  # of the one that was left alone
                assert worked(shop) == 0
                assert books(shop) == wanted
                assert shop.unbalanced() == []
    outcomes = [outcome for _, outcome, _ in wanted["outcomes"]]
    assert {word: outcomes.count(word) for word in set(outcomes)} == {
        "applied": 13, "duplicate": 2, "rejected": 1, "parked": 1
    }  # fmt: skip
    balances = {"wallet:user3": 0, "wallet:user4": 0, "wallet:toko": 3_900_000, "held:toko": 0}
    assert balances.items() <= dict(wanted["accounts"]).items()


def test_a_worker_killed_at_any_write_answers_every_customer_and_announces_once(
    sweep: Callable[[str, int], Sweep],
) -> None:
    swept = sweep("customers", 3)
    begin = swept.forker.begin
    wanted: dict[str, Any] = {}
    with chat_api() as api, snap_api(KEY) as snap:
        settings = {"TELEGRAM_BOT_TOKEN": TOKEN, "DISCORD_BOT_TOKEN": BOT_TOKEN, "MIDTRANS_API_URL": snap.url}
        settings |= {"TELEGRAM_API_URL": api.url, "DISCORD_API_URL": f"{api.url}/api/v10"}
        with a_shop(swept.template, begin, **settings) as shop:
            customers.fill(shop)

        def run(folder: Path, deadly: Mapping[str, str]) -> int:
            with a_shop(folder, begin, **settings, **deadly) as shop:
                return customers.answered(shop)

        for folder in swept.folders(run):
            with a_shop(folder, begin, **settings) as shop:
                assert customers.answered(shop) == 0
                wanted = wanted or customers.end_of(shop)  # of the one that was left alone
                assert customers.end_of(shop) == wanted
                assert customers.misses(shop, api) == []
            api.sent.clear()
    assert [word for _, word, _ in wanted["outcomes"]] == ["applied", "applied", "duplicate", "applied", "applied"]
    assert len([order for order, _, _ in wanted["orders"] if order.startswith("TOPUP-")]) == 1
    assert ("budi", "telegram", "4712") in wanted["channels"]
    assert wanted["codes"] == [(0,)]


CALLS = (
    {"handle": json.loads(notice("C-1", "10000.00"))},  # parked until the next line
    {"announce": {"order_id": "C-1", "user_id": "ani", "kind": "topup", "amount": "10000.00"}},
    {"handle": json.loads(notice("C-1", "10000.00"))},
    {"announce": {"order_id": "C-2", "user_id": "ani", "kind": "topup", "amount": "20000.00"}},
    {"handle": json.loads(notice("C-2", "20000.00"))},
)


def test_a_program_killed_at_any_write_of_its_direct_calls_loses_and_doubles_nothing(
    sweep: Callable[[str, int], Sweep],
) -> None:
    swept = sweep("calls", 2)
    begin = swept.forker.begin
    (swept.template / "calls.txt").write_text("".join(json.dumps(call) + "\n" for call in CALLS))
    with a_shop(swept.template) as shop:
        assert shop.outcomes() == {}

    def run(folder: Path, deadly: Mapping[str, str]) -> int:
        with a_shop(folder, begin, **deadly) as shop:
            heard = str(folder / "calls.txt")
            environment, out = shop.environment, folder / "calls.out"
            return begin([], environment, folder, out, program="tests.chaos.caller", heard=heard).wait(30)

    for folder in swept.folders(run):
        assert run(folder, {}) == 0
        with a_shop(folder, begin) as shop:
            shop.start("worker")
            shop.until_worked_off()
            shop.stop()
            answers = [json.loads(line) for line in (folder / "calls.out").read_text().splitlines()]
            acknowledged = [int(answer["callback_id"]) for answer in answers if "callback_id" in answer]
            kept = [callback.id for callback in shop.log()]
            assert set(acknowledged) <= set(kept), "an acknowledged callback is lost"
            assert Counter(shop.outcomes()) == Counter(applied=2, duplicate=len(kept) - 2)
            assert shop.journals() == {"C-1": 1, "C-2": 1}
            assert shop.wallets() == {"ani": 3_000_000}
            assert shop.unbalanced() == []


ANNOUNCE = ("transactions", "create", "nobody", "--user", "ani", "--kind", "topup", "--amount", "10000.00")


@pytest.mark.parametrize("how_announced", ["create", "import"])
def test_an_announcement_killed_at_any_write_is_whole_or_not_there(
    sweep: Callable[[str, int], Sweep], how_announced: str
) -> None:
    swept = sweep(how_announced, 2)
    begin = swept.forker.begin
    with a_shop(swept.template, begin) as shop:
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        for _ in range(2):
            assert sender.send_once(notice("nobody", "10000.00")) is not None
        sender.close()
        shop.until_worked_off()
        shop.stop()
        assert shop.outcomes() == {"parked": 2}
    orders = "order_id,user_id,kind,amount\nsome,budi,topup,5000.00\nnobody,ani,topup,10000.00\n"
    (swept.template / "orders.csv").write_text(orders)
    arguments = ANNOUNCE if how_announced == "create" else ("transactions", "import", "orders.csv")

    def run(folder: Path, deadly: Mapping[str, str]) -> int:
        with a_shop(folder, begin, **deadly) as shop:
            ended = begin(arguments, shop.environment, folder, folder / "command.out").wait(30)
            assert shop.outcomes() in ({"parked": 2}, {"applied": 1, "duplicate": 1}), "half an announcement"
            return ended

    for folder in swept.folders(run):
        assert run(folder, {}) == 0
        with a_shop(folder) as shop:
            assert shop.outcomes() == {"applied": 1, "duplicate": 1}
            assert shop.wallets()["ani"] == 1_000_000
            assert shop.journals() == {"nobody": 1}
            assert shop.rows("SELECT count(*) FROM callback_pending") == [(0,)]
            assert shop.unbalanced() == []


def test_an_import_killed_at_any_write_counts_each_row_once(sweep: Callable[[str, int], Sweep]) -> None:
    swept = sweep("files", 4)
    begin = swept.forker.begin
    with a_shop(swept.template) as shop:
        shop.announce((f"P-{number}", "ani", "5000.00") for number in range(0, importer.ROWS, 2))
    for name, content in importer.FILES.items():
        (swept.template / name).write_bytes(content)

    def run(folder: Path, deadly: Mapping[str, str]) -> int:
        with a_shop(folder, begin, **deadly) as shop:
            environment, out = shop.environment, folder / "importer.out"
            return begin([], environment, folder, out, program="tests.chaos.importer").wait(30)

    wanted: list[Any] = []
    for folder in swept.folders(run):
        assert run(folder, {}) == 0
        with a_shop(folder) as shop:
            end = [
                shop.rows("SELECT kind, subject, detail, count FROM callback_alerts ORDER BY subject"),
                shop.rows("SELECT sku, price, price_before, import_no FROM callback_products ORDER BY sku"),
                shop.rows("SELECT kind, rows, next_row, counts, callback_id, ended_at FROM callback_imports"),
            ]
        wanted = wanted or end  # of the one that was left alone
        assert end == wanted
    alerts, products, imports = wanted
    assert (len(alerts), len(products)) == (importer.ROWS * 9 // 10, 70)
    assert [row[1:3] for row in imports] == [(importer.ROWS, importer.ROWS)] * 2


def test_a_migration_killed_at_any_write_is_done_by_the_next_one(sweep: Callable[[str, int], Sweep]) -> None:
    swept = sweep("migrate", 2)

    def run(folder: Path, deadly: Mapping[str, str]) -> int:
        environment = {"DATABASE_URL": f"sqlite:///{folder}/state.db", **deadly}
        return swept.forker.begin(["migrate"], environment, folder, folder / "migrate.out").wait(30)

    wanted: list[Any] = []
    for folder in swept.folders(run):
        assert run(folder, {}) == 0
        engine = make_engine(f"sqlite:///{folder}/state.db")
        assert why_outdated(engine) == ""
        with reading(engine) as connection:
            schema = sorted(map(tuple, connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master")))
        engine.dispose()
        wanted = wanted or schema  # of the one that was left alone
        assert schema == wanted
