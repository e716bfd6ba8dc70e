import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.config import Settings
from app.core.database import reading, writing
from app.core.errors import FieldError, NotFound, ProcessingError
from app.engine.callback import Callback, Outcome, OutcomeWord
from app.engine.deciding import decide
from app.engine.log import Log, open_log
from app.engine.outcomes import write_outcomes
from app.operate import inbox, letters, many
from app.operate import replay as verbs
from app.operate.letters import LetterSearch
from app.operate.replay_shown import ReplayedShown
from app.operate.selection import Selection, selection_from
from tests.operate.shop import Shop

EVERY = Selection()


class Counting(WebhookCallbackHandler):
    """A handler of somebody's own with effects that nothing but the system keeps from happening twice."""

    def __init__(self) -> None:
        super().__init__("mine")
        self.done = 0
        self.error: Exception | None = None

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        del connection, at
        if self.error is not None:
            raise self.error
        self.done += len(callbacks)
        return [Outcome(callback.id, OutcomeWord.APPLIED) for callback in callbacks]


class Desk:
    """A shop with a log, the real Midtrans handler without a key, and one of somebody's own."""

    def __init__(self, shop: Shop, log: Log) -> None:
        self.shop = shop
        self.log = log
        self.mine = Counting()
        self.handlers: dict[str, Any] = {"midtrans": MidtransCallbackHandler(settings=Settings()), "mine": self.mine}
        self.room = verbs.Room(shop.engine, log, self.handlers)

    def take(self, order_id: str = "TU-1", status: str = "settlement", provider: str = "midtrans", **more: str) -> int:
        """A callback that was received and decided → its id."""
        fields = {"order_id": order_id, "transaction_status": status, "gross_amount": "100000.00", **more}
        at = self.shop.tick()
        row: Any = (0, provider, status, "", order_id, at, "", json.dumps(fields).encode(), "unverified", "")
        callback = Callback(self.log.write_batch([row]), *row)
        with writing(self.shop.engine) as connection:
            decide(connection, self.handlers, [callback], epoch_no=1, at=at)
        return callback.id

    def set_aside(self) -> int:
        """A callback on which the own handler failed."""
        del self.handlers["mine"]
        callback_id = self.take(provider="mine")
        self.handlers["mine"] = self.mine
        return callback_id

    def replay(self, callback_id: int) -> ReplayedShown:
        return verbs.replay_one(
            self.room, callback_id, who="sari", reason="the order was mended", at=self.shop.tick(), lang="en"
        )

    def explain(self, callback_id: int) -> ReplayedShown:
        return verbs.explain_one(self.room, callback_id, at=self.shop.tick(), lang="en")

    def replay_many(self, selection: Selection = EVERY, *, dry_run: bool = False) -> many.Tally:
        tally = many.Tally(dry_run=dry_run)
        verbs.replay_many(
            self.room,
            selection,
            who="sari",
            reason="mended",
            clock=self.shop.tick,
            tally=tally,
            progress=lambda _: None,
        )
        return tally

    def outcome(self, callback_id: int) -> tuple[str, str]:
        shown = inbox.show_callback(self.shop.engine, self.log, self.handlers, callback_id, lang="en")
        return shown.outcome, shown.reason

    def everything(self) -> list[Any]:
        with reading(self.shop.engine) as connection:
            ask = connection.exec_driver_sql
            names = ask("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
            return [(name, ask(f'SELECT * FROM "{name}"').all()) for name in sorted(names)]


@pytest.fixture
def desk(shop: Shop, tmp_path: Path) -> Iterator[Desk]:
    log = open_log(f"sqlite:///{tmp_path}/log.db", server=False)
    yield Desk(shop, log)
    log.close()


def test_an_applied_callback_comes_out_as_a_duplicate_and_stays_applied(desk: Desk) -> None:
    desk.shop.announce()
    paid, own = desk.take(), desk.take(provider="mine")
    for callback_id in (paid, own):
        told = desk.replay(callback_id)
        assert (told.was, told.outcome, told.kept, told.changed) == ("applied", "duplicate", "applied", False)
        assert desk.outcome(callback_id)[0] == "applied"
    assert desk.shop.balance() == "100000.00"
    assert desk.mine.done == 1


def test_a_callback_that_was_set_aside_is_decided_by_todays_handler_and_says_who_had_it_done(desk: Desk) -> None:
    callback_id = desk.set_aside()
    assert desk.outcome(callback_id) == ("set_aside", "no_handler")
    told = desk.replay(callback_id)
    assert (told.was, told.outcome, told.kept, told.changed) == ("set_aside", "applied", "applied", True)
    shown = inbox.show_callback(desk.shop.engine, desk.log, desk.handlers, callback_id, lang="en")
    assert shown.decided_by is not None
    assert (shown.decided_by.kind, shown.decided_by.who, shown.decided_by.reason) == (
        "replay",
        "sari",
        "the order was mended",
    )
    (letter,) = shown.dead_letters
    assert (letter.closed_how, letter.closed_by, letter.closed_reason) == ("retried", "sari", "the order was mended")
    assert desk.replay(callback_id).outcome == "duplicate"
    assert desk.mine.done == 1


def test_what_is_rejected_again_keeps_its_dead_letter_and_its_age(desk: Desk) -> None:
    desk.shop.announce(amount="5.00")
    callback_id = desk.take()
    (before,) = letters.list_dead(desk.shop.engine, lang="en").dead_letters
    told = desk.replay(callback_id)
    assert (told.outcome, told.reason, told.changed) == ("rejected", "amount_differs", False)
    assert letters.list_dead(desk.shop.engine, lang="en").dead_letters == [before]
    dropped = letters.drop_dead(
        desk.shop.engine, int(before.id), who="budi", reason="refunded", at=desk.shop.tick(), lang="en"
    )
    desk.replay(callback_id)
    assert letters.list_dead(desk.shop.engine, LetterSearch(closed=True), lang="en").dead_letters == [dropped]


def test_a_parked_callback_goes_on_waiting_since_when_it_came(desk: Desk) -> None:
    callback_id = desk.take()
    with reading(desk.shop.engine) as connection:
        before = connection.exec_driver_sql("SELECT * FROM callback_pending").all()
    told = desk.replay(callback_id)
    assert (told.was, told.outcome, told.changed) == ("parked", "parked", False)
    with reading(desk.shop.engine) as connection:
        assert connection.exec_driver_sql("SELECT * FROM callback_pending").all() == before
    desk.shop.announce()
    assert desk.shop.balance() == "100000.00"


def test_a_parked_callback_that_reads_differently_today_waits_with_what_it_says_today(desk: Desk) -> None:
    callback_id = desk.take(order_id="TU-1")
    read = desk.handlers["midtrans"].facts
    desk.handlers["midtrans"].facts = lambda callback: read(callback).__class__(
        **{**{name: getattr(read(callback), name) for name in read(callback).__struct_fields__}, "order_id": "TU-2"}
    )
    assert desk.replay(callback_id).changed
    desk.shop.announce("TU-2")
    desk.shop.announce("TU-1", user_id="budi")
    assert (desk.shop.balance(), desk.shop.balance("budi")) == ("100000.00", "0.00")


def test_a_callback_that_cannot_be_decided_is_as_it_was(desk: Desk) -> None:
    callback_id = desk.set_aside()
    before = desk.everything()
    desk.mine.error = RuntimeError("no stock")
    with pytest.raises(ProcessingError, match="RuntimeError: no stock"):
        desk.replay(callback_id)
    del desk.handlers["mine"]
    with pytest.raises(ProcessingError, match="CALLBACK_APP"):
        desk.replay(callback_id)
    with pytest.raises(NotFound, match="pruned, or never came"):
        desk.replay(7)
    with pytest.raises(FieldError, match="reason"):
        verbs.replay_one(desk.room, callback_id, who="sari", reason=" ", at=desk.shop.tick(), lang="en")
    row: Any = (0, "midtrans", "", "", "", desk.shop.tick(), "", b"{}", "unverified", "")
    with pytest.raises(ProcessingError, match="the worker comes to it"):
        desk.replay(desk.log.write_batch([row]))
    assert desk.everything() == before


def test_explaining_tells_the_row_the_facts_and_the_money_and_writes_nothing(desk: Desk) -> None:
    test_id = "payment_notif_test_1"
    callback_id = desk.take(order_id=test_id, transaction_id="T1")
    assert desk.outcome(callback_id) == ("ignored", "test_notification")
    desk.shop.announce(test_id)
    before = desk.everything()
    told = desk.explain(callback_id)
    assert (told.was, told.outcome, told.kept, told.changed) == ("ignored", "applied", "applied", True)
    assert told.explained is not None
    assert told.explained.row == "settlement or capture, fraud_status accept, status_code 200: paid"
    assert told.explained.facts == ["paid(T1)"]
    assert [(move.account, move.amount) for move in told.explained.moves] == [
        ("wallet:ani", "100000.00"),
        ("clearing:midtrans", "-100000.00"),
    ]
    assert (told.explained.status, told.explained.status_after) == ("waiting for word from the sender", "paid")
    assert desk.everything() == before
    assert desk.replay(callback_id).outcome == "applied"
    assert desk.shop.balance() == "100000.00"


def test_an_own_handlers_code_is_never_run_to_foresee_or_explain(desk: Desk) -> None:
    callback_id = desk.set_aside()
    told = desk.explain(callback_id)
    assert (told.outcome, told.changed) == ("", False)
    assert "only a replay itself can tell" in told.text
    tally = desk.replay_many(dry_run=True)
    assert tally.counts == {("set_aside", ""): 1}
    assert desk.mine.done == 0


def test_many_are_foreseen_as_they_then_become_and_one_that_fails_stops_nobody(desk: Desk) -> None:
    desk.shop.announce("A")
    desk.shop.announce("B", amount="5.00")
    for order_id in ("A", "A", "B", "C"):
        desk.take(order_id=order_id)
    desk.take(order_id="payment_notif_test_1")
    failing = desk.set_aside()
    desk.shop.announce("payment_notif_test_1")
    before = desk.everything()
    foreseen = desk.replay_many(dry_run=True)
    assert desk.everything() == before
    assert foreseen.counts == {
        ("applied", "duplicate"): 1,
        ("duplicate", "duplicate"): 1,
        ("rejected", "rejected"): 1,
        ("parked", "parked"): 1,
        ("ignored", "applied"): 1,
        ("set_aside", ""): 1,
    }
    desk.mine.error = RuntimeError("no stock")
    done = desk.replay_many()
    assert {key: count for key, count in foreseen.counts.items() if key[1]} == done.counts
    assert (done.done, done.failed, done.failures[0][0]) == (5, 1, failing)
    assert desk.replay_many().counts[("applied", "duplicate")] == 2
    assert desk.shop.balance() == "200000.00"


def test_many_are_chosen_by_sender_outcome_and_time(desk: Desk) -> None:
    first = desk.take("A")
    middle = desk.shop.now + 1
    desk.take("B")
    desk.take("payment_notif_test_1")
    assert sum(desk.replay_many(Selection(provider="digiflazz")).counts.values()) == 0
    assert desk.replay_many(Selection(outcome="parked")).counts == {("parked", "parked"): 2}
    assert desk.replay_many(Selection(outcome="parked", since=middle)).counts == {("parked", "parked"): 1}
    assert desk.replay_many(Selection(until=middle)).done == 1
    assert desk.replay_many(Selection(outcome="applied")).done == 0
    assert first
    at = desk.shop.now
    assert selection_from(provider="midtrans", since="2h", at=at) == Selection("midtrans", since=at - 7_200_000_000)
    for wrong in ({"outcome": "lost"}, {}, {"since": "soon"}):
        with pytest.raises(FieldError):
            selection_from(**wrong, at=at)


def test_a_stop_in_the_middle_keeps_whole_batches_and_leaves_the_rest_as_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "BATCH_ROWS", 4)
    ids = [desk.set_aside() for _ in range(10)]

    class StopsAtTheSixth(Counting):
        def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
            if self.done == 5:
                raise KeyboardInterrupt
            return super().apply(connection, callbacks, at)

    desk.handlers["mine"] = StopsAtTheSixth()
    tally = many.Tally()
    with pytest.raises(KeyboardInterrupt):
        verbs.replay_many(
            desk.room,
            Selection(),
            who="sari",
            reason="x",
            clock=desk.shop.tick,
            tally=tally,
            progress=lambda _: None,
        )
    assert tally.done == 4
    assert [desk.outcome(number)[0] for number in ids] == ["applied"] * 4 + ["set_aside"] * 6
    desk.handlers["mine"] = desk.mine
    assert desk.replay_many().counts == {("applied", "duplicate"): 4, ("set_aside", "applied"): 6}
    assert len(letters.list_dead(desk.shop.engine, lang="en").dead_letters) == 0


