"""`make bench-growth`: what a callback and a search cost when the log and the state have grown.

python -m bench.growth            10 thousand, 1 million and 10 million callbacks (half an hour, 20 GB of disk)
python -m bench.growth --quick    10 and 200 thousand (a minute)
"""

import argparse
import http.client
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from app.core.database import make_engine, reading
from bench.filling import pay
from bench.growth_report import Level, Report, Search, show, write
from bench.load import Result
from bench.machine import machine
from bench.measure import Load, Row, measure
from bench.orders import Shape, order
from bench.ours import Offset, Ours, announce
from bench.processes import ROOT
from bench.systems import Running, differences

LEVELS = (10_000, 1_000_000, 10_000_000)
QUICK_LEVELS = (10_000, 200_000)
#: What is measured at a level: so many callbacks of new orders, so many times. They make the smallest log larger.
CALLBACKS = 50_000
TIMES = 3
ASKED = 15
_FREE_BYTES_A_CALLBACK = 2_500
SHAPE = Shape("ascending", "announced")


class Grown(Ours):
    """This system on databases that hold much already: only what is new is counted."""

    def __init__(self) -> None:
        super().__init__(effects=True)
        self._before = 0

    def start(self, folder: Path) -> Running:
        """`callbacks up`, from where the log ends."""
        with closing(Offset(folder)) as offset:
            self._before = offset.last()
        return super().start(folder)

    def check(self, folder: Path, result: Result) -> Iterator[str]:
        """Count the new outcomes."""
        engine = make_engine(f"sqlite:///{folder}/state.db")
        with reading(engine) as connection:
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM callback_outcomes WHERE callback_id > ? AND outcome = 'applied'", (self._before,)
            ).scalar_one()
        engine.dispose()
        yield from differences({"applied": int(found)}, {"applied": result.accepted})


def run(levels: Sequence[int], console: Console) -> Report:
    """Grow one log and one state from level to level, and measure at each."""
    parent = ROOT / "data" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(parent).free
    if free < levels[-1] * _FREE_BYTES_A_CALLBACK:
        raise SystemExit(
            f"{levels[-1] * _FREE_BYTES_A_CALLBACK / 1e9:.0f} GB of disk are needed, {free / 1e9:.0f} are free"
        )
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        found: list[Level] = []
        paid = 0
        for level in levels:
            fresh = CALLBACKS * TIMES
            _grow(folder, paid, level, level + fresh, console)
            found.append(_measured(folder, level, console))
            paid = level + fresh
        return Report(machine(folder), found)


def _grow(folder: Path, first: int, paid: int, announced: int, console: Console) -> None:
    started = time.monotonic()
    with Progress(
        "[progress.description]{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task(f"growing to {paid:,} callbacks", total=paid - first)
        announce(folder, first, announced, SHAPE.ids)
        pay(folder, first, paid, lambda done: progress.update(bar, completed=done))
        progress.update(bar, completed=paid - first)
    os.sync()
    console.print(f"[dim]grown to {paid:,} callbacks: {time.monotonic() - started:.0f} s[/]")


def _measured(folder: Path, level: int, console: Console) -> Level:
    rows: list[Row] = []
    for turn in range(TIMES):
        first = level + turn * CALLBACKS
        load = Load(SHAPE, first + CALLBACKS, 60.0, 64, None, count_max=CALLBACKS, first=first)
        rows.append(measure(Grown(), folder, load))
        console.print(f"[dim]{level:,}: {rows[-1].accepted_per_second:,.0f}/s, {rows[-1].cpu_us}[/]")
    searches = _searches(folder, level)

    def median(of: Callable[[Row], float]) -> float:
        return statistics.median(map(of, rows))

    return Level(
        callbacks=level,
        serve_us=median(lambda row: row.cpu_us["serve"]),
        worker_us=median(lambda row: row.cpu_us["worker"]),
        accepted_per_second=median(lambda row: row.accepted_per_second),
        applied_per_second=median(lambda row: row.applied_per_second or 0.0),
        p99_ms=median(lambda row: row.p99_ms),
        rss_mib=median(lambda row: sum(row.rss_mib.values())),
        log_bytes=(folder / "log.db").stat().st_size,
        state_bytes=(folder / "state.db").stat().st_size,
        searches=searches,
        wrong=[sentence for row in rows for sentence in row.wrong],
    )


def questions(level: int) -> dict[str, list[str]]:
    """What is asked, and the addresses: each with other values, so that nothing was answered a moment ago."""
    old = [order(level * turn // ASKED, SHAPE.ids) for turn in range(ASKED)]
    return {
        "newest": ["/callbacks/log"] * ASKED,
        "an order": [f"/callbacks/log?order_id={each.order_id}" for each in old],
        "a user": [f"/callbacks/log?user_id={each.user_id}" for each in old],
        "an outcome": [f"/callbacks/log?outcome={word}" for word in ("rejected", "duplicate", "in_doubt")]
        * (ASKED // 3),
        "a provider": [f"/callbacks/log?provider={name}" for name in ("midtrans", "digiflazz", "telegram")]
        * (ASKED // 3),
        "until a time": [f"/callbacks/log?to={turn + 1}s" for turn in range(ASKED)],
        "a text in the bodies": [f"/callbacks/log?text={each.order_id}" for each in old],
        "an order's whole story": [f"/transactions/{each.order_id}" for each in old],
        "a wallet's statement": [f"/wallets/{each.user_id}/entries" for each in old],
    }


def _searches(folder: Path, level: int) -> list[Search]:
    running = Grown().start(folder)
    try:
        return [_asked(running.port, what, paths) for what, paths in questions(level).items()]
    finally:
        running.stop()


def _asked(port: int, what: str, paths: Sequence[str]) -> Search:
    took: list[float] = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        for path in paths:
            started = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": "Bearer benchmark"})
            reply = connection.getresponse()
            reply.read()
            took.append((time.perf_counter() - started) * 1000)
            if reply.status != http.HTTPStatus.OK:
                raise RuntimeError(f"GET {urllib.parse.unquote(path)}: {reply.status}")
    return Search(what, statistics.median(took), max(took))


def main() -> int:
    """Run, print, write → exit code: 1 where a check found something wrong."""
    parser = argparse.ArgumentParser(prog="make bench-growth", description="Measure what growth costs.")
    parser.add_argument("--quick", action="store_true", help="small levels, a minute")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    report = run(QUICK_LEVELS if options.quick else LEVELS, console)
    show(report, console)
    for path in write(report, ROOT / "bench" / "results", "growth-quick" if options.quick else "growth"):
        console.print(f"wrote {path.relative_to(ROOT)}")
    return 1 if any(level.wrong for level in report.levels) else 0


if __name__ == "__main__":
    sys.exit(main())
