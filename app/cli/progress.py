"""A progress bar for long work: on standard error, in a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli import printing


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
