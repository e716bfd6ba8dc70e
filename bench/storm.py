"""`make storm`: all scenarios at full speed while server and worker are killed at random, and then the books.

python -m bench.storm --seconds 60 --seed 1
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.announcing import in_bulk
from app.core.config import Settings
from app.simulation.driver import Way, run
from app.simulation.report import Report
from app.simulation.wire import Target
from bench.books import Books, books_of, show
from bench.processes import ROOT, Started, free_port
from bench.traffic import TOKEN, environment, rounds, state

_PAUSE_SECONDS = (0.2, 3.0)  # until the next kill
_STARTING = 0.2  # how often a server is killed while it starts; else it listens again first
#: What a killed worker had begun to ask is asked again when its lease has ended.
_STILL_SECONDS = 180.0
_AGAIN_SECONDS = 120.0


class System:
    """Server and worker, each killed and started anew while the storm lasts."""

    def __init__(self, folder: Path, api_port: int) -> None:
        self.folder = folder
        self.port = free_port()
        self.killed: Counter[str] = Counter()
        self._environment = environment(folder, self.port, api_port)
        self.command("migrate")
        self._processes = {name: self._start(name) for name in ("serve", "worker")}
        self.until_listening()

    def until_listening(self) -> None:
        """Wait until the server takes connections."""
        self._processes["serve"].until_listening(self.port)

    def command(self, *arguments: str) -> int:
        """Run a command to its end → its exit code."""
        return Started([sys.executable, "-m", "app", *arguments], self.folder, self._environment).process.wait()

    def kill(self, name: str) -> None:
        """SIGKILL, and a new one at once."""
        process = self._processes[name].process
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended by itself with {process.returncode}: {self.said(name)}")
        process.kill()
        process.wait()
        self.killed[name] += 1
        self._processes[name] = self._start(name)

    def stop(self) -> None:
        """Ask both to end."""
        for process in self._processes.values():
            process.stop()

    def said(self, name: str) -> str:
        """Its last words."""
        return self._processes[name].output.read_text()[-2_000:]

    def _start(self, name: str) -> Started:
        return Started([sys.executable, "-m", "app", name], self.folder, self._environment)


@contextmanager
def killing(system: System, dice: random.Random) -> Iterator[threading.Event]:
    """Kill at random moments until the block ends; the event is set when killing itself failed."""
    over, failed = threading.Event(), threading.Event()

    def kill() -> None:
        try:
            while not over.wait(dice.uniform(*_PAUSE_SECONDS)):
                for name in dice.choice((["serve"], ["worker"], ["serve", "worker"])):
                    system.kill(name)
                if dice.random() > _STARTING:
                    system.until_listening()
        except RuntimeError as error:
            failed.set()
            sys.stderr.write(f"{error}\n")

    killer = threading.Thread(target=kill, name="killer")
    killer.start()
    try:
        yield failed
    finally:
        over.set()
        killer.join()


def storm(folder: Path, *, seconds: float, seed: int, console: Console) -> Books:
    """Round after round until the time is over → the books afterwards."""
    api_port = free_port()
    system = System(folder, api_port)
    engine = state(folder)
    way = Way(
        api_port=api_port,
        again_seconds=_AGAIN_SECONDS,
        still_seconds=_STILL_SECONDS,
        announce=in_bulk(engine, Settings()),
    )
    target = Target("127.0.0.1", system.port, token=TOKEN)
    reports: list[Report] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    try:
        with killing(system, random.Random(seed)) as failed, Progress(*columns, console=console) as progress:  # noqa: S311 - to be repeated
            bar = progress.add_task("storm", total=seconds)
            began = time.monotonic()
            for wanted in rounds(seed):
                if time.monotonic() - began >= seconds or failed.is_set():
                    break
                reports.append(run(wanted, target, way))
                acknowledged = sum(len(report.acknowledged) for report in reports)
                words = f"{acknowledged:,} acknowledged, {system.killed.total()} kills"
                progress.update(bar, completed=min(seconds, time.monotonic() - began), description=words)
        system.stop()
        audited = system.command("audit")
    finally:
        system.stop()
        engine.dispose()
    return books_of(folder, reports, killed=system.killed, audited=audited == 0 and not failed.is_set())


def main() -> int:
    """Run and print → exit code: 1 where something was lost or counted twice."""
    parser = argparse.ArgumentParser(prog="make storm", description="Kill at random under load, and check the books.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it lasts at least (60)")
    parser.add_argument("--seed", type=int, default=1, help="of traffic and kills (1)")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 100)
    parent = ROOT / "data" / "storm"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        found = storm(Path(folder), seconds=options.seconds, seed=options.seed, console=console)
    show(found, console)
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
