"""`make bench`: this system and its peers in turn, same bodies, same load generator, everything counted afterwards.

python -m bench.run            a million announced orders (minutes)
python -m bench.run --quick    the same in small (under a minute or two)
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bench import slow_lane
from bench.machine import machine
from bench.measure import Load, Row, measure
from bench.orders import Ids, Shape
from bench.ours import Ours
from bench.peers.celery_peer import PEER_QUEUE, has_redis
from bench.peers.peer import PEER_EFFECTS, PEER_INSERT
from bench.processes import ROOT
from bench.report import Report, ratios, show, write
from bench.slow_lane import SlowLane
from bench.systems import System

SERVE = Ours(effects=False)
UP = Ours(effects=True)

ANNOUNCED = Shape("ascending", "announced")
RANDOM_ARRIVAL = Shape("ascending", "random")
ALL_RANDOM = Shape("random", "random")

#: Ours, and the peer that it is compared with.
COMPARED = ((SERVE, PEER_INSERT), (UP, PEER_EFFECTS), (UP, PEER_QUEUE))

#: What is measured, in this order: a system, the shape of its load, and its rate a second (None: as fast as answered).
SCENARIOS: tuple[tuple[System, Shape, int | None], ...] = (
    (PEER_INSERT, ANNOUNCED, None),
    (SERVE, ANNOUNCED, None),
    (PEER_EFFECTS, ANNOUNCED, None),
    (PEER_QUEUE, ANNOUNCED, None),
    (UP, ANNOUNCED, None),
    (PEER_EFFECTS, RANDOM_ARRIVAL, None),
    (UP, RANDOM_ARRIVAL, None),
    (UP, ALL_RANDOM, None),
    (UP, RANDOM_ARRIVAL, 15_000),
    (UP, ANNOUNCED, 5_000),
)


class Bases:
    """Databases with announced orders, made once a system and kind of ids, and copied for each measurement."""

    def __init__(self, folder: Path, announced: int, console: Console) -> None:
        """`folder` has to be on a disk, not in memory: every figure rests on its fsync."""
        self.folder = folder
        self.announced = announced
        self.console = console

    @contextmanager
    def fresh(self, system: System, ids: Ids) -> Iterator[Path]:
        """A copy that is removed afterwards."""
        base = self.folder / f"{type(system).__name__}-{system.name if system.path == '/webhook' else 'ours'}-{ids}"
        if not base.exists():
            base.mkdir()
            with told(
                self.console,
                f"making the databases of {system.name} ({self.announced:,} orders where it has any, ids {ids})",
            ):
                system.announce(base, self.announced, ids)
        work = self.folder / "work"
        shutil.copytree(base, work)
        os.sync()  # else the load's first fsyncs wait for the copy of the databases to reach the disk
        try:
            yield work
        finally:
            shutil.rmtree(work)


@contextmanager
def told(console: Console, what: str) -> Iterator[None]:
    """A line with a spinner while it lasts (where there is a terminal), and one with its time when it is done."""
    started = time.monotonic()
    with console.status(what + " ..."):
        yield
    console.print(f"[dim]{what}: {time.monotonic() - started:.1f} s[/]")


def run(options: argparse.Namespace, console: Console) -> Report:
    """Measure all scenarios that the options leave."""
    parent = ROOT / "data" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        about = machine(folder)
        if about.filesystem == "tmpfs":
            console.print("[red]these databases are in memory: nothing reaches a disk, every figure is too good[/]")
        bases = Bases(folder, options.announced, console)
        for system, shape, rate in SCENARIOS:
            if options.only and options.only not in system.name:
                continue
            if system is PEER_QUEUE and not has_redis():
                console.print(f"[yellow]{system.name} is left out: there is no redis-server[/]")
                continue
            load = Load(shape, options.announced, options.seconds, options.connections, rate)
            with bases.fresh(system, shape.ids) as work, told(console, f"{system.name}: {load}"):
                rows.append(measure(system, work, load))
        lane = None if options.only else _slow_lane(folder, console, quick=options.quick)
    compared = ratios(rows, [(ours.name, peer.name) for ours, peer in COMPARED])
    return Report(about, options.quick, rows, compared, lane)


def _slow_lane(folder: Path, console: Console, *, quick: bool) -> SlowLane:
    with told(console, "the slow lane"):
        return slow_lane.run(folder, count=4_000 if quick else 20_000, many=2_000 if quick else 10_000)


def options_of(arguments: list[str]) -> argparse.Namespace:
    """The command line; `--quick` only changes defaults."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure this system and its peers.")
    parser.add_argument("--quick", action="store_true", help="60 000 orders, 2 seconds each")
    parser.add_argument("--announced", type=int, help="orders announced beforehand (1 000 000)")
    parser.add_argument("--seconds", type=float, help="how long each load lasts (15)")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--only", default="", help="only systems whose name contains this")
    options = parser.parse_args(arguments)
    options.announced = options.announced or (60_000 if options.quick else 1_000_000)
    options.seconds = options.seconds or (2.0 if options.quick else 15.0)
    return options


def main() -> int:
    """Run, print, write → exit code: 1 where a check found something wrong."""
    options = options_of(sys.argv[1:])
    console = Console(width=None if sys.stdout.isatty() else 160)
    report = run(options, console)
    show(report, console)
    name = "quick" if options.quick or options.only else "latest"
    for path in write(report, ROOT / "bench" / "results", name):
        console.print(f"wrote {path.relative_to(ROOT)}")
    return 1 if any(row.wrong for row in report.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
