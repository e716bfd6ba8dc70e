"""Killed at every write: whichever write to a database is a process' last, what was answered 200 counts exactly once.

The real commands die of SIGKILL before, in the middle of, or after their n-th write (see `fakes/deadly_disk.c`); then
what is left is taken up again, and the books must be those of an undisturbed run. `make test` tries some of the
writes, `make chaos` all of them; three seeds that follow each other die at each in all three ways.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.core.database import make_engine, writing
from app.engine.log import open_log
from app.migrations.run import why_outdated
from tests.chaos.shop import Sender, Shop, a_shop, notice, until
from tests.fakes.midtrans_api import MidtransApi, midtrans_api
from tests.fakes.preloading import build_library, needs_preloading

EVERY = "CHAOS_SECONDS" in os.environ
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))
HOWS = ("before", "middle", "after")
KILLED = -signal.SIGKILL

pytestmark = [needs_preloading, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def deadly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library("deadly_disk", tmp_path_factory.mktemp("deadly"))


class Sweep:
    """The writes of one command at which it is to die, and the folders in which that happens."""

    def __init__(self, library: Path, folder: Path, samples: int) -> None:
        self.library = library
        self.folder = folder
        self.samples = samples
        self.died = 0

    def environment(self, at: int, how: str, count: Path | None = None) -> dict[str, str]:
        told = {"LD_PRELOAD": str(self.library), "DEADLY_AT": str(at), "DEADLY_HOW": how}
        return told if count is None else {**told, "DEADLY_COUNT": str(count)}

    def points(self, run: Callable[[Path, dict[str, str]], int]) -> Iterator[tuple[Path, dict[str, str]]]:
        """First an undisturbed run, which counts the writes; then a folder for each point of death."""
        count = self.folder / "count"
        assert run(self._made("undisturbed"), self.environment(0, "never", count)) == 0
        writes = int(count.read_text())
        assert writes > 10, "the library did not see the writes"
        every = [(at, HOWS[(at + SEED) % len(HOWS)]) for at in range(1, writes + 1)]
        dice = random.Random(SEED)  # noqa: S311 - a test's dice, to be thrown again
        tried = every if EVERY else dice.sample(every, self.samples)
        for number, (at, how) in enumerate(tried, start=1):
            folder = self._made(f"{at}-{how}")
            if EVERY:
                print(  # noqa: T201 - minutes go by
                    f"\r{self.folder.name}: {number} of {len(tried)}, write {at} of {writes} {how}   ", end=""
                )
            yield folder, self.environment(at, how)
            shutil.rmtree(folder)
        print(  # noqa: T201 - the figure
            f"\r{self.folder.name}: {writes} writes, died {self.died} of {len(tried)} times"
        )
        # Timers and group commits make a run a few writes longer or shorter than the one that was counted.
        assert self.died >= len(tried) * 0.6

    def _made(self, name: str) -> Path:
        made = self.folder / name
        made.mkdir(parents=True)
        return made


@pytest.fixture
def sweep(deadly: Path, tmp_path: Path) -> Callable[..., Sweep]:
    def made(name: str, samples: int) -> Sweep:
        (tmp_path / name).mkdir()
        return Sweep(deadly, tmp_path / name, samples)

    return made


ORDERS = {f"S-{number}x": f"{10_000 + number}.00" for number in range(8)}


def test_a_server_killed_at_any_write_keeps_what_it_acknowledged(sweep: Callable[..., Sweep]) -> None:
    swept = sweep("serve", 3)
    acknowledged: dict[str, int] = {}

    def run(folder: Path, environment: dict[str, str]) -> int:
        acknowledged.clear()
        with a_shop(folder) as shop:
            shop.announce((order_id, "ani", amount) for order_id, amount in ORDERS.items())
            shop.environment |= environment
            shop.start("serve")
            server = shop.processes["serve"]
            until(lambda: server.poll() is not None or shop.listens(), lambda: shop.stands("serve"))
            senders = [Sender(shop.port), Sender(shop.port)]
            for number, (order_id, amount) in enumerate(ORDERS.items()):
                sender = senders[number % 2]
                if server.poll() is None and (told := sender.send_once(notice(order_id, amount))) is not None:
                    acknowledged[order_id] = told
            for sender in senders:
                sender.close()
            server.send_signal(signal.SIGTERM)
            return server.wait(15)

    for folder, environment in swept.points(run):
        code = run(folder, environment)
        assert code in {0, KILLED}
        swept.died += code == KILLED
        with a_shop(folder) as shop:
            kept = {callback.id: callback for callback in shop.log()}
            for order_id, callback_id in acknowledged.items():
                assert kept[callback_id].body == notice(order_id, ORDERS[order_id]), "lost, or half"
            assert list(kept) == sorted(kept)
            shop.start("serve", "worker")
            shop.until_listening()
            again = Sender(shop.port)
            for order_id, amount in ORDERS.items():  # a sender repeats what was not acknowledged, and often what was
                again.send(order_id, notice(order_id, amount))
            again.close()
            shop.until_worked_off()
            paid = shop.rows("SELECT count(*) FROM callback_journals WHERE order_no IS NOT NULL AND id > 0")
            assert paid == [(len(ORDERS),)], "an order was credited twice, or never"
            assert shop.outcomes()["applied"] == len(ORDERS)
            assert shop.unbalanced() == []
            shop.stop()


SCENE: tuple[bytes, ...] = (
    notice("W-1", "10000.00"),
    notice("W-1", "10000.00"),
    notice("W-2", "20000.00", transaction_status="expire", status_code="202"),
    notice("W-2", "20000.00", transaction_id="T2"),
    notice("W-3", "30000.00"),
    notice(
        "W-3",
        "30000.00",
        transaction_status="refund",
        refund_amount="30000.00",
        refunds=[{"refund_key": "r1", "refund_amount": "30000.00"}],
    ),
    notice("W-4", "99000.00"),
    notice("nobody", "10000.00"),
    notice("W-5", "50000.00", transaction_status="pending", status_code="201"),
)
SCENE_ORDERS = [(f"W-{number}", f"user{number}", f"{number}0000.00") for number in range(1, 6)]

BOOKS = {
    "accounts": "SELECT name, balance FROM callback_accounts",
    "facts": "SELECT order_no, kind, attempt, key, amount, level FROM callback_facts",
    "orders": "SELECT order_id, status, fact_count FROM callback_orders",
    "moved": """SELECT j.order_no, p.account_no, sum(p.amount) FROM callback_postings p
        JOIN callback_journals j ON j.id = p.journal_id GROUP BY 1, 2""",
    "outcomes": "SELECT callback_id, outcome, reason FROM callback_outcomes",
    "tasks": "SELECT key, state FROM callback_tasks",
    "notices": "SELECT order_no, status FROM callback_notices",
    "dead letters": "SELECT kind, ref, reason FROM callback_dead WHERE closed_at IS NULL",
    "alerts": "SELECT kind, subject FROM callback_alerts WHERE closed_at IS NULL",
}


def books(shop: Shop) -> dict[str, Any]:
    return {name: sorted(shop.rows(statement), key=repr) for name, statement in BOOKS.items()}


def is_done(shop: Shop) -> bool:
    decided = shop.rows("SELECT count(*) FROM callback_outcomes WHERE outcome <> 'in_doubt'")
    return decided == [(len(SCENE),)] and not shop.rows("SELECT 1 FROM callback_tasks WHERE state <> 'done'")


def test_a_worker_killed_at_any_write_ends_with_the_same_books(sweep: Callable[..., Sweep], tmp_path: Path) -> None:
    swept = sweep("worker", 3)
    template = tmp_path / "template"
    template.mkdir()
    with a_shop(template) as shop, open_for_all(shop) as log:
        shop.announce(SCENE_ORDERS)
        log.write_batch(
            [(0, "midtrans", "settlement", "", "", 1, "", body, "signature", "127.0.0.1") for body in SCENE]
        )
    wanted: dict[str, Any] = {}

    with midtrans_api() as api:
        truth(api)

        def run(folder: Path, environment: dict[str, str]) -> int:
            for file in template.glob("*.db*"):
                shutil.copy(file, folder)
            with a_shop(folder, MIDTRANS_API_URL=api.url) as shop:
                shop.environment |= environment
                code = worked(shop)
                if code == 0 and not wanted:
                    wanted.update(books(shop))
                return code

        for folder, environment in swept.points(run):
            code = run(folder, environment)
            assert code in {0, KILLED}
            swept.died += code == KILLED
            with a_shop(folder, MIDTRANS_API_URL=api.url) as shop:
                with writing(shop.engine) as connection:  # the time until the dead one's lease ends goes by
                    connection.exec_driver_sql("UPDATE callback_tasks SET due_at = 0 WHERE state = 'running'")
                assert worked(shop) == 0
                assert books(shop) == wanted
                assert shop.unbalanced() == []
    assert [outcome for _, outcome, _ in wanted["outcomes"]].count("applied") == 6


def truth(api: MidtransApi) -> None:
    refunds = [{"refund_key": "r1", "refund_amount": "30000.00"}]
    api.knows(
        order_id="W-3", transaction_status="refund", gross_amount="30000.00", refund_amount="30000.00", refunds=refunds
    )


def worked(shop: Shop) -> int:
    """Let the real worker go on until all is done, or it dies → its exit code."""
    shop.start("worker")
    worker = shop.processes["worker"]
    until(lambda: worker.poll() is not None or is_done(shop), lambda: f"{books(shop)}{shop.stands('worker')}")
    worker.send_signal(signal.SIGTERM)
    return worker.wait(15)


@contextmanager
def open_for_all(shop: Shop) -> Iterator[Any]:
    log = open_log(shop.log_url, server=True)
    try:
        yield log
    finally:
        log.close()


def command(shop: Shop, *arguments: str, **more: str) -> int:
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app", *arguments],
        env={**shop.environment, **more},
        cwd=shop.folder,
        capture_output=True,
        check=False,
    )
    assert ran.returncode in {0, KILLED}, ran.stderr.decode()[-2000:]
    return ran.returncode


ANNOUNCE = ("transactions", "create", "nobody", "--user", "ani", "--kind", "topup", "--amount", "10000.00")


@pytest.mark.parametrize("how_announced", ["create", "import"])
def test_an_announcement_killed_at_any_write_is_whole_or_not_there(
    sweep: Callable[..., Sweep], tmp_path: Path, how_announced: str
) -> None:
    swept = sweep(how_announced, 2)
    template = tmp_path / "template"
    template.mkdir()
    with a_shop(template) as shop, open_for_all(shop) as log:
        body = notice("nobody", "10000.00")
        log.write_batch([(0, "midtrans", "settlement", "", "", 1, "", body, "signature", "127.0.0.1")])
        shop.start("worker")
        shop.until_worked_off()
        shop.stop()
        assert shop.outcomes() == {"parked": 1}
    (template / "orders.csv").write_text("order_id,user_id,kind,amount\nnobody,ani,topup,10000.00\n")
    arguments: Sequence[str] = ANNOUNCE if how_announced == "create" else ("transactions", "import", "orders.csv")

    def run(folder: Path, environment: dict[str, str]) -> int:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        return command(Shop(folder), *arguments, **environment)

    for folder, environment in swept.points(run):
        swept.died += run(folder, environment) == KILLED
        shop = Shop(folder)
        assert shop.outcomes() in ({"parked": 1}, {"applied": 1})
        assert command(shop, *arguments) == 0
        assert shop.outcomes() == {"applied": 1}
        assert shop.rows("SELECT balance FROM callback_accounts WHERE name = 'wallet:ani'") == [(1_000_000,)]
        assert shop.rows("SELECT count(*) FROM callback_pending") == [(0,)]
        assert shop.unbalanced() == []
        shop.engine.dispose()


def test_a_migration_killed_at_any_write_is_done_by_the_next_one(sweep: Callable[..., Sweep]) -> None:
    swept = sweep("migrate", 2)

    def run(folder: Path, environment: dict[str, str]) -> int:
        url = f"sqlite:///{folder}/state.db"
        told = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
        ran = subprocess.run([sys.executable, "-m", "app", "migrate"], env=told, capture_output=True, check=False)
        assert ran.returncode in {0, KILLED}, ran.stderr.decode()[-2000:]
        return ran.returncode

    for folder, environment in swept.points(run):
        swept.died += run(folder, environment) == KILLED
        assert run(folder, {}) == 0
        engine = make_engine(f"sqlite:///{folder}/state.db")
        assert why_outdated(engine) == ""
        engine.dispose()