def test_a_repetition_never_becomes_a_dead_letter(desk: Desk) -> None:
    for number in range(2):
        row: Any = (0, "mine", "", "", "", desk.shop.tick() + number, "", b"{}", "unverified", "")
        callback = Callback(desk.log.write_batch([row]), *row)
        told = Outcome(callback.id, OutcomeWord.DUPLICATE, "confirmed")
        with writing(desk.shop.engine) as connection:
            write_outcomes(connection, [callback], [told], epoch_no=1, at=desk.shop.tick())

    class Disbelieving(Counting):
        def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
            del connection, at
            return [Outcome(callback.id, OutcomeWord.REJECTED, "not_confirmed") for callback in callbacks]

    desk.handlers["mine"] = Disbelieving()
    before = desk.everything()
    assert desk.replay_many().counts == {("duplicate", "duplicate"): 2}
    assert [row for name, row in desk.everything() if name == "callback_dead"] == [[]]
    assert desk.outcome(callback.id) == ("duplicate", "confirmed")
    assert before != desk.everything()  # who replayed them, and why, is kept


def test_what_the_log_no_longer_has_is_counted_and_stays_as_it_was(desk: Desk) -> None:
    gone, here = desk.set_aside(), desk.set_aside()
    desk.log.delete([gone])
    for dry_run, today in ((True, ""), (False, "applied")):
        tally = desk.replay_many(dry_run=dry_run)
        assert tally.counts == {("set_aside", "pruned"): 1, ("set_aside", today): 1}
        assert tally.failed == 0
    with reading(desk.shop.engine) as connection:
        words = connection.exec_driver_sql("SELECT callback_id, outcome FROM callback_outcomes ORDER BY 1").all()
    assert [tuple(row) for row in words] == [(gone, "set_aside"), (here, "applied")]


def test_what_was_handed_to_a_handler_is_not_handed_over_again(desk: Desk) -> None:
    class Courier(WebhookCallbackHandler):
        async def handle(self, data: Any) -> None:  # type: ignore[override] # the specification's form
            raise AssertionError(data)

    desk.handlers["courier"] = Courier("courier")
    callback_id = desk.take(provider="courier")
    with reading(desk.shop.engine) as connection:
        before = connection.exec_driver_sql("SELECT * FROM callback_tasks").all()
    told = desk.replay(callback_id)
    assert (told.kept, told.changed) == ("applied", False)
    assert "callbacks dead retry" in told.text
    with reading(desk.shop.engine) as connection:
        assert connection.exec_driver_sql("SELECT * FROM callback_tasks").all() == before
