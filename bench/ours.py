"""This system under measurement, started by its own commands; what it did is counted in its log and its ledger."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from app.core.database import make_engine, reading, sqlite_module
from app.engine.callback import Callback
from app.engine.log import open_log
from bench.load import Result
from bench.orders import SERVER_KEY, Ids, announcement
from bench.processes import Started, children, free_port
from bench.systems import Running, differences

COMMAND = [sys.executable, "-m", "app"]
_PAGE = 5_000
_IMPORT_ROWS = 1_000_000
_MINOR = 100


class Offset:
    """How far the worker is: the id of the last callback whose effects are committed."""

    def __init__(self, folder: Path) -> None:
        self.log = open_log(f"sqlite:///{folder}/log.db", server=False)
        self.state = sqlite_module().connect(str(folder / "state.db"), isolation_level=None, timeout=15)

    def read(self) -> int:
        """The offset as committed now."""
        row = self.state.execute('SELECT max("offset") FROM callback_offsets').fetchone()
        return int(row[0] or 0)

    def last(self) -> int:
        """The id of the last callback in the log."""
        return self.log.last_id()

    def close(self) -> None:
        """Let go of both files."""
        self.state.close()
        self.log.close()


class Ours:
    """This system."""

    path = "/callbacks/webhook/midtrans"
    max_rate = 45_000

    def __init__(self, *, effects: bool) -> None:
        self.effects = effects
        self.name = "callbacks up" if effects else "callbacks serve"
        self.does = (
            "verify, log on disk, 200; a second process applies facts, double entry, wallet, outcome"
            if effects
            else "verify, log on disk, 200; nobody applies"
        )

    def announce(self, folder: Path, announced: int, ids: Ids) -> None:
        """By the commands that a shop would use."""
        announce(folder, 0, announced, ids)

    def start(self, folder: Path) -> Running:
        """`callbacks up`, or `callbacks serve` alone."""
        port = free_port()
        started = Started([*COMMAND, "up" if self.effects else "serve"], folder, environment(folder, port))
        started.until_listening(port)
        pid = started.process.pid
        pids = {"serve": pid}
        if self.effects:
            pids = {role(command): child for child, command in children(pid).items()} | {"supervisor": pid}
        return Running(started, port, pids)

    def progress(self, folder: Path) -> Offset | None:
        """The worker's offset in the state."""
        return Offset(folder) if self.effects else None

    def backlog(self, folder: Path, offset: int) -> int:
        """Read in the log."""
        return sum(len(page) for page in _pages(folder, offset))

    def check(self, folder: Path, result: Result) -> Iterator[str]:
        """Read the whole log, and count the ledger."""
        yield from differences(_in_log(folder), {"callbacks in the log": result.accepted, "orders": result.accepted})
        if self.effects:
            yield from differences(
                _in_ledger(folder),
                {
                    "journals": result.accepted,
                    "orders with a journal": result.accepted,
                    "facts": result.accepted,
                    "applied outcomes": result.accepted,
                    "sum of all postings": 0,
                    "sum of wallets": result.accepted_rupiah * _MINOR,
                    "postings of wallets": result.accepted_rupiah * _MINOR,
                },
            )


def announce(folder: Path, first: int, after: int, ids: Ids) -> None:
    """Announce the orders `first` … `after` - 1, by the commands that a shop would use."""
    _run(folder, "migrate")
    lines = folder / "orders.jsonl"
    for start in range(first, after, _IMPORT_ROWS):
        with lines.open("wb") as file:
            file.writelines(announcement(number, ids) for number in range(start, min(start + _IMPORT_ROWS, after)))
        _run(folder, "transactions", "import", str(lines))
    lines.unlink(missing_ok=True)


def _run(folder: Path, *arguments: str) -> None:
    ran = subprocess.run(  # noqa: S603 - arguments of ours
        [*COMMAND, *arguments], cwd=folder, env=environment(folder, 0), check=False, capture_output=True, text=True
    )
    if ran.returncode:
        raise RuntimeError(f"callbacks {' '.join(arguments)}: {ran.stdout[-1000:]}{ran.stderr[-2000:]}")


def environment(folder: Path, port: int) -> dict[str, str]:
    """Settings of the databases in `folder`."""
    return {
        **os.environ,
        "CALLBACK_ENV": "production",
        "CALLBACK_ADMIN_TOKEN": "benchmark",
        "CALLBACK_PORT": str(port),
        "CALLBACK_LOG_LEVEL": "warning",
        "DATABASE_URL": f"sqlite:///{folder}/state.db",
        "CALLBACK_LOG_URL": f"sqlite:///{folder}/log.db",
        "MIDTRANS_SERVER_KEY": SERVER_KEY,
        "MIDTRANS_API_URL": "http://127.0.0.1:9",  # nothing in this load is in doubt; were it, nobody is asked
    }


def role(command: str) -> str:
    """What a child of `callbacks up` is, by its command line."""
    return "worker" if "worker" in command else "serve"


def _pages(folder: Path, offset: int) -> Iterator[list[Callback]]:
    with closing(open_log(f"sqlite:///{folder}/log.db", server=False)) as log:
        while page := log.read_after(offset, _PAGE):
            yield page
            offset = page[-1].id


def _in_log(folder: Path) -> dict[str, int]:
    orders: set[str] = set()
    rows = 0
    for page in _pages(folder, 0):
        rows += len(page)
        orders.update(callback.ordering_key for callback in page)
    return {"callbacks in the log": rows, "orders": len(orders)}


_LEDGER = {
    "journals": "SELECT count(*) FROM callback_journals WHERE id > 0",
    "orders with a journal": "SELECT count(DISTINCT order_no) FROM callback_journals WHERE id > 0",
    "facts": "SELECT count(*) FROM callback_facts WHERE kind = 'paid'",
    "applied outcomes": "SELECT count(*) FROM callback_outcomes WHERE outcome = 'applied'",
    "sum of all postings": "SELECT coalesce(sum(amount), 0) FROM callback_postings",
    "sum of wallets": "SELECT coalesce(sum(balance), 0) FROM callback_accounts",
    "postings of wallets": "SELECT coalesce(sum(p.amount), 0) FROM callback_postings p "
    "JOIN callback_accounts a ON a.id = p.account_no WHERE a.balance IS NOT NULL",
}


def _in_ledger(folder: Path) -> dict[str, int]:
    engine = make_engine(f"sqlite:///{folder}/state.db")
    with reading(engine) as connection:
        found: dict[str, Any] = {name: connection.exec_driver_sql(sql).scalar_one() for name, sql in _LEDGER.items()}
    engine.dispose()
    return {name: int(value) for name, value in found.items()}
