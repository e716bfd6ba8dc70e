"""The worker: everything once, and a poison callback stops nobody, whether it raises, kills, or locks."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from app.core.database import checkpoint, make_engine, reading, sqlite_module, writing
from app.core.errors import DatabaseError, LogUnavailable
from app.engine import offsets, worker
from app.engine.callback import Callback, Outcome, OutcomeWord, Row
from app.engine.deciding import decide
from app.engine.log import Log, open_log
from app.engine.worker import Worker
from app.migrations.run import bring_up_to_date

AT = 1_800_000_000_000_000


class Counting:
    """A handler that keeps a row a callback in the same transaction, and fails on those that hold `bad`."""

    def __init__(self, fail: Callable[[], Exception] | None = None) -> None:
        self.fail = fail
        self.calls = 0

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        del at
        self.calls += 1
        for callback in callbacks:
            connection.exec_driver_sql("INSERT INTO counted (id) VALUES (?)", (callback.id,))
            if callback.body == b"bad" and self.fail is not None:
                raise self.fail()
        return [Outcome(callback.id, OutcomeWord.APPLIED) for callback in callbacks]


def rows(*bodies: bytes) -> list[Row]:
    return [(0, "shop", "event", "", "", AT, "", body, "signature", "127.0.0.1") for body in bodies]


def handlers(handler: Counting) -> Any:
    """The worker asks nothing else of a handler than `apply`."""
    return {"shop": handler}


class Place:
    """A log and a state of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine: Engine = make_engine(f"sqlite:///{folder / 'state.db'}", "worker")
        bring_up_to_date(self.engine)
        with writing(self.engine) as connection:
            connection.exec_driver_sql("CREATE TABLE counted (id INTEGER NOT NULL)")
        self.log: Log = open_log(f"sqlite:///{folder / 'log.db'}", server=True)

    def worker(self, handler: Counting) -> Worker:
        begun = Worker(self.log, self.engine, handlers(handler))
        begun.begin()
        return begun

    def all(self, query: str) -> list[Any]:
        with reading(self.engine) as connection:
            return [row[0] if len(row) == 1 else tuple(row) for row in connection.exec_driver_sql(query)]

    def outcomes(self) -> list[str]:
        return self.all("SELECT outcome FROM callback_outcomes ORDER BY callback_id")

    def counted(self) -> list[int]:
        return self.all("SELECT id FROM counted ORDER BY id")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.log.close()
    made.engine.dispose()


def test_one_that_raises_among_500_is_set_aside_and_the_others_count_once(place: Place) -> None:
    first = place.log.write_batch(rows(*[b"good"] * 250, b"bad", *[b"good"] * 249))
    begun = place.worker(Counting(lambda: ValueError("I do not like it")))
    assert begun.step() == 500
    assert place.counted() == [first + i for i in range(500) if i != 250]
    assert place.outcomes() == ["applied"] * 250 + ["set_aside"] + ["applied"] * 249
    assert place.all("SELECT kind, ref, reason FROM callback_dead") == [("callback", first + 250, "handler_failed")]
    assert "I do not like it" in place.all("SELECT detail FROM callback_dead")[0]
    assert begun.step() == 0


def test_a_callback_whose_handler_is_not_registered_is_set_aside_with_its_name(place: Place) -> None:
    place.log.write_batch(rows(b"good"))
    begun = Worker(place.log, place.engine, {})
    begun.begin()
    begun.step()
    assert place.all("SELECT outcome, reason FROM callback_outcomes") == [("set_aside", "no_handler")]


def test_what_a_direct_call_decided_is_not_decided_again(place: Place) -> None:
    first = place.log.write_batch(rows(b"good", b"good"))
    handler = Counting()
    begun = place.worker(handler)
    with writing(place.engine) as connection:
        decide(connection, handlers(handler), place.log.read_after(first - 1, 1), epoch_no=1, at=AT)
    begun.step()
    assert place.counted() == [first, first + 1]
    assert place.outcomes() == ["applied", "applied"]


