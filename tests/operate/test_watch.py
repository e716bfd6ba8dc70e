from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.database import reading, writing
from app.engine import offsets
from app.engine.log import Log, open_log
from app.operate import alerts as alert_rows
from app.operate.alerts_shown import AlertShown
from app.operate.watch import STILL_SECONDS, Watch
from tests.operate.shop import NOW, Shop

MINUTE = 60_000_000
WRONG = ("midtrans", "signature_wrong")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    opened = open_log(f"sqlite:///{tmp_path}/log.db", server=False)
    yield opened
    opened.close()


def keep(log: Log) -> int:
    return log.write_batch([(0, "midtrans", "settlement", "", "", NOW, "", b"{}", "unverified", "")])


def work(shop: Shop, log: Log, callback_id: int) -> None:
    """As a worker that decided everything up to this callback."""
    place = offsets.begin(shop.engine, log.epoch, at=NOW)
    with writing(shop.engine) as connection:
        offsets.move(connection, place.epoch_no, callback_id, careful=False, at=NOW)


def alerts(shop: Shop) -> list[AlertShown]:
    return alert_rows.list_alerts(shop.engine, lang="en").alerts


def closed(shop: Shop) -> list[tuple[str, str]]:
    with reading(shop.engine) as connection:
        rows = connection.execute(text("SELECT kind, closed_by FROM callback_alerts WHERE closed_at IS NOT NULL"))
        return [(row[0], row[1]) for row in rows]


def test_a_worker_that_does_not_move_while_callbacks_wait_is_told_once_and_settled_when_it_moves(
    shop: Shop, log: Log
) -> None:
    watch, last = Watch(shop.engine), keep(log)
    for seconds in (0.0, STILL_SECONDS - 1):
        watch.look(log, {}, at=NOW, seconds=seconds)
        assert alerts(shop) == []
    for seconds in (STILL_SECONDS, STILL_SECONDS + 100):
        watch.look(log, {}, at=NOW, seconds=seconds)
        [alert] = alerts(shop)
        assert (alert.kind, alert.subject, alert.count) == ("partition_stands_still", "log", 1)
        assert "2025-11-25T04:49:00" in alert.text
    work(shop, log, last)
    watch.look(log, {}, at=NOW, seconds=200.0)
    assert alerts(shop) == []
    assert closed(shop) == [("partition_stands_still", "callbacks")]


def test_a_worker_that_is_slow_but_moves_is_no_matter(shop: Shop, log: Log) -> None:
    watch, ids = Watch(shop.engine), [keep(log) for _ in range(6)]
    for number, callback_id in enumerate(ids[:-1]):
        watch.look(log, {}, at=NOW, seconds=number * (STILL_SECONDS - 1))
        work(shop, log, callback_id)
    assert alerts(shop) == []


def test_a_server_that_begins_with_a_backlog_gives_the_worker_time_and_does_not_forget_what_was_told(
    shop: Shop, log: Log
) -> None:
    first, last = keep(log), keep(log)
    work(shop, log, first)
    before = Watch(shop.engine)
    before.look(log, {}, at=NOW, seconds=0.0)
    before.look(log, {}, at=NOW, seconds=STILL_SECONDS)
    assert len(alerts(shop)) == 1
    after = Watch(shop.engine)  # another process, whose monotonic clock begins anew
    after.look(log, {}, at=NOW, seconds=0.0)
    assert len(alerts(shop)) == 1
    work(shop, log, last)
    after.look(log, {}, at=NOW, seconds=1.0)
    assert alerts(shop) == []


def test_where_there_is_no_log_nothing_stands_still(shop: Shop) -> None:
    watch = Watch(shop.engine)
    for seconds in (0.0, 100.0):
        watch.look(None, {}, at=NOW, seconds=seconds)
    assert alerts(shop) == []


def test_signature_failures_that_rise_are_told_by_provider_and_settled_when_they_end(shop: Shop) -> None:
    watch = Watch(shop.engine)
    refused = {WRONG: 0, ("digiflazz", "signature_missing"): 19, ("midtrans", "empty_body"): 1_000}
    for minute in range(10):
        watch.look(None, refused, at=NOW + minute * MINUTE, seconds=minute * 60.0)
        assert alerts(shop) == []
    refused[WRONG] = 20
    for minute in (10, 11):
        watch.look(None, refused, at=NOW + minute * MINUTE, seconds=minute * 60.0)
        [alert] = alerts(shop)
        assert (alert.kind, alert.subject, alert.count) == ("signature_failures_rising", "provider:midtrans", 1)
        assert "20 requests in the name of midtrans within 5 minutes" in alert.text
    watch.look(None, refused, at=NOW + 15 * MINUTE, seconds=900.0)
    assert alerts(shop) == []


def test_failures_that_stay_as_frequent_stay_told_for_longer_than_the_hour_they_are_compared_with(shop: Shop) -> None:
    watch, count = Watch(shop.engine), 0
    for minute in range(150):
        count += 10
        watch.look(None, {WRONG: count}, at=NOW + minute * MINUTE, seconds=minute * 60.0)
    assert [alert.kind for alert in alerts(shop)] == ["signature_failures_rising"]
    assert closed(shop) == []


def test_a_server_that_starts_anew_does_not_settle_what_it_knows_nothing_of(shop: Shop) -> None:
    Watch(shop.engine).look(None, {WRONG: 50}, at=NOW, seconds=0.0)
    again = Watch(shop.engine)
    for minute in range(5):
        again.look(None, {}, at=NOW + minute * MINUTE, seconds=minute * 60.0)
        assert len(alerts(shop)) == 1
    again.look(None, {}, at=NOW + 5 * MINUTE, seconds=300.0)
    assert alerts(shop) == []


def test_books_out_of_balance_are_told_with_what_they_should_be_and_settled_when_they_are_put_right(shop: Shop) -> None:
    shop.announce()
    shop.tell()
    watch = Watch(shop.engine)
    change = text("UPDATE callback_accounts SET balance = balance + :more WHERE name = 'wallet:ani'")
    with writing(shop.engine) as connection:
        connection.execute(change, {"more": 250})
    for seconds in (0.0, 31.0):
        watch.look(None, {}, at=NOW, seconds=seconds)
        [alert] = alerts(shop)
        assert alert.text == "The books do not add up: wallet:ani should be 100000.00, and is 100002.50."
        assert (alert.subject, alert.commands) == ("wallet:ani", ["callbacks audit"])
    with writing(shop.engine) as connection:
        connection.execute(change, {"more": -250})
    watch.look(None, {}, at=NOW, seconds=45.0)
    assert len(alerts(shop)) == 1  # looked at each half minute
    watch.look(None, {}, at=NOW, seconds=62.0)
    assert alerts(shop) == []


def test_damaged_books_do_not_bury_all_other_alerts(shop: Shop) -> None:
    for number in range(30):
        shop.announce(f"TU-{number}", f"user-{number}")
        shop.tell(f"TU-{number}")
    with writing(shop.engine) as connection:
        connection.execute(text("UPDATE callback_accounts SET balance = balance + 1 WHERE name LIKE 'wallet:%'"))
    watch = Watch(shop.engine)
    for look in range(4):
        watch.look(None, {}, at=NOW, seconds=look * 31.0)
    assert len(alerts(shop)) == 20
