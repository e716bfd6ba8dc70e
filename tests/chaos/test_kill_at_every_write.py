"""Killed at every write: whichever write to a database is a process' last, what was answered 200 counts exactly once.

The real commands die of SIGKILL before, in the middle of, or after their n-th write (see `fakes/deadly_disk.c`), and
often once more when they take up what is left; after that the books must be those of an undisturbed run.
"""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from app.core.database import make_engine, reading
from app.migrations.run import why_outdated
from tests.chaos.deaths import KILLED, Sweep
from tests.chaos.flood import Pipe, a_post
from tests.chaos.forking import Forker, a_forker
from tests.chaos.scene import SECRET, books, fill, truth, worked
from tests.chaos.shop import Sender, Shop, a_shop, notice, until
from tests.fakes.midtrans_api import midtrans_api
from tests.fakes.preloading import build_library, needs_preloading

pytestmark = [needs_preloading, pytest.mark.timeout(3600)]

OK, CREATED = 200, 201


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


@pytest.mark.parametrize("library", ["apsw", "pysqlite3"])
def test_no_library_of_sqlite_writes_past_the_one_that_kills(deadly: Path, tmp_path: Path, library: str) -> None:
    connect = {"apsw": "apsw.Connection", "pysqlite3": "pysqlite3.connect"}[library]
    write = f"import {library}; {connect}('some.db').execute('CREATE TABLE some (number)')"
    killing = {"LD_PRELOAD": str(deadly), "DEADLY_AT": "1", "DEADLY_HOW": "before"}
    ran = subprocess.run([sys.executable, "-c", write], env=killing, cwd=tmp_path, check=False)  # noqa: S603 - ourselves
    assert ran.returncode == KILLED
    assert (tmp_path / "some.db").read_bytes() == b""


class Senders:
    """What the senders of one server were answered, in all its lives."""

    orders: Mapping[str, str] = {f"S-{number}x": f"{10_000 + number}.00" for number in range(8)}
    over_http: Mapping[str, str] = {
        "order_id": "S-9x", "user_id": "ani", "kind": "topup", "amount": "19000.00"
    }  # fmt: skip

    def __init__(self) -> None:
        self.bodies = [notice(order_id, amount) for order_id, amount in self.orders.items()]
        self.acknowledged: dict[int, bytes] = {}
        self.announced = False

    def send(self, shop: Shop) -> None:
        """Three callbacks one after the other, three and four side by side, and an announcement."""
        sender = Sender(shop.port)
        for body in self.bodies[:3]:
            if (callback_id := sender.send_once(body)) is not None:
                self.acknowledged[callback_id] = body
        sender.close()
        with suppress(OSError, EOFError), Pipe(shop.port) as one, Pipe(shop.port) as other:
            sides = ((one, self.bodies[3:6]), (other, [*self.bodies[6:], self.bodies[0], self.bodies[3]]))
            for pipe, bodies in sides:
                pipe.send(b"".join(map(a_post, bodies)))
            for pipe, bodies in sides:
                with suppress(EOFError, ConnectionError):
                    self.hear(pipe, bodies)
        with suppress(OSError, HTTPException):
            self.announced |= shop.ask("POST", "/transactions", self.over_http)[0] in {OK, CREATED}

    def hear(self, pipe: Pipe, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            answer = pipe.answer()
            assert answer.status == OK, answer
            self.acknowledged[int(json.loads(answer.body)["callback_id"])] = body


def served(shop: Shop, senders: Senders) -> int:
    """Let the real server take what the senders have until that is all, or it dies → its exit code."""
    shop.start("serve")
    server = shop.processes["serve"]
    until(lambda: server.poll() is not None or shop.listens(), lambda: shop.stands("serve"))
    if server.poll() is None:
        senders.send(shop)
    server.send_signal(signal.SIGTERM)
    return server.wait(15)


def test_a_server_killed_at_any_write_keeps_what_it_acknowledged(sweep: Callable[[str, int], Sweep]) -> None:
    swept = sweep("serve", 4)
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
        settings = {
            "MIDTRANS_API_URL": api.url, "MIDTRANS_CONFIRM": confirm, "DIGIFLAZZ_WEBHOOK_SECRET": SECRET
        }  # fmt: skip
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
        "applied": 11, "duplicate": 2, "rejected": 1, "parked": 1
    }  # fmt: skip
    balances = {"wallet:user3": 0, "wallet:user4": 0, "wallet:toko": 3_900_000, "held:toko": 0}
    assert balances.items() <= dict(wanted["accounts"]).items()


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
