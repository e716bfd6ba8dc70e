"""Handlers with `apply` as people write them: in one transaction with everybody's, and with mistakes."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.callback_manager import CallbackRouter
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.clock import now_us
from app.core.database import reading, writing
from app.core.errors import ValidationError
from app.engine.callback import Callback, Outcome, OutcomeWord
from app.ledger.parked import lapse
from app.operate import orders, wallets
from app.operate.policy import UNASKED
from tests.callbacks.world import Noting, World

PUT = text("INSERT INTO seen VALUES (:id)")
PAID = {"order_id": "TU-1", "transaction_status": "settlement", "gross_amount": "100000.00"}
Written = Callable[[Connection, Sequence[Callback]], Any]


def working(world: World, write: Written, count: int = 3) -> list[int]:
    """Callbacks for a handler whose `apply` is this, in one batch behind a payment; decided."""

    class Own(WebhookCallbackHandler):
        def apply(self, connection: Connection, callbacks: Sequence[Callback]) -> Any:
            return write(connection, callbacks)

    with world.engine.begin() as connection:
        connection.execute(text("CREATE TABLE seen (id INTEGER)"))
    order = {"order_id": "TU-1", "user_id": "ani", "kind": "topup", "amount": "100000.00"}
    orders.create_order(world.engine, order, at=now_us(), policy=UNASKED, lang="en")
    world.manager.register_handler("own", Own("own"))
    world.keep("midtrans", json.dumps(PAID).encode(), "TU-1")
    kept = [world.keep("own", json.dumps({"n": number}).encode()) for number in range(count)]
    world.work()
    return kept


def seen(world: World) -> list[int]:
    with reading(world.engine) as connection:
        return list(connection.execute(text("SELECT id FROM seen")).scalars())


def put(connection: Connection, callbacks: Sequence[Callback]) -> None:
    connection.execute(PUT, [{"id": callback.id} for callback in callbacks])


def rolls_back(connection: Connection, callbacks: Sequence[Callback]) -> None:
    put(connection, callbacks)
    connection.rollback()


def commits(connection: Connection, callbacks: Sequence[Callback]) -> None:
    del callbacks
    connection.commit()


def rolls_a_session_back(connection: Connection, callbacks: Sequence[Callback]) -> None:
    put(connection, callbacks)
    with Session(connection) as session:
        session.execute(text("SELECT 1"))
        session.rollback()


def says_rollback(connection: Connection, callbacks: Sequence[Callback]) -> None:
    put(connection, callbacks)
    connection.execute(text("ROLLBACK"))


def closes(connection: Connection, callbacks: Sequence[Callback]) -> None:
    put(connection, callbacks)
    connection.close()


@pytest.mark.parametrize("write", [rolls_back, commits, rolls_a_session_back, says_rollback, closes])
def test_who_ends_the_workers_transaction_is_set_aside_and_costs_nobody_else_a_payment(
    world: World, write: Written
) -> None:
    working(world, write)
    assert world.outcomes()[0][0] in {"applied", "duplicate"}  # a commit kept its facts, before it was told apart
    assert world.outcomes()[1:] == [("set_aside", "handler_failed")] * 3
    assert wallets.show_wallet(world.engine, "ani").balance == "100000.00"
    assert seen(world) == []
    with reading(world.engine) as connection:
        told = connection.execute(text("SELECT detail FROM callback_outcomes ORDER BY callback_id DESC")).scalar()
    assert "'own'" in str(told) or write is closes


def test_a_session_of_the_orm_on_the_workers_connection_joins_its_transaction(world: World) -> None:
    def by_session(connection: Connection, callbacks: Sequence[Callback]) -> None:
        with Session(connection) as session:
            session.execute(PUT, [{"id": callback.id} for callback in callbacks])
            session.commit()

    kept = working(world, by_session)
    assert seen(world) == kept
    assert world.outcomes() == [("applied", "")] * 4


def test_a_part_that_fails_is_undone_by_a_savepoint_of_its_own(world: World) -> None:
    def but_one(connection: Connection, callbacks: Sequence[Callback]) -> list[Outcome]:
        outcomes = []
        for callback in callbacks:
            word = OutcomeWord.APPLIED
            savepoint = connection.begin_nested()
            put(connection, [callback])
            if b"1" in callback.body:
                savepoint.rollback()
                word = OutcomeWord.IGNORED
            outcomes.append(Outcome(callback.id, word, "seen"))
        return outcomes

    first, _, last = working(world, but_one)
    assert seen(world) == [first, last]
    assert [word for word, _ in world.outcomes()] == ["applied", "applied", "ignored", "applied"]


def test_who_raises_for_one_callback_loses_that_one_alone(world: World) -> None:
    def picky(connection: Connection, callbacks: Sequence[Callback]) -> None:
        for callback in callbacks:
            if b"1" in callback.body:
                raise ValidationError("n must not be 1")
            put(connection, [callback])

    first, second, last = working(world, picky)
    assert seen(world) == [first, last]
    assert [word for word, _ in world.outcomes()] == ["applied", "applied", "set_aside", "applied"]
    with reading(world.engine) as connection:
        row = connection.execute(text("SELECT detail FROM callback_outcomes WHERE callback_id = :id"), {"id": second})
        assert json.loads(row.scalar_one()) == {"error": "ValidationError", "text": "n must not be 1"}


async def test_own_tables_first_and_then_handle_in_the_slow_lane(world: World) -> None:
    class Both(Noting):
        def apply(self, connection: Connection, callbacks: Sequence[Callback]) -> Any:
            put(connection, callbacks)
            return super().apply(connection, callbacks)

    with world.engine.begin() as connection:
        connection.execute(text("CREATE TABLE seen (id INTEGER)"))
    handler = Both("both")
    world.manager.register_handler("both", handler)
    number = world.keep("both", b'{"n": 1}')
    world.work()
    await world.carry_out()
    assert (seen(world), handler.seen) == ([number], [{"n": 1}])
    told = await CallbackRouter(world.manager).route_webhook("both", {"n": 2})
    assert told["success"] is True
    await world.carry_out()
    assert (len(seen(world)), handler.seen) == (2, [{"n": 1}, {"n": 2}])


def test_what_the_ledger_records_for_a_subclass_has_todays_time(world: World) -> None:
    class Mine(MidtransCallbackHandler):
        def apply(self, connection: Connection, callbacks: Sequence[Callback]) -> Any:  # type: ignore[override]
            return super().apply(connection, callbacks)  # type: ignore[call-arg]

    world.manager.register_handler("midtrans", Mine(settings=world.settings), replace=True)
    world.keep("midtrans", json.dumps(PAID).encode(), "TU-1")
    world.work()
    assert world.outcomes() == [("parked", "not_announced")]
    with writing(world.engine) as connection:
        lapse(connection, now_us())
    with reading(world.engine) as connection:  # a day has not passed since then
        assert connection.execute(text("SELECT count(*) FROM callback_dead")).scalar_one() == 0


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (lambda _: True, "returned bool"),
        (lambda each: each[0], "returned Callback"),
        (lambda each: [{"success": True} for _ in each], "returned dict"),
        (lambda each: [Outcome(one.id, "great") for one in each], "'great'"),  # type: ignore[arg-type]
        (lambda each: [Outcome(7, OutcomeWord.APPLIED) for _ in each], "no outcome"),
    ],
)
def test_an_answer_that_is_none_is_set_aside_with_what_is_wrong_with_it(
    world: World, told: Callable[[Sequence[Callback]], Any], why: str
) -> None:
    def wrong(connection: Connection, callbacks: Sequence[Callback]) -> Any:
        put(connection, callbacks)
        return told(callbacks)

    working(world, wrong, count=1)
    assert seen(world) == []
    with reading(world.engine) as connection:
        detail = connection.execute(text("SELECT detail FROM callback_outcomes ORDER BY callback_id DESC")).scalar()
    assert why in str(detail)
