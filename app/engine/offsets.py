"""How far each log has been worked on: an offset belongs to an epoch, and another log starts at its own beginning."""

import msgspec
from sqlalchemy import Connection, Engine

from app.core.database import reading, writing
from app.engine.outcomes import Alert, driver, raise_alerts


class Offset(msgspec.Struct, frozen=True):
    """The place of the worker in one log."""

    epoch_no: int
    offset: int  # the last callback whose effects are committed
    deaths: int  # starts of a worker since it last moved, or since it notes `trying`
    trying: int | None  # the callback that was being worked on alone


def highest_offset(engine: Engine) -> int:
    """The highest offset of any epoch: ids that a server gives must lie above it."""
    with reading(engine) as connection:
        return int(driver(connection).execute('SELECT coalesce(max("offset"), 0) FROM callback_offsets').fetchone()[0])


class Place(msgspec.Struct, frozen=True):
    """How far a log has been worked on, as it is seen from outside."""

    offset: int
    moved_at: int  # microseconds, UTC; 0: nobody has worked on it


def place_of(connection: Connection, epoch: str) -> Place:
    """The place that is committed for this epoch."""
    query = 'SELECT "offset", moved_at FROM callback_offsets WHERE epoch = ?'
    row = driver(connection).execute(query, (epoch,)).fetchone()
    return Place(row[0], row[1]) if row is not None else Place(0, 0)


def epoch_no_of(connection: Connection, epoch: str, *, at: int) -> int:
    """The number of an epoch, given when it is first met."""
    raw = driver(connection)
    find = ("SELECT id FROM callback_offsets WHERE epoch = ?", (epoch,))
    row = raw.execute(*find).fetchone()
    if row is None:
        others = raw.execute("SELECT count(*) FROM callback_offsets").fetchone()[0]
        raw.execute('INSERT INTO callback_offsets (epoch, "offset", moved_at) VALUES (?, 0, ?)', (epoch, at))
        row = raw.execute(*find).fetchone()
        if others:
            raise_alerts(connection, [Alert("log_replaced", "log", {"epoch": epoch})], at=at)
    return int(row[0])


def begin(engine: Engine, epoch: str, *, at: int) -> Offset:
    """Note that a worker starts on this log → where it stands."""
    with writing(engine) as connection:
        number = epoch_no_of(connection, epoch, at=at)
        raw = driver(connection)
        raw.execute("UPDATE callback_offsets SET deaths = deaths + 1 WHERE id = ?", (number,))
        offset, deaths, trying = raw.execute(
            'SELECT "offset", deaths, trying FROM callback_offsets WHERE id = ?', (number,)
        ).fetchone()
    return Offset(number, offset, deaths, trying)


def went_back(engine: Engine, offset: int, last_id: int, *, at: int) -> None:
    """Tell a person that the log lacks what was worked on: `last_id` is the last one below the offset that it holds."""
    detail = {"last_id": str(last_id), "offset": str(offset)}
    with writing(engine) as connection:
        raise_alerts(connection, [Alert("log_went_back", "log", detail)], at=at)


def end(engine: Engine, epoch_no: int) -> None:
    """Note that a worker stopped by itself."""
    with writing(engine) as connection:
        driver(connection).execute("UPDATE callback_offsets SET deaths = 0, trying = NULL WHERE id = ?", (epoch_no,))


def stands_at(connection: Connection, epoch_no: int) -> int:
    """The offset as it is under the lock."""
    query = 'SELECT "offset" FROM callback_offsets WHERE id = ?'
    return int(driver(connection).execute(query, (epoch_no,)).fetchone()[0])


def move(connection: Connection, epoch_no: int, offset: int, *, careful: bool, at: int) -> None:
    """Move on; while going carefully the note stays, so that a worker that dies now goes on carefully."""
    # 1: this worker runs; when it dies without a word, the next one finds 2
    clear = "" if careful else ", trying = NULL, deaths = 1"
    driver(connection).execute(
        f'UPDATE callback_offsets SET "offset" = ?, moved_at = ?{clear} WHERE id = ?', (offset, at, epoch_no)
    )


def note_trying(engine: Engine, epoch_no: int, callback_id: int) -> None:
    """Note which callback is worked on alone, before it is touched: who dies now died of it.

    The count of deaths begins anew with each: a machine that is killed again and again condemns nobody.
    """
    with writing(engine) as connection:
        driver(connection).execute(
            "UPDATE callback_offsets SET deaths = CASE WHEN trying = ?1 THEN deaths ELSE 1 END, trying = ?1"
            " WHERE id = ?2",
            (callback_id, epoch_no),
        )


def probe(engine: Engine, epoch_no: int, *, at: int) -> None:
    """Write a little, to see whether writing works at all."""
    with writing(engine) as connection:
        driver(connection).execute("UPDATE callback_offsets SET moved_at = ? WHERE id = ?", (at, epoch_no))
