"""The promises of a callback log; a new backend is done when it passes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.errors import FieldError, LogUnavailable
from app.engine.callback import Row
from app.engine.log import Log, open_log
from tests.engine.log.building import a_row, as_row, some_rows

Opening = Callable[..., Log]

BACKENDS = {"sqlite": lambda folder: f"sqlite:///{folder}/log.db"}


@pytest.fixture(params=BACKENDS)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """`opening()` → the same log, opened once more; `opening(name="other")` → another one."""
    opened: list[Log] = []

    def opening(*, server: bool = False, floor: int = 0, name: str = "this") -> Log:
        log = open_log(BACKENDS[request.param](tmp_path / name), server=server, floor=floor)
        opened.append(log)
        return log

    yield opening
    for log in opened:
        log.close()


@pytest.fixture
def log(opening: Opening) -> Log:
    return opening(server=True)


def test_the_rows_of_a_batch_get_ids_that_follow_by_one_and_batches_rise(log: Log) -> None:
    first = log.write_batch(some_rows(3))
    second = log.write_batch(some_rows(2))

    assert [callback.id for callback in log.read_after(0, 10)] == [first, first + 1, first + 2, second, second + 1]
    assert second > first + 2
    assert log.last_id() == second + 1


@pytest.mark.parametrize(
    "row",
    [
        a_row(),
        a_row("", body=b"", event_key=""),
        a_row("Pesanan № 1 — 💸", event_key="a\x00b"),
        a_row(body=bytes(range(256)) * 4096),
        (2**63 - 1, "p", "t", "k", "o", -(2**63), '{"x": "\u00ff"}', b"\xff\x00", "signature:2", "::1"),
    ],
    ids=["ordinary", "empty", "unicode and NUL", "a MiB of every byte", "limits"],
)
def test_a_row_comes_back_as_it_went_in(log: Log, row: Row) -> None:
    callback_id = log.write_batch([row])

    found = log.get(callback_id)

    assert found is not None
    assert as_row(found) == row
    assert found.id == callback_id
    assert log.read_after(callback_id - 1, 1) == [found]


def test_an_empty_log_has_nothing_to_read(log: Log) -> None:
    assert log.last_id() == 0
    assert log.read_after(0, 10) == []
    assert log.read_before(None, 10) == []
    assert log.get(1) is None


def test_reading_goes_on_after_an_offset_in_the_order_of_ids(log: Log) -> None:
    first = log.write_batch(some_rows(5))

    assert [callback.id - first for callback in log.read_after(0, 2)] == [0, 1]
    assert [callback.id - first for callback in log.read_after(first + 1, 10)] == [2, 3, 4]
    assert log.read_after(first + 4, 10) == []


def test_a_page_for_people_begins_with_the_newest(log: Log) -> None:
    first = log.write_batch(some_rows(5))

    assert [callback.id - first for callback in log.read_before(None, 2)] == [4, 3]
    assert [callback.id - first for callback in log.read_before(first + 3, 10)] == [2, 1, 0]


def test_large_bodies_shorten_a_page_but_never_end_the_log_early(log: Log) -> None:
    log.write_batch([a_row(body=bytes(1 << 20))] * 40)

    first_page = log.read_after(0, 100)
    second_page = log.read_after(first_page[-1].id, 100)

    assert 1 <= len(first_page) < 40
    assert len(first_page) + len(second_page) == 40


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ordering_key", "\ud800"),
        ("headers", "\udfff"),
        ("event_key", None),
        ("provider", b"midtrans"),
        ("body", "text"),
        ("body", None),
        ("received_at", 2**63),
        ("received_at", "now"),
        ("partition", 1.5),
    ],
)
def test_a_value_that_no_log_can_keep_is_named_and_nothing_of_its_batch_is_written(
    log: Log, column: str, value: object
) -> None:
    names = ["partition", "provider", "event_type", "event_key", "ordering_key", "received_at", "headers", "body"]
    position = names.index(column)
    bad: tuple[object, ...] = (*a_row()[:position], value, *a_row()[position + 1 :])

    with pytest.raises(FieldError, match=f"^{column}: "):
        log.write_batch([a_row(), bad, a_row()])  # type: ignore[list-item]

    assert log.last_id() == 0
    assert log.write_batch([a_row()]) == log.last_id()


def test_what_one_process_appended_another_one_reads_at_once(opening: Opening) -> None:
    server, worker = opening(server=True), opening()

    for count in (1, 2, 3):
        first = server.write_batch(some_rows(count))
        assert len(worker.read_after(first - 1, 100)) == count
        assert worker.last_id() == first + count - 1


def test_those_who_append_in_turn_never_get_the_same_id(opening: Opening) -> None:
    logs = [opening(server=True), opening(), opening()]

    ids = [log.write_batch([a_row()]) for _ in range(5) for log in logs]

    assert ids == sorted(set(ids))
    assert [callback.id for callback in logs[0].read_after(0, 100)] == ids


def test_a_log_keeps_its_epoch_and_another_log_has_another(opening: Opening) -> None:
    here, there = opening(server=True), opening(name="other")
    epoch = here.epoch
    here.write_batch([a_row()])
    here.close()

    assert opening(server=True).epoch == epoch == opening().epoch
    assert epoch
    assert there.epoch != epoch


def test_the_next_id_lies_above_the_floor(opening: Opening) -> None:
    floor = 3_000_000_000_000_000

    assert opening(server=True, floor=floor).write_batch([a_row()]) == floor + 1


def test_ids_rise_over_a_restart(opening: Opening) -> None:
    before = opening(server=True)
    last = before.write_batch(some_rows(3)) + 2
    before.close()

    assert opening(server=True).write_batch([a_row()]) > last


def test_deleting_takes_what_is_named_and_leaves_the_newest(log: Log) -> None:
    first = log.write_batch(some_rows(4))

    assert log.delete([first, first + 2, first + 3, first + 99]) == 2

    assert [callback.id - first for callback in log.read_after(0, 10)] == [1, 3]
    assert log.write_batch([a_row()]) == first + 4


def test_a_closed_log_refuses_instead_of_opening_again(log: Log) -> None:
    log.close()
    log.close()

    with pytest.raises(LogUnavailable, match="was closed"):
        log.write_batch([a_row()])
    with pytest.raises(LogUnavailable, match="was closed"):
        log.delete([1])
    with pytest.raises(LogUnavailable, match="was closed"):
        log.last_id()


def test_outlines_are_the_callbacks_without_their_bodies(log: Log) -> None:
    log.write_batch([a_row("A", body=b"12345"), *some_rows(3)])

    callbacks, outlines = log.read_after(0, 3), log.outlines_after(0, 3)

    assert [(outline.id, outline.received_at, outline.headers, outline.body_bytes) for outline in outlines] == [
        (callback.id, callback.received_at, callback.headers, len(callback.body)) for callback in callbacks
    ]
    assert [outline.id for outline in log.outlines_after(outlines[-1].id, 10)] == [log.last_id()]
    assert log.outlines_after(log.last_id(), 10) == []
