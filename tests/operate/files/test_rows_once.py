"""Each row counts once: with two at the same import at once, cut short anywhere, and while callbacks are decided."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.core.database import writing
from app.ledger.announce import NewOrder, announce_many
from app.operate.files import rows_once
from app.operate.files.imports import list_imports
from app.operate.files.rows_once import CHUNK_ROWS
from app.operate.policy import UNASKED
from tests.conftest import ROOT
from tests.operate.files.csv_files import bring, prices, report, rows
from tests.operate.shop import Shop

ROWS = 6 * CHUNK_ROWS + 7

#: Half of the orders are announced, every tenth row cannot be read.
REPORT = report(
    *(f"TU-{number},T{number},{'abc' if number % 10 == 3 else '5000.00'},settlement" for number in range(ROWS))
)
PRICES = prices(*(f"x{number % (ROWS - 100)},XL,Pulsa,XL,PT A,{5000 + number}" for number in range(ROWS)))
END = (
    "SELECT kind, subject, detail, count FROM callback_alerts ORDER BY kind, subject",
    "SELECT sku, price, price_before FROM callback_products ORDER BY sku",
    "SELECT kind, rows, next_row, counts FROM callback_imports ORDER BY kind",
)


def a_shop(folder: Path) -> Shop:
    folder.mkdir()
    shop = Shop(folder)
    with writing(shop.engine) as connection:
        orders = [NewOrder(f"TU-{each}", "ani", "topup", 500_000, "midtrans", "IDR") for each in range(0, ROWS, 2)]
        announce_many(connection, orders, at=shop.tick(), policy=UNASKED)
    return shop


def end_of(shop: Shop) -> list[list[tuple[Any, ...]]]:
    return [rows(shop, statement) for statement in END]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[Any, ...]]]:
    shop = a_shop(tmp_path_factory.mktemp("undisturbed") / "shop")
    for content in (REPORT, PRICES):
        bring(shop, content)
    shop.engine.dispose()
    return end_of(shop)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Shop]:
    shop = a_shop(tmp_path / "full")
    yield shop
    shop.engine.dispose()


def test_the_counts_are_those_of_the_rows(undisturbed: list[list[tuple[Any, ...]]]) -> None:
    alerts, products, imports = undisturbed
    assert [(kind, number, done) for kind, number, done, _ in imports] == [
        ("digiflazz_prices", ROWS, ROWS),
        ("midtrans_settlement", ROWS, ROWS),
    ]
    assert len(products) == ROWS - 100
    assert len(alerts) == 1_000 + (ROWS - ROWS // 10 - 1 > 1_000)


def test_two_threads_at_the_same_imports_count_each_row_once(
    full: Shop, undisturbed: list[list[tuple[Any, ...]]]
) -> None:
    both = threading.Barrier(2)

    def work(_: int) -> list[str]:
        told = []
        for content in (REPORT, PRICES):
            both.wait(20)
            told.append(bring(full, content).reason)
        return told

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(work, range(2)))
    assert end_of(full) == undisturbed
    assert {"report_compared", "prices_imported"} <= {word for words in told for word in words}


def test_an_import_that_was_cut_short_shows_how_far_it_came_and_goes_on(
    full: Shop, undisturbed: list[list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, calls = rows_once._step, iter(range(2))  # noqa: SLF001 - to stop between two transactions

    def stepping(*arguments: Any, **more: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return step(*arguments, **more)

    with monkeypatch.context() as cut:
        cut.setattr(rows_once, "_step", stepping)
        with pytest.raises(KeyboardInterrupt):
            bring(full, REPORT)
    shown = list_imports(full.engine).imports[0]
    assert (shown.rows, shown.rows_done, shown.ended_at) == (ROWS, 2 * CHUNK_ROWS, None)
    assert sum(shown.counts[word] for word in ("agree", "differ", "unreadable") if word in shown.counts) == (
        2 * CHUNK_ROWS
    )
    assert bring(full, REPORT, callback_id=8).reason == "report_compared"
    bring(full, PRICES)
    assert end_of(full) == undisturbed
    assert {each.callback_id for each in list_imports(full.engine).imports} == {"7"}


IMPORTER = """
import sys
from pathlib import Path
from app.core.database import make_engine
from app.operate.files.importing import import_csv
folder, at = Path(sys.argv[1]), int(sys.argv[2])
engine = make_engine(f"sqlite:///{folder}/state.db")
print("ready", flush=True)
for name in ("report.csv", "prices.csv"):
    import_csv(engine, (folder / name).read_bytes(), filename="some.csv", callback_id=7, at=at)
print("done", flush=True)
"""


def test_a_process_that_is_killed_at_any_moment_is_followed_by_one_that_goes_on(
    full: Shop, undisturbed: list[list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    folder, dice = tmp_path / "full", random.Random(20261128)  # noqa: S311 - a test's dice
    (folder / "report.csv").write_bytes(REPORT)
    (folder / "prices.csv").write_bytes(PRICES)
    killed = 0
    for _ in range(30):
        importer = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-c", IMPORTER, str(folder), str(full.tick())], stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        assert importer.stdout is not None
        assert importer.stdout.readline() == "ready\n"
        try:
            importer.wait(dice.uniform(0.01, 0.12))
        except subprocess.TimeoutExpired:
            importer.kill()
        with importer.stdout:
            killed += importer.wait() == -signal.SIGKILL
        if rows(full, "SELECT count(ended_at) FROM callback_imports") == [(2,)]:
            break
    assert killed > 3
    for content in (REPORT, PRICES):
        bring(full, content)
    assert end_of(full) == undisturbed
