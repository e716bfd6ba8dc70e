from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.core.database import reading, writing
from app.core.errors import FieldError
from app.engine.callback import Callback, Outcome, OutcomeWord
from app.engine.log import Log, open_log
from app.engine.outcomes import Alert, raise_alerts, write_outcomes
from app.engine.tasks import GiveUp
from app.engine.tasks.queue import Ending, NewTask, Room, claim, enqueue, finish
from app.ledger.facts import Told
from app.operate import alerts, letters, letters_many
from app.operate.alerts import AlertSearch
from app.operate.letters import LetterSearch, letter_search_from
from app.operate.many import Tally
from tests.operate.shop import PAID, Shop
from tests.operate.test_letters import Stubborn


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = open_log(f"sqlite:///{tmp_path}/log.db", server=False)
    yield log
    log.close()


def set_aside(shop: Shop, log: Log, provider: str) -> int:
    """A callback on which its handler failed → its dead letter's number."""
    row: Any = (0, provider, "order", "", "", shop.tick(), "", b"{}", "unverified", "")
    callback = Callback(log.write_batch([row]), *row)
    outcome = Outcome(callback.id, OutcomeWord.SET_ASIDE, "handler_failed", detail={"error": "KeyError", "text": "x"})
    with writing(shop.engine) as connection:
        write_outcomes(connection, [callback], [outcome], epoch_no=1, at=shop.tick())
    return int(letters.list_dead(shop.engine, rows_max=1, lang="en").dead_letters[0].id)


def given_up(shop: Shop, destination: str) -> int:
    """A task that was given up → its dead letter's number."""
    at = shop.tick()
    with writing(shop.engine) as connection:
        enqueue(connection, [NewTask(f"message:{at}", "message", destination, "{}", at)], at)
        tasks = claim(connection, at, 1, {"message": 1_000_000}, Room({"message": 1}))
        finish(connection, [Ending(tasks[0], GiveUp("tries_used_up", "time-out"), at)], at)
    return int(letters.list_dead(shop.engine, rows_max=1, lang="en").dead_letters[0].id)


def retry(shop: Shop, log: Log, handlers: Any, ids: list[int], *, dry_run: bool = False) -> Tally:
    tally = Tally(dry_run=dry_run)
    letters_many.retry_many(
        shop.engine, log, handlers, ids, who="budi", clock=shop.tick, tally=tally, progress=lambda _: None
    )
    return tally


def test_letters_are_found_by_kind_reason_sender_order_and_time(shop: Shop, log: Log) -> None:
    mine, other, task = set_aside(shop, log, "mine"), set_aside(shop, log, "other"), given_up(shop, "telegram")
    middle = shop.tick()
    shop.announce("TU-1")
    shop.tell("TU-1", Told("TU-1", PAID, gross=5))
    (about_order,) = [n for n in letters.found_ids(shop.engine, LetterSearch()) if n not in {mine, other, task}]

    def found(**asked: Any) -> list[int]:
        search = letter_search_from(at=shop.now, **asked)
        listed = [int(letter.id) for letter in letters.list_dead(shop.engine, search, lang="en").dead_letters]
        assert listed == letters.found_ids(shop.engine, search)[::-1]
        return listed[::-1]

    assert found() == [mine, other, task, about_order]
    assert found(kind="task") == [task]
    assert found(reason="handler_failed") == [mine, other]
    assert found(provider="other") == [other]
    assert found(provider="telegram") == [task]
    assert found(order_id="TU-1") == [about_order]
    assert found(order_id="TU-2") == []
    assert found(kind="callback", provider="mine", reason="handler_failed") == [mine]
    with reading(shop.engine) as connection:
        since = connection.execute(text("SELECT since FROM callback_dead WHERE id = :id"), {"id": task}).scalar_one()
    assert letters.found_ids(shop.engine, LetterSearch(until=middle)) == [mine, other, task]
    assert letters.found_ids(shop.engine, LetterSearch(since=since, until=middle)) == [task]
    letters.drop_dead(shop.engine, mine, who="budi", reason="x", at=shop.tick(), lang="en")
    assert found(provider="mine") == []
    assert found(provider="mine", closed=True) == [mine]
    with pytest.raises(FieldError, match="kind"):
        letter_search_from(at=0, kind="letter")
    with pytest.raises(FieldError, match="from"):
        letter_search_from(at=0, since="soon")


