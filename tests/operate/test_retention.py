"""What pruning takes and what it leaves: on a real log and a real state, decided by the real worker."""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.callbacks.base.base_handlers import BaseCallbackHandler, WebhookCallbackHandler
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.config import Settings
from app.core.database import reading, writing
from app.core.errors import DatabaseError, FieldError, LogUnavailable, NotFound
from app.engine.callback import Row
from app.engine.log import Log, open_log
from app.engine.worker import Worker
from app.operate import alerts, inbox, letters, retention, search
from app.operate.audit import audit
from app.operate.callbacks_shown import CallbackShown
from app.operate.exporting import refuse_existing
from tests.operate.shop import NOW, Shop

DAY = 86_400_000_000
OLD = NOW - 100 * DAY
LIMIT = NOW - 90 * DAY


class Courier(WebhookCallbackHandler):
    """Work for the slow lane."""

    async def handle(self, data: Any, **_: Any) -> Any:
        return data


class Place:
    """A shop with a log, and a worker that is run by hand."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(folder)
        self.folder = folder
        self.log: Log = open_log(f"sqlite:///{folder}/log.db", server=False)
        self.handlers: Mapping[str, BaseCallbackHandler] = {
            "midtrans": MidtransCallbackHandler(settings=Settings()),
            "courier": Courier("courier"),
        }

    def receive(self, order_id: str, *, at: int = OLD, provider: str = "midtrans", **fields: str) -> int:
        body = {"order_id": order_id, "transaction_status": "settlement", "gross_amount": "100000.00", **fields}
        row: Row = (0, provider, "settlement", "", order_id, at, "", json.dumps(body).encode(), "unverified", "::1")
        return self.log.write_batch([row])

    def decide(self) -> None:
        worker = Worker(self.log, self.shop.engine, self.handlers, clock=self.shop.tick)
        worker.begin()
        while worker.step():
            pass
        worker.end()

    def prune(self) -> int:
        planned = retention.plan(self.shop.engine, self.log, before=LIMIT)
        return retention.carry_out(self.shop.engine, self.log, planned, rest=lambda _seconds: None)

    def ids(self) -> list[int]:
        return [callback.id for callback in self.log.read_after(0, 1000)]

    def log_bytes(self) -> int:
        """The log's size once all of it is in its file."""
        self.log.close()
        size = (self.folder / "log.db").stat().st_size
        self.log = open_log(f"sqlite:///{self.folder}/log.db", server=False)
        return size

    def show(self, callback_id: int) -> CallbackShown:
        return inbox.show_callback(self.shop.engine, self.log, self.handlers, callback_id, lang="en")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.log.close()
    place.shop.engine.dispose()


def test_what_is_old_and_applied_goes_and_what_is_young_stays(place: Place) -> None:
    place.shop.announce()
    old = place.receive("TU-1")
    young = place.receive("TU-1", at=LIMIT)
    place.decide()
    planned = retention.plan(place.shop.engine, place.log, before=LIMIT)
    assert (list(planned.ids), planned.oldest, planned.newest, planned.kept) == ([old], OLD, OLD, 0)
    assert planned.body_bytes == len(place.log.read_after(0, 1)[0].body)
    assert place.prune() == 1
    assert place.ids() == [young]


def test_the_newest_of_all_stays_however_old_so_that_ids_never_run_backwards(place: Place) -> None:
    place.receive("TU-1")
    newest = place.receive("TU-2")
    place.shop.announce("TU-1")
    place.shop.announce("TU-2")
    place.decide()
    place.prune()
    assert place.ids() == [newest]


def test_what_the_worker_has_not_passed_stays(place: Place) -> None:
    place.shop.announce("TU-1")
    place.shop.announce("TU-2")
    place.receive("TU-1")
    offset = place.receive("TU-1")
    place.decide()
    waits = place.receive("TU-2")
    assert place.prune() == 1
    assert place.ids() == [offset, waits]
    place.decide()
    assert place.shop.balance() == "200000.00"
    assert not alerts.list_alerts(place.shop.engine, lang="en").alerts  # the place of the worker is still there


def test_a_log_that_nobody_has_worked_on_loses_nothing(place: Place) -> None:
    place.receive("TU-1")
    place.receive("TU-2")
    assert place.prune() == 0


