"""Files dropped into a folder that `up` watches, from the disk to a person's eyes, whichever process is killed."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import run, running
from tests.engine.test_supervisor import children_of

SECONDS = 30.0
ORDER = '{"order_id": "TU-2", "user_id": "ani", "kind": "topup", "amount": "50000.00"}\n'
REPORT = """Laporan Settlement;;
\ufeff;;
Order ID;Gross Amount;Status
TU-2;Rp 50.000,00;settlement
"""
PRICES = """buyer_sku_code,product_name,price,seller_name,buyer_product_status
xld5,XL 5.000,5450,PT Serba,true
"""


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
    return found


def told(command: str, *arguments: str) -> list[dict[str, Any]]:
    ran = run(command, *arguments, "--json", CALLBACK_LANG="en")
    assert ran.code == 0, ran.err
    return next(iter(json.loads(ran.out).values()))


def outcomes() -> dict[str, str]:
    """What became of the newest event of each file, by its name."""
    lines = told("log", "--provider", "event/file")
    return {line["text"].partition(":")[0].partition(" ")[0]: line["text"] for line in reversed(lines)}


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def test_a_report_and_a_price_list_that_are_dropped_become_alerts_and_products(inbox: Path) -> None:
    (inbox.parent / "orders.jsonl").write_text(ORDER)
    with running("up", CALLBACK_FOLDERS=str(inbox), CALLBACK_LANG="en") as up:
        up.line("All addresses: ")
        assert run("transactions", "import", "orders.jsonl").code == 0
        (inbox / "nov.csv").write_text(REPORT)
        (inbox / "prices.csv").write_text(PRICES)
        (inbox / "notes.txt").write_text("one\ntwo\n")
        until(lambda: told("products", "list"))
        (alert,) = until(lambda: told("alerts", "list"))
        assert (alert["kind"], alert["detail"]["what"]) == ("report_differs", "not_credited")
        assert any("transactions resolve TU-2 paid" in command for command in alert["commands"])
        until(lambda: "notes.txt: 2 lines (8 bytes)." in outcomes().values())
        assert up.stop() == 0


def test_whichever_process_is_killed_every_file_is_told_and_read(inbox: Path) -> None:
    with running("up", CALLBACK_FOLDERS=str(inbox), CALLBACK_LANG="en") as up:
        up.line("All addresses: ")
        until(lambda: set(children_of(up.process.pid)) == {"serve", "watch", "worker"})
        before = children_of(up.process.pid)
        for number, name in enumerate(("watch", "worker", "watch", "worker")):
            (inbox / f"{number}.txt").write_text("x\n")
            os.kill(children_of(up.process.pid).get(name, before[name]), signal.SIGKILL)
            (inbox / f"later-{number}.json").write_text("[1]")
            until(lambda: len(children_of(up.process.pid)) == 3)
        expected = {
            **{f"{n}.txt": f"{n}.txt: 1 lines (2 bytes)." for n in range(4)},
            **{f"later-{n}.json": f"later-{n}.json: JSON [1] (3 bytes)." for n in range(4)},
        }
        until(lambda: outcomes() == expected)
        assert children_of(up.process.pid)["serve"] == before["serve"]
        assert up.stop() == 0


def test_a_folder_that_somebody_watches_already_stops_no_callback(inbox: Path) -> None:
    assert run("migrate").code == 0
    with running("watch", str(inbox), CALLBACK_LANG="en") as watcher:
        until(lambda: "watching " in watcher.err)
        with running("up", CALLBACK_FOLDERS=str(inbox), CALLBACK_LANG="en") as up:
            up.line("All addresses: ")
            until(lambda: '"child": "watch"' in up.err)
            assert set(children_of(up.process.pid)) == {"serve", "worker"}
            (inbox / "a.txt").write_text("x")
            until(lambda: "a.txt" in outcomes())
            assert up.stop() == 0
        assert watcher.stop() == 0