def test_one_letter_that_fails_again_does_not_stop_the_others(shop: Shop, log: Log) -> None:
    stubborn, willing = Stubborn(), Stubborn()
    willing.error = None
    ids = [set_aside(shop, log, "mine"), set_aside(shop, log, "other"), given_up(shop, "telegram")]
    tally = retry(shop, log, {"mine": stubborn, "other": willing}, [*ids, 99])
    assert tally.counts == {("handler_failed", "applied"): 1, ("tries_used_up", "ready"): 1}
    assert (tally.done, tally.failed) == (4, 2)
    assert [number for number, _ in tally.failures] == [ids[0], 99]
    assert "RuntimeError" in tally.failures[0][1]
    assert letters.found_ids(shop.engine, LetterSearch()) == [ids[0]]


def test_a_dry_run_changes_nothing(shop: Shop, log: Log) -> None:
    ids = [set_aside(shop, log, "mine"), given_up(shop, "telegram")]
    handler = Stubborn()
    handler.error = None
    assert retry(shop, log, {"mine": handler}, ids, dry_run=True).counts == {
        ("handler_failed", ""): 1,
        ("tries_used_up", "ready"): 1,
    }
    tally = Tally(dry_run=True)
    letters_many.drop_many(
        shop.engine, ids, who="budi", reason="x", clock=shop.tick, tally=tally, progress=lambda _: None
    )
    assert tally.counts == {("handler_failed", "dropped"): 1, ("tries_used_up", "dropped"): 1}
    assert letters.found_ids(shop.engine, LetterSearch()) == ids


def test_many_are_dropped_with_one_reason(shop: Shop, log: Log) -> None:
    ids = [set_aside(shop, log, "mine") for _ in range(3)]
    tally = Tally()
    letters_many.drop_many(
        shop.engine, ids, who="budi", reason="a test of ours", clock=shop.tick, tally=tally, progress=lambda _: None
    )
    assert tally.counts == {("handler_failed", "dropped"): 3}
    closed = letters.list_dead(shop.engine, LetterSearch(closed=True), lang="en").dead_letters
    assert {(letter.closed_how, letter.closed_by, letter.closed_reason) for letter in closed} == {
        ("dropped", "budi", "a test of ours")
    }


def test_alerts_are_found_by_kind_in_pages_and_closed_ones_say_by_whom(shop: Shop) -> None:
    with writing(shop.engine) as connection:
        raise_alerts(connection, (Alert("paid_twice", f"order:TU-{n}") for n in range(3)), at=shop.tick())
        raise_alerts(connection, [Alert("log_replaced", "log")], at=shop.tick())
    first = alerts.list_alerts(shop.engine, AlertSearch("paid_twice"), rows_max=2, lang="en")
    assert [alert.subject for alert in first.alerts] == ["order:TU-2", "order:TU-1"]
    assert first.next_cursor is not None
    search = AlertSearch("paid_twice", before=int(first.next_cursor))
    second = alerts.list_alerts(shop.engine, search, rows_max=2, lang="en")
    assert ([alert.subject for alert in second.alerts], second.next_cursor) == (["order:TU-0"], None)
    ids = [int(alert.id) for alert in (*first.alerts, *second.alerts)]
    closed, failed = alerts.close_alerts(shop.engine, [ids[0], 99, ids[1], ids[0]], who="budi", at=shop.tick())
    assert (closed, failed) == (ids[:2], {99: "there is no open alert 99"})
    assert len(alerts.list_alerts(shop.engine, lang="en").alerts) == 2
    every = alerts.list_alerts(shop.engine, AlertSearch(closed=True), lang="en").alerts
    assert {alert.closed_by for alert in every if alert.closed_at} == {"budi"}
    assert len(every) == 4
    with pytest.raises(FieldError, match="paid_twice"):
        alerts.list_alerts(shop.engine, AlertSearch("lost"), lang="en")
