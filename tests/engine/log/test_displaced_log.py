"""A log that is moved, replaced or deleted under those who have it open: nobody is told of what no path leads to."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from app.core.errors import LogUnavailable
from app.engine.log.sqlite import SqliteLog
from tests.engine.log.building import Child, a_row, some_rows


@pytest.fixture
def server(path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(str(path), server=True)) as log:
        yield log


@pytest.fixture
def worker(path: Path) -> Iterator[SqliteLog]:
    """Has read the log."""
    with closing(SqliteLog(str(path), server=False)) as log:
        log.last_id()
        yield log


def files(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}*"))


def delete_all(path: Path) -> None:
    for file in files(path):
        file.unlink()


def delete_database(path: Path) -> None:
    path.unlink()


def delete_wal(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def delete_locks(path: Path) -> None:
    path.with_name(path.name + "-shm").unlink()


def delete_wal_and_locks(path: Path) -> None:
    delete_wal(path)
    delete_locks(path)


def move_all(path: Path) -> None:
    away = path.with_name("away")
    away.mkdir()
    for file in files(path):
        file.rename(away / file.name)


def move_database(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def replace_by_an_older_copy(path: Path) -> None:
    path.with_name("older.db").replace(path)


def replace_by_another_log(path: Path) -> None:
    other = path.with_name("other.db")
    with closing(SqliteLog(str(other), server=False)) as log:
        log.write_batch(some_rows(7))
    other.replace(path)


ANOTHER_EPOCH = [delete_all, delete_database, move_all, move_database, replace_by_another_log]
SAME_EPOCH = [delete_wal, delete_locks, delete_wal_and_locks, replace_by_an_older_copy]
SAVED = [delete_wal, delete_locks, delete_wal_and_locks]


def sound(path: Path) -> bool:
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        return bool(connection.pragma("integrity_check") == "ok")


@pytest.fixture
def older_copy(path: Path) -> None:
    """`older.db`: the log as it was before the test, with one callback."""
    with closing(SqliteLog(str(path), server=True)) as log:
        log.write_batch([a_row("TU-old")])
    shutil.copy(path, path.with_name("older.db"))


@pytest.mark.usefixtures("older_copy")
@pytest.mark.parametrize("displace", ANOTHER_EPOCH + SAME_EPOCH)
@pytest.mark.parametrize("first", ["server", "worker"])
def test_what_is_acknowledged_afterwards_is_where_the_path_leads(
    server: SqliteLog, worker: SqliteLog, path: Path, displace: Callable[[Path], None], first: str
) -> None:
    before = server.write_batch(some_rows(30))
    worker.read_after(0, 100)
    displace(path)
    if first == "worker":
        worker.last_id()

    callback_id = server.write_batch([a_row("TU-after")])

    assert callback_id > before + 29
    with closing(SqliteLog(str(path), server=False)) as fresh:
        found = fresh.get(callback_id)
        assert found is not None
        assert found.ordering_key == "TU-after"
        assert fresh.epoch == server.epoch
        assert worker.get(callback_id) == found
        assert worker.epoch == server.epoch
        assert [c.ordering_key for c in fresh.read_after(0, 100)].count("TU-after") == 1
        if displace in SAVED:
            assert len(fresh.read_after(before - 1, 100)) == 31
    assert sound(path)
    assert server.write_batch([a_row()]) == callback_id + 1


@pytest.mark.usefixtures("older_copy")
@pytest.mark.parametrize("displace", ANOTHER_EPOCH)
def test_another_log_in_its_place_has_another_epoch_and_the_offset_means_nothing_there(
    server: SqliteLog, worker: SqliteLog, path: Path, displace: Callable[[Path], None]
) -> None:
    epoch = worker.epoch
    offset = server.write_batch(some_rows(3))
    assert len(worker.read_after(offset - 1, 10)) == 3
    displace(path)
    server.write_batch(some_rows(2))

    assert worker.read_after(offset, 10) == []
    assert worker.epoch != epoch
    assert [c.ordering_key for c in worker.read_after(0, 10)][-2:] == ["TU-0", "TU-1"]


@pytest.mark.usefixtures("older_copy")
@pytest.mark.parametrize("displace", SAME_EPOCH)
def test_the_same_log_keeps_its_epoch(
    server: SqliteLog, worker: SqliteLog, path: Path, displace: Callable[[Path], None]
) -> None:
    epoch = worker.epoch
    offset = server.write_batch(some_rows(3)) + 2
    assert len(worker.read_after(offset - 1, 10)) == 1
    displace(path)
    server.write_batch(some_rows(2))

    assert [c.ordering_key for c in worker.read_after(offset, 10)] == ["TU-0", "TU-1"]
    assert worker.epoch == server.epoch == epoch


@pytest.mark.parametrize("displace", [delete_wal, delete_wal_and_locks])
def test_a_deleted_wal_costs_nothing_that_was_acknowledged(
    path: Path, start: Callable[..., Child], displace: Callable[[Path], None]
) -> None:
    child = start(server=True)
    given = [int(child.ask("append 20")) for _ in range(5)]
    with closing(SqliteLog(str(path), server=False)) as worker:
        assert len(worker.read_after(0, 1000)) == 100
        displace(path)
        given.append(int(child.ask("append 20")))
        given.append(int(child.ask("append 20")))

        assert [c.id for c in worker.read_after(0, 1000)] == [first + n for first in given for n in range(20)]
    child.end()
    assert sound(path)


@pytest.mark.parametrize("displace", [delete_wal, delete_wal_and_locks])
def test_who_opens_before_the_server_left_a_deleted_wal_costs_nothing_that_was_acknowledged(
    server: SqliteLog, path: Path, displace: Callable[[Path], None]
) -> None:
    first = server.write_batch(some_rows(50))
    displace(path)
    with pytest.raises(LogUnavailable):
        server.read_after(0, 1000)  # opens a second connection, which makes an empty WAL

    then = server.write_batch(some_rows(5))

    kept = [callback.id for callback in server.read_after(0, 1000)]
    assert kept == [*range(first, first + 50), *range(then, then + 5)]
    assert sound(path)


@pytest.mark.parametrize("displace", [move_all, delete_all, delete_wal, delete_locks])
def test_processes_that_append_at_once_agree_about_the_next_file(
    path: Path, start: Callable[..., Child], displace: Callable[[Path], None]
) -> None:
    children = [start(server=True), start(), start()]
    for child in children:
        child.ask("append 3")
    displace(path)
    for child in children:
        child.say("race 40")

    given = sorted(int(word) for child in children for word in child.hear().split())

    with closing(SqliteLog(str(path), server=False)) as log:
        assert [c.id for c in log.read_after(given[0] - 1, 1000)] == given
    assert sound(path)


def test_a_folder_that_is_gone_refuses_until_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with closing(SqliteLog(str(folder / "log.db"), server=True)) as server:
        before = server.write_batch([a_row()])
        folder.rename(tmp_path / "away")
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="its folder is gone"):
                server.write_batch([a_row()])
        with pytest.raises(LogUnavailable, match="its folder is gone"):
            server.last_id()
        assert not folder.exists()
        (tmp_path / "away").rename(folder)

        after = server.write_batch([a_row()])

        assert [c.id for c in server.read_after(0, 10) if c.id in (before, after)] == [before, after]


def test_a_link_that_leads_elsewhere_now_is_followed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link = tmp_path / "log"
    link.symlink_to(tmp_path / "one")
    with closing(SqliteLog(str(link / "log.db"), server=True)) as server:
        server.write_batch([a_row()])
        link.unlink()
        link.symlink_to(tmp_path / "two")
        callback_id = server.write_batch([a_row()])

        with closing(SqliteLog(str(tmp_path / "two" / "log.db"), server=False)) as two:
            assert [c.id for c in two.read_after(0, 10)] == [callback_id]


def test_what_was_acknowledged_goes_with_a_database_that_is_moved_without_its_wal(
    server: SqliteLog, path: Path
) -> None:
    server.write_batch(some_rows(30))
    move_database(path)
    server.write_batch([a_row()])

    with closing(SqliteLog(str(path.with_name("moved.db")), server=False)) as moved:
        assert len(moved.read_after(0, 100)) >= 30


def test_the_moved_file_and_its_server_do_not_part_for_a_newer_releases_log(server: SqliteLog, path: Path) -> None:
    newer = path.with_name("newer.db")
    SqliteLog(str(newer), server=False).close()
    with closing(apsw.Connection(str(newer))) as connection:
        connection.execute("UPDATE meta SET schema = 99")
    newer.replace(path)

    with pytest.raises(LogUnavailable, match="newer release"):
        server.write_batch([a_row()])
