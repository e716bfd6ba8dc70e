"""A state database that is moved, replaced or deleted in use: nobody is told of what no path leads to."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from app.core.database import ensure_schema, make_engine, reading, writing
from app.core.errors import DatabaseError

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


def test_a_file_that_was_put_back_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(f"sqlite:///{PATH}")
    ensure_schema(engine)
    move()
    AWAY.rename(PATH)
    monkeypatch.chdir(tmp_path.parent)  # and where the process stands now does not matter
    with writing(engine) as connection:
        write(connection)
    engine.dispose()