def test_parked_and_dead_ones_stay_until_they_are_settled(place: Place) -> None:
    place.shop.announce("TU-2")
    parked = place.receive("TU-1")
    dead = place.receive("TU-2", gross_amount="1.00")
    newest = place.receive("TU-3", at=NOW)
    place.decide()
    planned = retention.plan(place.shop.engine, place.log, before=LIMIT)
    assert (planned.rows, planned.kept) == (0, 2)
    letter = letters.list_dead(place.shop.engine, lang="en").dead_letters[0]
    letters.drop_dead(place.shop.engine, int(letter.id), who="ani", reason="seen", at=NOW, lang="en")
    assert place.prune() == 1
    place.shop.announce("TU-1")
    assert place.ids() == [parked, newest]
    assert place.shop.balance() == "100000.00"
    place.prune()
    assert place.ids() == [newest]
    assert dead not in place.ids()


def test_one_in_doubt_stays(place: Place) -> None:
    place.handlers = {"midtrans": MidtransCallbackHandler(settings=Settings(midtrans_server_key="SB-key"))}
    place.shop.announce("TU-1")
    body: dict[str, Any] = {
        "order_id": "TU-1",
        "status_code": "200",
        "gross_amount": "100000.00",
        "transaction_id": "T1",
    }
    body |= {
        "transaction_status": "refund",
        "refund_amount": "5.00",
        "refunds": [{"refund_key": "r", "refund_amount": "5.00"}],
    }
    row: Row = (0, "midtrans", "refund", "", "", OLD, "", json.dumps(body).encode(), "signature", "::1")
    doubted = place.log.write_batch([row])
    place.receive("TU-9", at=NOW)
    place.decide()
    assert place.show(doubted).outcome == "in_doubt"
    assert place.prune() == 0


def test_one_that_a_handler_has_still_to_get_stays_and_goes_when_it_is_done(place: Place) -> None:
    waits = place.receive("-", provider="courier")
    newest = place.receive("-", provider="courier", at=NOW)
    place.decide()
    assert place.prune() == 0
    with writing(place.shop.engine) as connection:
        connection.execute(text("UPDATE callback_tasks SET state = 'done' WHERE callback_id = :id"), {"id": waits})
    assert place.prune() == 1
    assert place.ids() == [newest]


def test_one_whose_task_was_given_up_stays_while_its_dead_letter_is_open(place: Place) -> None:
    given_up = place.receive("-", provider="courier")
    place.receive("-", provider="courier", at=NOW)
    place.decide()
    with writing(place.shop.engine) as connection:
        connection.execute(text("UPDATE callback_tasks SET state = 'dead' WHERE callback_id = :id"), {"id": given_up})
        connection.execute(
            text(
                "INSERT INTO callback_dead (kind, ref, reason, since)"
                " SELECT 'task', id, 'handler_failed', 0 FROM callback_tasks WHERE callback_id = :id"
            ),
            {"id": given_up},
        )
    assert place.prune() == 0
    letter = letters.list_dead(place.shop.engine, lang="en").dead_letters[0]
    letters.drop_dead(place.shop.engine, int(letter.id), who="ani", reason="seen", at=NOW, lang="en")
    assert place.prune() == 1


def test_what_is_needed_again_between_plan_and_removal_stays(place: Place) -> None:
    place.shop.announce("TU-1")
    again = place.receive("TU-1")
    place.receive("TU-1", at=NOW)
    place.decide()
    planned = retention.plan(place.shop.engine, place.log, before=LIMIT)
    with writing(place.shop.engine) as connection:
        connection.execute(
            text("INSERT INTO callback_dead (kind, ref, reason, since) VALUES ('callback', :id, 'lapsed', 0)"),
            {"id": again},
        )
    assert retention.carry_out(place.shop.engine, place.log, planned) == 0
    assert again in place.ids()


