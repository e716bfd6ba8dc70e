"""What long work shows on standard error: a progress bar in a terminal, and the lines of a file that do not fit."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.cli import printing

_TOLD_MAX = 20


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """`move(done, of)` moves the bar, which is gone at the end."""
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=printing.err(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("", total=None)
    with bar:
        yield lambda done, of: bar.update(task, completed=done, total=max(of, 1))


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
