"""What long work shows on standard error: a progress bar in a terminal, and the lines of a file that do not fit."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.cli import printing

_TOLD_MAX = 20


class Move(Protocol):
    """Moves a bar."""

    def __call__(self, done: int, of: int | None = None, /) -> None:
        """So much is done; `of` how much, where that was not known beforehand."""


@contextmanager
def progress_bar(what: str, total: int | None = None) -> Iterator[Move]:
    """`move` moves the bar, which is gone at the end; it counts up to `total`, or without one shows percents."""
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%") if total is None else MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=printing.err(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("", total=total)

    def move(done: int, of: int | None = None, /) -> None:
        bar.update(task, completed=done, total=None if of is None else max(of, 1))

    with bar:
        yield move


class Refusals:
    """Tells the first lines that do not fit, and counts the others."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, number: int, reason: str) -> None:
        """One more."""
        self.count += 1
        if self.count <= _TOLD_MAX:
            printing.err().print(Text(f"line {number}: {printing.safe(reason)}"))

    def end(self) -> None:
        """How many were not told."""
        if self.count > _TOLD_MAX:
            printing.err().print(Text(f"… and {self.count - _TOLD_MAX} more lines that do not fit"))