def test_an_offset_that_is_not_on_disk_yet_is_not_trusted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.receive("TU-1")
    place.decide()
    monkeypatch.setattr(retention, "_CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(retention, "checkpoint", lambda _engine: False)
    with pytest.raises(DatabaseError, match="try again"):
        retention.plan(place.shop.engine, place.log, before=LIMIT)


def test_facts_journals_outcomes_and_books_stay_and_the_callback_is_still_explained(place: Place) -> None:
    place.shop.announce("TU-1")
    pruned = place.receive("TU-1")
    repeated = place.receive("TU-1", at=NOW)
    place.decide()
    before = place.shop.show("TU-1")
    assert place.prune() == 1
    assert place.shop.show("TU-1") == before
    assert audit(place.shop.engine, place.log, place.handlers, lang="en").ok
    shown = place.show(pruned)
    assert (shown.kept, shown.outcome, shown.order_id, shown.body) == (False, "applied", "TU-1", "")
    assert [posting.account for posting in shown.postings] == ["wallet:ani", "clearing:midtrans"]
    assert "pruned" in shown.verified_how
    assert place.show(repeated).kept
    found = search.list_callbacks(place.shop.engine, place.log, search.Search(order_id="TU-1"), lang="en")
    assert [line.callback_id for line in found.callbacks] == [str(repeated), str(pruned)]
    with pytest.raises(NotFound):
        place.show(7)


def test_a_notification_that_comes_again_after_pruning_is_a_duplicate(place: Place) -> None:
    place.shop.announce("TU-1")
    place.receive("TU-1")
    place.receive("TU-2", at=NOW)
    place.decide()
    place.prune()
    again = place.receive("TU-1", at=NOW)
    place.decide()
    assert place.show(again).outcome == "duplicate"
    assert place.shop.balance() == "100000.00"


def test_its_room_is_taken_by_new_callbacks(place: Place) -> None:
    rows: list[Row] = [(0, "courier", "c", "", "", OLD, "", b"x" * 2_000, "token", "::1")] * 1_000
    place.log.write_batch(rows)
    place.decide()
    with writing(place.shop.engine) as connection:
        connection.execute(text("UPDATE callback_tasks SET state = 'done'"))
    size = place.log_bytes()
    assert place.prune() == 999
    assert place.log_bytes() == size
    place.log.write_batch(rows[1:])
    assert size > 2_000_000
    assert place.log_bytes() <= size * 1.05


def test_the_export_holds_exactly_what_goes(place: Place, tmp_path: Path) -> None:
    place.shop.announce("TU-1")
    parked, old = place.receive("TU-9"), place.receive("TU-1")
    place.receive("TU-1", at=NOW)
    place.decide()
    planned = retention.plan(place.shop.engine, place.log, before=LIMIT)
    file = tmp_path / "pruned.jsonl.gz"
    retention.export_first(place.log, planned, file)
    with gzip.open(file) as stream:
        (line,) = [json.loads(line) for line in stream]
    assert line["id"] == str(old) != str(parked)
    with pytest.raises(FieldError, match="there already"):
        refuse_existing(file)


def test_nothing_is_read_from_tables_that_grow_without_an_index(place: Place) -> None:
    """Under the state's lock, a batch looks only at its own callbacks."""
    with reading(place.shop.engine) as connection:
        for query in (retention._WAITING, retention._AT_WORK):  # noqa: SLF001 - what is run is what is asked about
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", (1, 2)).all()
            assert not [row for row in plan if row[3].startswith("SCAN") and "INDEX" not in row[3]], plan


def test_what_is_gone_before_it_is_in_the_file_ends_it_without_a_file(place: Place, tmp_path: Path) -> None:
    place.shop.announce("TU-1")
    for _ in range(3):
        place.receive("TU-1")
    place.decide()
    planned = retention.plan(place.shop.engine, place.log, before=LIMIT)
    place.log.delete(planned.ids[1:2])
    with pytest.raises(LogUnavailable, match="run it again"):
        retention.export_first(place.log, planned, tmp_path / "pruned.jsonl")
    assert not (tmp_path / "pruned.jsonl").exists()


def test_another_log_in_the_place_of_the_one_that_was_looked_at_loses_nothing(place: Place, tmp_path: Path) -> None:
    place.shop.announce("TU-1")
    for _ in range(3):
        place.receive("TU-1")
    place.decide()
    planned = retention.plan(place.shop.engine, place.log, before=LIMIT)
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"log.db{end}").rename(tmp_path / f"aside.db{end}")
    place.receive("TU-1")
    with pytest.raises(LogUnavailable, match="another log"):
        retention.carry_out(place.shop.engine, place.log, planned)
    assert len(place.ids()) == 1
