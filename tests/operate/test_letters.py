from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from app.core.database import reading, writing
from app.core.errors import FieldError, NotFound, ProcessingError
from app.core.telemetry import hide
from app.engine.callback import Callback, Outcome, OutcomeWord
from app.engine.log import Log, open_log
from app.engine.outcomes import Alert, bury, raise_alerts, write_outcomes
from app.engine.tasks import GiveUp
from app.engine.tasks.queue import Ending, NewTask, Room, claim, enqueue, finish
from app.operate import alerts, letters
from app.operate.letters_shown import DeadLetterShown, RetriedShown
from tests.operate.shop import Shop


class Stubborn:
    """A handler that fails for as long as it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = RuntimeError("no stock; key is hush-hush")

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        del connection, at
        if self.error is not None:
            raise self.error
        return [Outcome(callback.id, OutcomeWord.APPLIED) for callback in callbacks]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = open_log(f"sqlite:///{tmp_path}/log.db", server=False)
    yield log
    log.close()


def set_aside(shop: Shop, log: Log) -> int:
    """A callback on which its handler failed → its id."""
    row: Any = (0, "mine", "order", "", "", shop.tick(), "", b"{}", "unverified", "")
    callback = Callback(log.write_batch([row]), *row)
    outcome = Outcome(callback.id, OutcomeWord.SET_ASIDE, "handler_failed", detail={"error": "KeyError", "text": "x"})
    with writing(shop.engine) as connection:
        write_outcomes(connection, [callback], [outcome], epoch_no=1, at=shop.tick())
    return callback.id


def only_letter(shop: Shop) -> DeadLetterShown:
    (letter,) = letters.list_dead(shop.engine, lang="en").dead_letters
    return letter


def retry(shop: Shop, log: Log, handler: Any, dead_id: str) -> RetriedShown:
    handlers = {"mine": handler}
    return letters.retry_dead(shop.engine, log, handlers, int(dead_id), who="budi", at=shop.tick(), lang="en")


def test_a_handler_that_fails_again_leaves_the_letter_open_and_tells_no_secret(shop: Shop, log: Log) -> None:
    hide("hush-hush")
    set_aside(shop, log)
    handler = Stubborn()
    with pytest.raises(ProcessingError, match=r"RuntimeError: no stock; key is \*\*\*"):
        retry(shop, log, handler, only_letter(shop).id)
    handler.error = None
    retried = retry(shop, log, handler, only_letter(shop).id)
    assert (retried.outcome, retried.dead_letter.closed_by) == ("applied", "budi")
    assert letters.list_dead(shop.engine, lang="en").dead_letters == []


def test_a_letter_whose_callback_is_gone_can_only_be_dropped(shop: Shop, log: Log) -> None:
    with writing(shop.engine) as connection:
        bury(connection, [Outcome(7, OutcomeWord.REJECTED, "fields_disagree")], at=shop.tick())
    with pytest.raises(NotFound, match="no longer in the log"):
        retry(shop, log, Stubborn(), only_letter(shop).id)
    dead_id = int(only_letter(shop).id)
    with pytest.raises(FieldError, match="reason"):
        letters.drop_dead(shop.engine, dead_id, who="budi", reason=" ", at=shop.tick(), lang="en")
    dropped = letters.drop_dead(shop.engine, dead_id, who="budi", reason="too old", at=shop.tick(), lang="en")
    assert (dropped.closed_how, dropped.closed_by, dropped.closed_reason) == ("dropped", "budi", "too old")
    with pytest.raises(ProcessingError, match="dropped by budi"):
        letters.drop_dead(shop.engine, dead_id, who="budi", reason="too old", at=shop.tick(), lang="en")


def test_a_task_that_was_given_up_is_due_again_at_a_persons_word(shop: Shop, log: Log) -> None:
    at = shop.tick()
    with writing(shop.engine) as connection:
        enqueue(connection, [NewTask("message:1", "message", "telegram", "{}", at)], at)
        tasks = claim(connection, at, 1, {"message": 1_000_000}, Room({"message": 1}))
        finish(connection, [Ending(tasks[0], GiveUp("tries_used_up", "time-out"), at)], at)
    letter = only_letter(shop)
    assert (letter.kind, letter.text) == ("task", "All 1 tries failed: time-out")
    retried = retry(shop, log, Stubborn(), letter.id)
    assert (retried.outcome, retried.dead_letter.closed_how) == ("ready", "retried")
    assert retried.dead_letter.closed_by == "budi"
    with reading(shop.engine) as connection:
        state = connection.exec_driver_sql("SELECT state, tries FROM callback_tasks").one()
    assert tuple(state) == ("ready", 0)


def test_letters_come_in_pages(shop: Shop) -> None:
    with writing(shop.engine) as connection:
        bury(connection, (Outcome(n, OutcomeWord.REJECTED, "fields_disagree") for n in range(1, 6)), at=shop.tick())
    first = letters.list_dead(shop.engine, rows_max=3, lang="en")
    assert [letter.ref for letter in first.dead_letters] == ["5", "4", "3"]
    assert first.next_cursor is not None
    second = letters.list_dead(shop.engine, before=int(first.next_cursor), rows_max=3, lang="en")
    assert [letter.ref for letter in second.dead_letters] == ["2", "1"]
    assert second.next_cursor is None


def test_an_alert_is_closed_with_who_did_it_and_opens_anew_when_it_happens_again(shop: Shop) -> None:
    def raise_it() -> None:
        with writing(shop.engine) as connection:
            raise_alerts(connection, [Alert("log_replaced", "log")], at=shop.tick())

    raise_it()
    raise_it()
    (alert,) = alerts.list_alerts(shop.engine, lang="en").alerts
    assert (alert.text, alert.count) == ("The callback log was replaced by another one.", 2)
    number = int(alert.id)
    assert alerts.close_alerts(shop.engine, [number], who="budi", at=shop.tick()) == ([number], {})
    assert alerts.list_alerts(shop.engine, lang="en").alerts == []
    again = alerts.close_alerts(shop.engine, [number], who="budi", at=shop.tick())
    assert again == ([], {number: f"there is no open alert {number}"})
    raise_it()
    assert len(alerts.list_alerts(shop.engine, lang="en").alerts) == 1
