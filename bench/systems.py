"""The face that every measured system has: announce orders, start, tell how far the effects are, be checked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bench.load import Result
from bench.orders import Ids
from bench.processes import Started


class Running:
    """A system that takes callbacks on a port; `pids` are the processes whose CPU and memory are measured."""

    def __init__(self, started: Started, port: int, pids: dict[str, int]) -> None:
        self.started = started
        self.port = port
        self.pids = pids

    def stop(self) -> None:
        """End it."""
        self.started.stop()


class Progress(Protocol):
    """How far the effects are, where they come after the answer."""

    def read(self) -> int:
        """The id of the last callback whose effects are committed."""

    def last(self) -> int:
        """The id of the last callback that was answered 200."""

    def close(self) -> None:
        """Let go of the files."""


class System(Protocol):
    """One row of the table."""

    name: str
    does: str
    path: str
    effects: bool
    max_rate: int  # requests are built beforehand: a few more a second than it can take

    def announce(self, folder: Path, announced: int, ids: Ids) -> None:
        """Make the databases in `folder`, with this many orders that wait for their payment."""

    def start(self, folder: Path) -> Running:
        """Start on the databases in `folder`."""

    def progress(self, folder: Path) -> Progress | None:
        """How far the effects are; None where they are committed before the answer, or there are none."""

    def backlog(self, folder: Path, offset: int) -> int:
        """How many callbacks the log holds after `offset`."""

    def check(self, folder: Path, result: Result) -> Iterator[str]:
        """After the load: what is not as it must be, in sentences; nothing when each 200 counted exactly once."""


def differences(found: dict[str, int], wanted: dict[str, int]) -> Iterator[str]:
    """`journals: 99, not 100` for each figure that is not as wanted."""
    for name, value in wanted.items():
        if found[name] != value:
            yield f"{name}: {found[name]}, not {value}"
