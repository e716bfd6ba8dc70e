"""`make soak`: an hour of all scenarios at a steady rate, and what each process' memory does meanwhile.

python -m bench.soak --seconds 3600 --rate 500
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli.announcing import in_bulk
from app.core.config import Settings
from app.simulation.driver import Way, run
from app.simulation.wire import Target
from bench.machine import Machine, machine
from bench.ours import COMMAND, role
from bench.processes import ROOT, Started, children, free_port, share_mib
from bench.traffic import TOKEN, environment, rounds, state

_LOOK_SECONDS = 5.0
_WARM = 1 / 3  # of the samples, in which caches fill
#: What a process may grow in a minute (MiB): 58 MiB a day.
MOST_MIB_A_MINUTE = 0.04


class Memory(msgspec.Struct, frozen=True):
    """What one process held: the first and last sample, the most, and the slope once its caches are full."""

    first_mib: float
    last_mib: float
    most_mib: float
    mib_a_minute: float


class Soak(msgspec.Struct, frozen=True):
    """Everything that is kept of one run."""

    machine: Machine
    seconds: float
    rate: float
    callbacks: int
    differences: int  # balances and statuses that are not as the model says
    memory: dict[str, Memory]

    @property
    def good(self) -> bool:
        """Whether memory is flat and the books are right."""
        flat = all(one.mib_a_minute <= MOST_MIB_A_MINUTE for one in self.memory.values())
        return flat and not self.differences and self.callbacks > 0


def memory_of(samples: Sequence[tuple[float, float]]) -> Memory:
    """From (seconds, MiB): the slope is Theil's and Sen's, which one outlier cannot bend."""
    held = [mib for _, mib in samples]
    warm = samples[int(len(samples) * _WARM) :]
    halves = list(zip(warm, warm[len(warm) // 2 :], strict=False))
    slopes = [(late[1] - soon[1]) / (late[0] - soon[0]) * 60 for soon, late in halves if late[0] > soon[0]]
    return Memory(held[0], held[-1], max(held), round(statistics.median(slopes), 4) if slopes else 0.0)


@contextmanager
def watching(pids: Mapping[str, int]) -> Iterator[dict[str, list[tuple[float, float]]]]:
    """Look at the processes' memory until the block ends → samples by process."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
    over = threading.Event()

    def look() -> None:
        began = time.monotonic()
        while True:
            for name, pid in pids.items():
                samples[name].append((time.monotonic() - began, share_mib(pid)))
            if over.wait(_LOOK_SECONDS):
                return

    watcher = threading.Thread(target=look, name="memory")
    watcher.start()
    try:
        yield samples
    finally:
        over.set()
        watcher.join()


def soak(folder: Path, *, seconds: float, rate: float, seed: int, console: Console) -> Soak:
    """Round after round until the time is over → what was held meanwhile."""
    port, api_port = free_port(), free_port()
    started = Started([*COMMAND, "up"], folder, environment(folder, port, api_port))
    engine = state(folder)
    acknowledged = differences = 0
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    try:
        started.until_listening(port)
        pids = {role(command): pid for pid, command in children(started.process.pid).items()}
        way = Way(connections=16, rate=rate, api_port=api_port, announce=in_bulk(engine, Settings()))
        with watching(pids) as samples, Progress(*columns, console=console) as progress:
            bar = progress.add_task("soak", total=seconds)
            began = time.monotonic()
            for wanted in rounds(seed):
                if time.monotonic() - began >= seconds:
                    break
                report = run(wanted, Target("127.0.0.1", port, token=TOKEN), way)
                acknowledged += len(report.acknowledged)
                differences += len(report.differences)
                held = ", ".join(f"{name} {found[-1][1]:.0f} MiB" for name, found in samples.items())
                progress.update(
                    bar,
                    completed=min(seconds, time.monotonic() - began),
                    description=f"{acknowledged:,} acknowledged, {held}",
                )
            lasted = time.monotonic() - began
    finally:
        engine.dispose()
        started.stop()
    memory = {name: memory_of(found) for name, found in samples.items()}
    return Soak(machine(folder), lasted, rate, acknowledged, differences, memory)


def show(found: Soak, console: Console) -> None:
    """Print what each process held."""
    table = Table("process", "first MiB", "last MiB", "most MiB", "MiB a minute")
    for name, one in found.memory.items():
        flat = one.mib_a_minute <= MOST_MIB_A_MINUTE
        table.add_row(
            name,
            f"{one.first_mib:.0f}",
            f"{one.last_mib:.0f}",
            f"{one.most_mib:.0f}",
            f"[{'green' if flat else 'bold red'}]{one.mib_a_minute:+.3f}[/]",
        )
    console.print(table)
    console.print(
        f"{found.callbacks:,} callbacks in {found.seconds / 60:.0f} minutes, "
        f"{found.differences:,} balances and statuses not as the model says",
        highlight=False,
    )


def main() -> int:
    """Run, print, write → exit code: 1 where memory grows or a balance is wrong."""
    parser = argparse.ArgumentParser(prog="make soak", description="Watch the memory under steady load.")
    parser.add_argument("--seconds", type=float, default=3_600.0, help="how long it lasts at least (3600)")
    parser.add_argument("--rate", type=float, default=500.0, help="callbacks a second (500)")
    parser.add_argument("--seed", type=int, default=1, help="of the traffic (1)")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 100)
    parent = ROOT / "data" / "soak"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        found = soak(Path(folder), seconds=options.seconds, rate=options.rate, seed=options.seed, console=console)
    show(found, console)
    path = ROOT / "bench" / "results" / "soak.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    console.print(f"wrote {path.relative_to(ROOT)}")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
