"""`make storm` in short: traffic of all scenarios, kills at random, and books that would show what was lost."""

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from bench import storm, traffic
from bench.books import Books, show


def shown(books: Books) -> str:
    console = Console(file=io.StringIO(), width=160)
    show(books, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.timeout(400)
def test_whoever_is_killed_nothing_is_lost_and_nothing_counts_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "ORDERS", {False: 200, True: 60})
    books = storm.storm(tmp_path, seconds=6, seed=5, console=Console(file=io.StringIO()))
    assert books.good, shown(books)
    assert sum(books.killed.values()) >= 2
    assert books.orders >= 60
    assert books.sent >= books.acknowledged >= 150
    assert {"applied", "duplicate", "rejected"} <= books.outcomes.keys()
    # the books would tell
    for wrong in ({"in_log": books.in_log - 1}, {"decided": 0}, {"differences": ["wallet:ani: 1, not 2"]}):
        worse = msgspec.structs.replace(books, **wrong)
        assert not worse.good
        assert shown(worse) != shown(books)
