"""A state database that is moved, replaced or deleted in use: nobody is told of what no path leads to."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from app.core.database import ensure_schema, make_engine, reading, sqlite_module, writing
from app.core.errors import DatabaseError, StateDisplaced

PATH = Path("state.db")
AWAY = Path("away.db")


def delete() -> None:
    PATH.unlink()


def move() -> None:
    PATH.rename(AWAY)


def replace() -> None:
    shutil.copy(PATH, AWAY)
    AWAY.replace(PATH)


def write(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO callback_counters (provider, name, value) VALUES ('a', 'b', 1)")


@pytest.mark.parametrize("displace", [delete, move, replace])
def test_nothing_is_committed_into_a_file_that_the_path_does_not_lead_to(displace: Callable[[], None]) -> None:
    engine = make_engine(f"sqlite:///{PATH}")
    ensure_schema(engine)
    displace()
    for _ in range(2):
        with pytest.raises(DatabaseError, match="moved, replaced or deleted"), writing(engine) as connection:
            write(connection)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM callback_counters").scalar() == 0
    engine.dispose()


@pytest.mark.parametrize("displace", [move, replace])
def test_what_was_committed_goes_with_its_file_and_leaves_nothing_beside_another(displace: Callable[[], None]) -> None:
    engine = make_engine(f"sqlite:///{PATH}")
    ensure_schema(engine)
    with writing(engine) as connection:
        write(connection)
    with sqlite_module().connect(PATH) as backup:  # what the other file may be: a copy of before
        backup.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = PATH.read_bytes()
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE callback_counters SET value = 2")
    PATH.rename(AWAY)
    if displace is replace:
        PATH.write_bytes(copy)
    with pytest.raises(StateDisplaced), writing(engine) as connection:
        connection.exec_driver_sql("UPDATE callback_counters SET value = 3")
    wal = PATH.with_name("state.db-wal")
    assert not wal.exists() or wal.stat().st_size == 0
    if displace is replace:
        assert value_in(PATH) == 1
    assert value_in(AWAY) == 2
    engine.dispose()


def value_in(path: Path) -> int:
    other = sqlite_module().connect(path)
    found: int = other.execute("SELECT value FROM callback_counters").fetchone()[0]
    other.close()
    return found


def test_no_state_is_made_beside_the_commits_of_one_that_was_moved_away() -> None:
    engine = make_engine(f"sqlite:///{PATH}")
    ensure_schema(engine)
    with writing(engine) as connection:
        write(connection)
    PATH.rename(AWAY)  # and its process was killed: nobody saw to the WAL
    with pytest.raises(StateDisplaced, match="still holds commits"):
        ensure_schema(make_engine(f"sqlite:///{PATH}"))
    AWAY.rename(PATH)
    assert value_in(PATH) == 1
    engine.dispose()


def test_a_file_that_was_put_back_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(f"sqlite:///{PATH}")
    ensure_schema(engine)
    move()
    AWAY.rename(PATH)
    monkeypatch.chdir(tmp_path.parent)  # and where the process stands now does not matter
    with writing(engine) as connection:
        write(connection)
    engine.dispose()
