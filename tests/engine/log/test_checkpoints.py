"""The server's checkpoints: beside its commits, and a WAL that stays bounded whoever is in the way."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from app.engine.log.checkpoints import Checkpoints
from app.engine.log.sqlite import SqliteLog
from app.engine.log.sqlite_file import LogFile
from app.engine.log.sqlite_schema import CHECKPOINT_PAGES
from tests.engine.log.building import all_ids, some_rows

PAGE_BYTES = 8192
PATIENCE_SECONDS = 10.0


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(str(path), server=True)) as log:
        yield log


def grow(log: SqliteLog, pages: int) -> int:
    """Append until the file of the WAL has grown by about so much → how many rows."""
    rows = some_rows(500)
    count, until = 0, log.wal_bytes + pages * PAGE_BYTES
    while log.wal_bytes < until:
        log.write_batch(rows)
        count += len(rows)
    return count


def test_the_file_receives_what_the_wal_holds_without_the_writers_doing(log: SqliteLog, path: Path) -> None:
    log.write_batch(some_rows(1))
    before = path.stat().st_size
    grow(log, CHECKPOINT_PAGES + 10)

    deadline = time.monotonic() + PATIENCE_SECONDS
    while path.stat().st_size < before + CHECKPOINT_PAGES * PAGE_BYTES // 2 and time.monotonic() < deadline:
        time.sleep(0.01)

    assert path.stat().st_size >= before + CHECKPOINT_PAGES * PAGE_BYTES // 2


@pytest.fixture
def stuck(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteLog]:
    """A log whose thread stands in the middle of its first checkpoint until the test is over."""
    go_on = threading.Event()
    monkeypatch.setattr(SqliteLog, "_checkpoint", lambda _self: int(go_on.wait(PATIENCE_SECONDS)))
    with closing(SqliteLog(str(path), server=True)) as log:
        yield log
        go_on.set()


def test_a_commit_does_not_wait_for_a_checkpoint(stuck: SqliteLog) -> None:
    grow(stuck, CHECKPOINT_PAGES + 10)

    first = stuck.write_batch(some_rows(5))

    assert [callback.id for callback in stuck.read_after(first - 1, 10)] == list(range(first, first + 5))


def test_a_wal_that_outran_the_thread_is_bounded_by_the_commits_themselves(stuck: SqliteLog) -> None:
    written = grow(stuck, 8 * CHECKPOINT_PAGES - 100)
    sizes = []
    for _ in range(200):
        stuck.write_batch(some_rows(500))
        sizes.append(stuck.wal_bytes)

    assert max(sizes) < 9 * CHECKPOINT_PAGES * PAGE_BYTES
    assert len(all_ids(stuck)) == written + 200 * 500


def test_a_wal_begins_anew_although_somebody_writes_all_the_time(log: SqliteLog) -> None:
    sizes = []
    for _ in range(400):
        log.write_batch(some_rows(500))
        sizes.append(log.wal_bytes)

    assert 3 * max(sizes) < 400 * 500 * 150  # bytes of the rows alone


class Writer:
    """Stands for the writer's connection: `commit` tells of one, as SQLite does."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.checkpoints = 0
        self.hook: Callable[[Any, str, int], int]

    def set_wal_hook(self, hook: Callable[[Any, str, int], int]) -> None:
        self.hook = hook

    def commit(self, pages: int) -> int:
        return self.hook(self, "main", pages)

    def wal_checkpoint(self, mode: int) -> None:
        self.checkpoints += 1
        if self.fails:
            raise apsw.IOError(f"mode {mode}: disk I/O error")


@contextmanager
def followed(writer: Any, left: int) -> Iterator[Callable[[], int]]:
    """A thread that follows this writer, with so many pages left each time → how often it was at it, once idle."""
    runs: list[int] = []

    def checkpoint() -> int:
        runs.append(left)
        return left

    with closing(Checkpoints(checkpoint)) as checkpoints:
        checkpoints.follow(writer)

        def count() -> int:
            while checkpoints._under_way:  # noqa: SLF001
                time.sleep(0.001)
            return len(runs)

        yield count


def test_the_little_that_is_left_is_a_commits_own() -> None:
    writer = Writer()
    with followed(writer, left=3) as count:
        writer.commit(CHECKPOINT_PAGES)
        assert (count(), writer.checkpoints) == (1, 0)
        writer.commit(CHECKPOINT_PAGES + 9)
        writer.commit(CHECKPOINT_PAGES + 18)
        assert (count(), writer.checkpoints) == (1, 1)


def test_what_a_long_reader_kept_in_the_wal_is_never_a_commits_own() -> None:
    writer = Writer()
    with followed(writer, left=5 * CHECKPOINT_PAGES) as count:
        for number in range(1, 21):
            writer.commit(number * CHECKPOINT_PAGES)
            assert count() == number
            writer.commit(number * CHECKPOINT_PAGES + 9)
        assert (count(), writer.checkpoints) == (20, 0)


def test_a_wal_that_began_anew_leaves_nothing_to_do() -> None:
    writer = Writer()
    with followed(writer, left=0) as count:
        writer.commit(CHECKPOINT_PAGES)
        assert count() == 1
        writer.commit(9)
        writer.commit(CHECKPOINT_PAGES)
        assert (count(), writer.checkpoints) == (2, 0)


def test_a_checkpoint_that_fails_in_a_commit_costs_nobody_the_answer() -> None:
    writer = Writer(fails=True)
    with followed(writer, left=3) as count:
        writer.commit(CHECKPOINT_PAGES)
        assert count() == 1
        assert writer.commit(CHECKPOINT_PAGES + 9) == apsw.SQLITE_OK
        assert writer.checkpoints == 1


def test_a_server_leaves_a_deleted_wal_when_the_checkpoint_that_is_under_way_is_over(
    log: SqliteLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = log.write_batch(some_rows(50))
    began: list[str] = []
    under_way, save = threading.Event(), LogFile._save  # noqa: SLF001

    def checkpoint(_connection: apsw.Connection) -> None:
        under_way.set()
        time.sleep(0.2)
        began.append("the rest of the checkpoint")

    def saving(file: LogFile) -> None:
        began.append("saving")
        save(file)

    monkeypatch.setattr(LogFile, "_save", saving)
    thread = threading.Thread(target=log._read, args=(checkpoint,))  # noqa: SLF001
    thread.start()
    assert under_way.wait(PATIENCE_SECONDS)
    path.with_name(path.name + "-wal").unlink()
    log.write_batch(some_rows(5))
    thread.join()

    assert began[0] == "the rest of the checkpoint", "SQLite refuses two checkpoints at once"
    assert len(all_ids(log)) == 55
    assert log.get(first) is not None


def test_the_thread_ends_with_the_log(path: Path) -> None:
    log = SqliteLog(str(path), server=True)
    assert "log-checkpoints" in {thread.name for thread in threading.enumerate()}
    log.close()
    assert "log-checkpoints" not in {thread.name for thread in threading.enumerate()}


def test_who_only_visits_has_no_thread(path: Path) -> None:
    with closing(SqliteLog(str(path), server=False)):
        assert "log-checkpoints" not in {thread.name for thread in threading.enumerate()}