KILLER = """
    import os, sys
    sys.path[:0] = [{root!r}]
    from app.core.database import make_engine
    from app.engine.log import open_log
    from app.engine.worker import Worker
    from tests.engine.test_worker import Counting

    def die():
        with open("tries", "a") as tries:
            tries.write("x")
        os._exit(3)

    log = open_log("sqlite:///log.db", server=False)
    engine = make_engine("sqlite:///state.db", "worker")
    worker = Worker(log, engine, {{"shop": Counting(die)}})
    worker.begin()
    while worker.step():
        pass
    worker.end()
"""


def test_one_that_kills_the_process_is_set_aside_after_three_tries_and_the_others_count_once(place: Place) -> None:
    first = place.log.write_batch(rows(*[b"good"] * 5, b"bad", *[b"good"] * 4))
    script = textwrap.dedent(KILLER).format(root=str(Path(__file__).parents[2]))
    codes: list[int] = []
    while 0 not in codes and len(codes) < 9:
        ended = subprocess.run(  # noqa: S603
            [sys.executable, "-c", script], cwd=place.folder, env={**os.environ}, check=False, capture_output=True
        )
        codes.append(ended.returncode)
    deaths = len(codes) - 1
    assert codes == [3] * deaths + [0]
    assert (place.folder / "tries").read_text() == "x" * deaths
    assert deaths == 4  # the first falls on the batch, before it is known which one it was
    assert place.counted() == [first + i for i in range(10) if i != 5]
    assert place.outcomes() == ["applied"] * 5 + ["set_aside"] + ["applied"] * 4


def test_a_machine_that_is_killed_again_and_again_condemns_nobody(place: Place) -> None:
    place.log.write_batch(rows(*[b"good"] * 12))
    handler = Counting()
    for killed in range(10):
        begun = place.worker(handler)  # begins, and never says that it ends
        [callback, *_] = place.log.read_after(begun.place.offset, 1)
        if killed % 2:
            offsets.note_trying(place.engine, begun.place.epoch_no, callback.id)
        else:
            begun._batch([callback], careful=True)  # noqa: SLF001 - it dies after one of its careful steps
    begun = place.worker(handler)
    while begun.step():
        pass
    assert place.outcomes() == ["applied"] * 12


def locked() -> Exception:
    module = sqlite_module()
    error: Exception = module.OperationalError("database is locked")
    vars(error)["sqlite_errorcode"] = 5
    return error


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_TROUBLE_SECONDS_MAX", 0.001)


@pytest.mark.usefixtures("quick")
def test_trouble_of_the_storage_is_waited_for_and_nobody_is_set_aside(place: Place) -> None:
    place.log.write_batch(rows(b"good", b"bad"))
    handler = Counting(locked)

    def healed() -> bool:
        if handler.calls == 4:
            handler.fail = None
        return len(place.outcomes()) == 2

    place.worker(handler).run(healed)
    assert place.outcomes() == ["applied", "applied"]


