"""Group commit: one round of the loop is one transaction, everybody is answered once and in order."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import now_us
from app.engine.callback import Row
from app.engine.log.appender import Appender
from app.engine.log.rows import BODY, COLUMNS, HEADERS
from app.engine.log.sqlite import SqliteLog
from tests.engine.log.building import a_row, some_rows

Answers = list[int | None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def log(folder: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(str(folder / "log.db"), server=True)) as log:
        yield log


@pytest.fixture
def woken() -> list[str]:
    """Grows by one with each time the worker is woken."""
    return []


@pytest.fixture
def appender(log: SqliteLog, woken: list[str]) -> Appender:
    return Appender(log, on_commit=lambda: woken.append("woken"))


def answering(appender: Appender, count: int) -> tuple[Answers, asyncio.Future[None]]:
    """Append that many rows → their answers, and a future for when the last one was answered."""
    answers: Answers = []
    everybody = asyncio.get_running_loop().create_future()

    def done(callback_id: int | None) -> None:
        answers.append(callback_id)
        if len(answers) == count:
            everybody.set_result(None)

    for row in some_rows(count):
        assert appender.append(row, done)
    return answers, everybody


async def test_what_arrives_in_one_round_of_the_loop_is_one_commit(
    appender: Appender, log: SqliteLog, woken: list[str]
) -> None:
    answers, everybody = answering(appender, 100)
    assert (appender.waiting, appender.commits, answers) == (100, 0, [])
    assert appender.waiting_bytes > 100 * len(a_row()[BODY])

    await everybody

    assert (appender.waiting, appender.waiting_bytes) == (0, 0)
    assert (appender.commits, appender.rows) == (1, 100)
    assert woken == ["woken"]
    assert answers == [callback.id for callback in log.read_after(0, 1000)]
    assert [callback.ordering_key for callback in log.read_after(0, 1000)] == [f"TU-{n}" for n in range(100)]


async def test_nobody_is_answered_before_the_commit(appender: Appender, log: SqliteLog) -> None:
    seen: list[bool] = []
    finished = asyncio.get_running_loop().create_future()

    def done(callback_id: int | None) -> None:
        seen.append(callback_id is not None and log.get(callback_id) is not None)
        finished.set_result(None)

    appender.append(a_row(), done)
    await finished

    assert seen == [True]


async def test_rounds_follow_each_other(appender: Appender) -> None:
    for _ in range(3):
        _, everybody = answering(appender, 5)
        await everybody

    assert (appender.commits, appender.rows) == (3, 15)


async def test_an_answer_that_lets_in_the_next_callback_starts_the_next_round(appender: Appender) -> None:
    answers: Answers = []
    second = asyncio.get_running_loop().create_future()

    def first_done(callback_id: int | None) -> None:
        answers.append(callback_id)
        assert appender.append(a_row(), second_done)

    def second_done(callback_id: int | None) -> None:
        answers.append(callback_id)
        second.set_result(None)

    appender.append(a_row(), first_done)
    await second

    assert appender.commits == 2
    assert answers[0] is not None
    assert answers[1] == answers[0] + 1


@pytest.mark.parametrize("limits", [{"rows_max": 3}, {"bytes_max": 4000}], ids=["rows", "bytes"])
async def test_a_full_queue_takes_nothing_more_until_its_commit(log: SqliteLog, limits: dict[str, Any]) -> None:
    appender = Appender(log, on_commit=lambda: None, **limits)
    answers: Answers = []
    row = a_row(body=bytes(700))

    taken = [appender.append(row, answers.append) for _ in range(5)]
    await appender.drain()

    assert taken == [True, True, True, False, False]
    assert len(answers) == 3
    assert appender.append(row, answers.append)
    await appender.drain()
    assert len(answers) == 4


async def test_an_answer_that_raises_costs_nobody_else_theirs(
    appender: Appender, woken: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    answers: Answers = []

    def closed(_callback_id: int | None) -> None:
        raise ConnectionResetError("the transport is closed")

    for number, row in enumerate(some_rows(50)):
        appender.append(row, closed if number % 2 else answers.append)
    await appender.drain()

    assert len(answers) == 25
    assert answers[0] is not None
    assert answers == [answers[0] + 2 * n for n in range(25)]
    assert woken == ["woken"]
    assert [record.getMessage() for record in caplog.records] == ["an answer failed: the transport is closed"]


async def test_a_log_that_refuses_answers_none_and_the_next_round_tries_anew(
    appender: Appender, folder: Path, woken: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder.rename(folder.with_name("away"))  # noqa: ASYNC240 - at once
    for _ in range(3):
        answers, everybody = answering(appender, 4)
        await everybody
        assert answers == [None] * 4
    assert (appender.commits, appender.waiting, woken) == (0, 0, [])
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "its folder is gone" in caplog.text

    folder.with_name("away").rename(folder)
    answers, everybody = answering(appender, 4)
    await everybody

    assert None not in answers
    assert (appender.commits, woken) == (1, ["woken"])


async def test_a_value_that_no_log_can_keep_fails_alone(appender: Appender, log: SqliteLog, woken: list[str]) -> None:
    answers: dict[str, int | None] = {}

    def answer(name: str) -> Callable[[int | None], None]:
        return lambda callback_id: answers.update({name: callback_id})

    for name, row in (("good", a_row("TU-1")), ("bad", a_row("\ud800")), ("better", a_row("TU-3"))):
        appender.append(row, answer(name))
    await appender.drain()

    assert answers["bad"] is None
    assert [answers["good"], answers["better"]] == [callback.id for callback in log.read_after(0, 10)]
    assert woken == ["woken"]


async def test_a_worker_that_cannot_be_woken_costs_no_answer(log: SqliteLog, caplog: pytest.LogCaptureFixture) -> None:
    def on_commit() -> None:
        raise OSError("the supervisor is gone")

    appender = Appender(log, on_commit=on_commit)
    answers, everybody = answering(appender, 3)
    await everybody
    await appender.drain()

    assert None not in answers
    assert "waking after a commit failed: the supervisor is gone" in caplog.text


async def test_whoever_measures_is_told_a_group_at_a_time_and_costs_nobody_an_answer(
    log: SqliteLog, caplog: pytest.LogCaptureFixture
) -> None:
    groups: list[int] = []
    woken: list[str] = []

    def measure(told: list[Row], at: int) -> None:
        assert abs(at - now_us()) < 60_000_000
        groups.append(len(told))
        raise ValueError("cannot count")

    appender = Appender(log, on_commit=lambda: woken.append("woken"), on_answered=measure)
    answers, everybody = answering(appender, 3)
    await everybody
    await appender.drain()

    assert None not in answers
    assert (groups, woken) == ([3], ["woken"])
    assert "measuring failed: cannot count" in caplog.text


async def test_closing_writes_and_answers_what_was_taken_and_takes_nothing_more(
    appender: Appender, log: SqliteLog
) -> None:
    answers, _ = answering(appender, 10)

    await appender.close()

    assert answers == [callback.id for callback in log.read_after(0, 100)]
    assert len(answers) == 10
    assert not appender.append(a_row(), answers.append)
    await asyncio.sleep(0)  # the round that was planned finds nothing to do
    assert appender.commits == 1


def test_the_columns_that_are_weighed_are_body_and_headers() -> None:
    assert COLUMNS[BODY] == "body"
    assert COLUMNS[HEADERS] == "headers"
    assert len(COLUMNS) == len(a_row())
