"""The SQLite log's own promises: ids that never run backwards, one server, a start that says what is wrong."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from app.core.errors import LogBusy, LogUnavailable, StartRefused
from app.engine.log.sqlite import SqliteLog
from tests.engine.log.building import ROOT, Child, a_row, some_rows

NOON = 1_764_000_000_000_000


def opened(path: Path, *, at: int = NOON, floor: int = 0, server: bool = True) -> SqliteLog:
    return SqliteLog(str(path), server=server, floor=floor, clock=lambda: at)


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    with closing(opened(path)) as log:
        yield log


# ids


def test_the_first_id_is_the_clocks_microsecond(log: SqliteLog) -> None:
    assert log.write_batch(some_rows(2)) == NOON
    assert log.write_batch([a_row()]) == NOON + 2


def test_a_clock_that_went_back_gives_no_lower_id(path: Path) -> None:
    with closing(opened(path)) as log:
        log.write_batch(some_rows(3))

    with closing(opened(path, at=NOON - 86_400_000_000)) as log:
        assert log.write_batch([a_row()]) == NOON + 3


def test_a_log_restored_from_an_older_copy_gives_ids_above_the_offset_that_the_state_remembers(path: Path) -> None:
    copy = path.with_name("copy.db")
    with closing(opened(path)) as log:
        log.write_batch([a_row()])
    shutil.copy(path, copy)
    with closing(opened(path)) as log:
        offset = log.write_batch(some_rows(1000)) + 999
    copy.replace(path)

    with closing(opened(path, at=NOON - 1, floor=offset)) as log:
        assert log.last_id() == NOON
        assert log.write_batch([a_row()]) == offset + 1


def test_a_log_started_anew_beside_a_newer_state_gives_ids_above_its_offset(path: Path) -> None:
    with closing(opened(path, floor=NOON + 5000)) as log:
        assert log.write_batch([a_row()]) == NOON + 5001


def test_two_processes_that_append_at_once_share_no_id(path: Path, start: Callable[..., Child]) -> None:
    children = [start(server=True), start()]
    for child in children:
        child.say("race 150")

    given = [[int(word) for word in child.hear().split()] for child in children]

    assert [ids == sorted(ids) for ids in given] == [True, True]
    with closing(opened(path, server=False)) as log:
        assert [callback.id for callback in log.read_after(0, 1000)] == sorted(given[0] + given[1])
    assert len({*given[0], *given[1]}) == 300


def test_processes_that_make_the_log_at_the_same_moment_make_one(path: Path) -> None:
    children = [Child(path) for _ in range(3)]
    try:
        assert [child.hear() for child in children] == ["ready"] * 3
        assert len({child.ask("epoch") for child in children}) == 1
    finally:
        for child in children:
            child.end()


# the file


def test_the_file_is_set_for_speed_and_has_no_secondary_index(log: SqliteLog, path: Path) -> None:
    log.write_batch([a_row()])

    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        assert connection.pragma("page_size") == 8192
        assert connection.pragma("journal_mode") == "wal"
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'index'").get == 0


def test_the_wal_stays_small_while_others_read(log: SqliteLog, path: Path) -> None:
    with closing(opened(path, server=False)) as worker:
        for _ in range(60):
            first = log.write_batch(some_rows(400))
            assert len(worker.read_after(first - 1, 1000)) == 400

    assert 0 < log.wal_bytes < 3 * 500 * 8192


def test_reading_and_writing_in_different_threads_disturb_nobody(log: SqliteLog) -> None:
    ends: list[int] = []

    def read() -> None:
        offset = 0
        while offset < NOON + 999:
            for callback in log.read_after(offset, 50):
                offset = callback.id
        ends.append(offset)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(100):
        log.write_batch(some_rows(10))
    for reader in readers:
        reader.join(timeout=60)

    assert ends == [NOON + 999] * 2


# one server


def test_a_second_server_ends_with_a_line_that_names_the_file(log: SqliteLog, path: Path) -> None:
    with pytest.raises(LogBusy, match=rf"another server \(process {os.getpid()}\) holds .*log\.db\.lock"):
        opened(path)

    assert log.write_batch([a_row()])


@pytest.mark.usefixtures("log")
def test_a_second_server_by_another_path_is_noticed(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)

    with pytest.raises(LogBusy):
        opened(link)


def test_others_may_append_beside_the_server(log: SqliteLog, path: Path) -> None:
    with closing(opened(path, server=False)) as other:
        assert other.write_batch([a_row()]) == NOON

    assert log.write_batch([a_row()]) == NOON + 1


def test_a_server_that_ended_leaves_the_log_free(path: Path, start: Callable[..., Child]) -> None:
    opened(path).close()
    killed = start(server=True)
    with pytest.raises(LogBusy):
        opened(path)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()

    opened(path).close()


def test_a_start_that_fails_leaves_the_lock_free(path: Path) -> None:
    path.write_text("no database, and long enough that SQLite looks at its header twice " * 20)
    with pytest.raises(StartRefused):
        opened(path)
    path.unlink()

    opened(path).close()


# a start that says what is wrong


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "a" / "b" / "log.db")) as log:
        assert log.write_batch([a_row()])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StartRefused, match=r"the callback log's folder cannot be made: .*file"):
        opened(tmp_path / "file" / "data" / "log.db")


def test_a_folder_in_the_files_place_is_named(path: Path) -> None:
    path.mkdir()

    with pytest.raises(StartRefused, match=r"log\.db cannot be opened: it is a folder"):
        opened(path)


def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path) -> None:
    text = "an invoice " * 500
    path.write_text(text)

    with pytest.raises(StartRefused, match=r"log\.db is no callback log"):
        opened(path)

    assert path.read_text() == text


def test_another_database_is_named(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE callback_orders (no INTEGER PRIMARY KEY)")

    with pytest.raises(StartRefused, match="another database"):
        opened(path)


def test_a_log_of_a_newer_release_is_refused(path: Path) -> None:
    opened(path).close()
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("UPDATE meta SET schema = 99")

    with pytest.raises(StartRefused, match="newer release"):
        opened(path)


def test_an_sqlite_that_may_corrupt_the_log_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")

    with pytest.raises(StartRefused, match=r"needs SQLite 3\.51\.3 or newer, apsw brings 3\.51\.2"):
        opened(path)

    assert not path.exists()


AS_NOBODY = """
import os, sys
from app.core.errors import StartRefused
from app.engine.log.sqlite import SqliteLog
os.chdir(sys.argv[1])
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    SqliteLog(sys.argv[2], server=sys.argv[3] == "server")
except StartRefused as error:
    print(error)
"""


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Like tmp_path, but another user may go there too (root may write whatever the rights say)."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("role", ["server", "worker"])
@pytest.mark.parametrize("where", ["made/log.db", "locked/log.db"])
def test_missing_rights_are_named(open_to_all: Path, where: str, role: str) -> None:
    opened(open_to_all / "made" / "log.db").close()
    (open_to_all / "made" / "log.db").chmod(0o444)
    (open_to_all / "made" / "log.db.lock").chmod(0o666)
    (open_to_all / "locked").mkdir(mode=0o555)

    said = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", AS_NOBODY, open_to_all, where, role],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said.count("\n") == 1
    assert where in said


def test_a_lock_that_somebody_holds_too_long_refuses_and_later_gives_way(log: SqliteLog, path: Path) -> None:
    with closing(apsw.Connection(str(path))) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match="locked"):
            log.write_batch([a_row()])
        somebody.execute("ROLLBACK")

        assert log.write_batch([a_row()]) == NOON