@pytest.mark.usefixtures("quick")
def test_a_log_that_is_being_replaced_is_waited_for_and_is_no_death(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.log.write_batch(rows(b"good"))
    offsets.begin(place.engine, place.log.epoch, at=AT)
    read, away = place.log.read_after, ["once", "twice", "three times"]
    deaths: list[int] = []

    def replaced(offset: int, rows_max: int) -> list[Callback]:
        deaths.extend(place.all("SELECT deaths FROM callback_offsets"))
        if away:
            raise LogUnavailable(f"replaced {away.pop(0)}")
        return read(offset, rows_max)

    monkeypatch.setattr(place.log, "read_after", replaced)
    Worker(place.log, place.engine, handlers(Counting())).run(lambda: bool(place.outcomes()))
    assert place.outcomes() == ["applied"]
    assert len(deaths) >= 4
    assert set(deaths) == {2}  # the one that died before, and this one


@pytest.mark.usefixtures("quick")
def test_a_handler_that_locks_itself_out_for_ever_is_set_aside_when_writing_works_all_the_same(place: Place) -> None:
    place.log.write_batch(rows(b"good", b"bad", b"good"))
    place.worker(Counting(locked)).run(lambda: len(place.outcomes()) == 3)
    assert place.outcomes() == ["applied", "set_aside", "applied"]


def test_a_worker_that_was_overtaken_in_the_middle_of_a_split_skips_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = place.log.write_batch(rows(*[b"good"] * 7, b"bad"))
    slow, other = place.worker(Counting(lambda: ValueError("no"))), place.worker(Counting())
    tried = slow._batch  # noqa: SLF001

    def overtake(callbacks: Sequence[Callback], *, careful: bool = False) -> Any:
        if len(callbacks) == 4 and not place.outcomes():  # between the whole and its first half
            monkeypatch.setattr(worker, "BATCH_ROWS", 2)
            other.step()
            monkeypatch.setattr(worker, "BATCH_ROWS", 2000)
        return tried(callbacks, careful=careful)

    monkeypatch.setattr(slow, "_batch", overtake)
    while slow.step():
        pass
    assert place.counted() == [first + i for i in range(7)]
    assert place.outcomes() == ["applied"] * 7 + ["set_aside"]


def test_another_log_is_read_from_its_own_beginning_and_a_person_is_told(place: Place) -> None:
    place.log.write_batch(rows(b"good"))
    begun = place.worker(Counting())
    begun.step()
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (place.folder / name).unlink(missing_ok=True)
    place.log.write_batch(rows(b"good"))
    while begun.step():
        pass
    assert place.outcomes() == ["applied", "applied"]
    assert place.all("SELECT kind FROM callback_alerts") == ["log_replaced"]


def test_a_state_that_lost_its_last_commits_does_them_again(place: Place) -> None:
    first = place.log.write_batch(rows(*[b"good"] * 3))
    place.worker(Counting()).step()
    older = place.folder / "older.db"
    with place.engine.connect() as connection:
        connection.connection.cursor().execute("VACUUM INTO ?", (str(older),))
    place.log.write_batch(rows(*[b"good"] * 2))
    place.worker(Counting()).step()
    assert len(place.counted()) == 5

    place.engine.dispose()
    older.replace(place.folder / "state.db")
    assert len(place.counted()) == 3
    place.worker(Counting()).step()
    assert place.counted() == [first + i for i in range(5)]
    assert place.outcomes() == ["applied"] * 5


@pytest.mark.parametrize("put_back", ["before the worker", "after new ones came", "under a running worker"])
def test_an_older_copy_of_the_log_skips_nothing_repeats_nothing_and_a_person_is_told(
    place: Place, put_back: str
) -> None:
    path = place.folder / "log.db"
    first = place.log.write_batch(rows(b"good"))
    place.log.close()
    older = path.read_bytes()  # nobody has it open, and nothing is in its WAL any more
    place.log = open_log(f"sqlite:///{path}", server=True)
    lost = place.log.write_batch(rows(b"good"))
    begun = place.worker(Counting())
    begun.step()
    if put_back == "under a running worker":
        aside = path.with_name("older.db")
        aside.write_bytes(older)
        aside.replace(path)
        after = place.log.write_batch(rows(b"good"))
    else:
        place.log.close()
        path.write_bytes(older)
        floor = offsets.highest_offset(place.engine)
        place.log = open_log(f"sqlite:///{path}", server=True, floor=floor)
        if put_back == "before the worker":
            begun = place.worker(Counting())
        after = place.log.write_batch(rows(b"good"))
        if put_back == "after new ones came":
            begun = place.worker(Counting())
    begun.step()
    assert after > lost
    assert place.counted() == [first, lost, after]
    assert place.all("SELECT kind, count FROM callback_alerts") == [("log_went_back", 1)]


def test_a_log_whose_beginning_was_pruned_did_not_go_back(place: Place) -> None:
    first = place.log.write_batch(rows(b"good", b"good"))
    place.worker(Counting()).step()
    place.log.write_batch(rows(b"good"))
    place.log.delete([first, first + 1])
    place.worker(Counting()).step()
    assert place.all("SELECT kind FROM callback_alerts") == []


def test_chores_are_done_in_a_transaction_of_their_own(place: Place) -> None:
    done: list[int] = []
    begun = Worker(place.log, place.engine, {}, chores=[lambda _connection, at: done.append(at)], clock=lambda: AT)
    begun.begin()
    begun.do_chores()
    begun.do_chores()
    assert done == [AT]


def test_a_worker_knows_how_long_it_has_been_at_a_batch(place: Place) -> None:
    seen: list[bool] = []

    class Looking(Counting):
        def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
            seen.append(begun.busy_seconds() > 0)
            return super().apply(connection, callbacks, at)

    place.log.write_batch(rows(b"good"))
    begun = place.worker(Looking())
    begun.step()
    assert (seen, begun.busy_seconds()) == ([True], 0.0)


def test_how_long_effects_took_is_kept_once_a_second_and_at_the_end_and_a_trouble_loses_none_of_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> int:
        counted = "SELECT coalesce(sum(value), 0) FROM callback_counters WHERE name LIKE 'applied_us:%'"
        return int(place.all(counted)[0])

    working = Worker(place.log, place.engine, handlers(Counting()), clock=lambda: AT + 5_000)
    working.begin()
    for batch, expected in ((3, 3), (4, 3)):  # the second is kept a second later
        place.log.write_batch(rows(*[b"good"] * batch))
        working.step()
        working.keep_measured()
        assert kept() == expected
    monkeypatch.setattr(worker, "_KEEP_SECONDS", 0.0)
    monkeypatch.setattr(working, "_keep_due", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(worker, "count", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            working.keep_measured()
    working.keep_measured()
    assert kept() == 7
    working.keep_measured()
    assert kept() == 7
    assert len(place.all("SELECT name FROM callback_counters WHERE name LIKE 'applied_us:%'")) == 1
    place.log.write_batch(rows(b"good"))
    Worker(place.log, place.engine, handlers(Counting())).run(iter([False, True]).__next__)
    assert kept() == 8


def test_a_stream_is_worked_on_in_batches_and_its_pages_are_carried_over_in_between(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = Counting()
    began, sent, carried = time.monotonic(), 0, 0

    def counted(engine: Engine) -> None:
        nonlocal carried
        carried += 1
        checkpoint(engine)

    def enough() -> bool:
        nonlocal sent
        place.log.write_batch(rows(b"good"))  # each look finds something new, as under a stream
        sent += 1
        return time.monotonic() - began > 0.6

    monkeypatch.setattr("app.engine.worker.checkpoint", counted)
    Worker(place.log, place.engine, handlers(handler)).run(enough)
    assert len(place.counted()) >= sent - 1
    assert handler.calls <= 0.6 / 0.02 + 2  # a batch every 20 ms
    assert 1 <= carried <= 4  # every quarter of a second


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_state_that_is_no_longer_in_its_place_ends_the_worker_and_sets_nobody_aside(place: Place, how: str) -> None:
    place.log.write_batch(rows(*[b"good"] * 20))
    begun = place.worker(Counting())
    path = place.folder / "state.db"
    if how == "deleted":
        path.unlink()
    else:
        (place.folder / "copy.db").write_bytes(path.read_bytes())
        (place.folder / "copy.db").replace(path)
    with pytest.raises(DatabaseError, match="moved, replaced or deleted"):
        begun.run(lambda: False)
    assert place.counted() == []
    assert place.outcomes() == []
