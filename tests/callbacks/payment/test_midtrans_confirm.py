"""Doubts are settled by the status API: the real performer, the real slow lane, a real server on loopback."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.callbacks.confirming import KIND, ConfirmPerformer
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.config import Settings
from app.core.database import make_engine, reading, writing
from app.engine.callback import Callback, OutcomeWord
from app.engine.deciding import decide
from app.engine.tasks.runner import Runner
from app.ledger.announce import NewOrder, announce
from app.migrations.run import bring_up_to_date
from app.providers.outgoing import open_client
from tests.fakes.midtrans_api import KEY, MidtransApi, failing, found, key_refused, midtrans_api, page

SECOND = 1_000_000
START = 1_800_000_000 * SECOND
ORDER = "TU-1-"


class Shop:
    """One shop with one order of 100000.00, announced for ani."""

    def __init__(self, folder: Path, api: MidtransApi) -> None:
        self.engine: Engine = make_engine(f"sqlite:///{folder / 'state.db'}")
        bring_up_to_date(self.engine)
        self.api = api
        self.settings = Settings.model_validate({"midtrans_server_key": KEY, "midtrans_api_url": api.url})
        self.handler = MidtransCallbackHandler(None, self.settings)
        self.at = START
        self.next_id = 1
        self.announce(ORDER, "ani")

    def announce(self, order_id: str, user_id: str) -> None:
        order = NewOrder(order_id, user_id, "topup", 10_000_000, "midtrans")
        with writing(self.engine) as connection:
            announce(connection, order, at=self.at, policy=self.handler.policy())

    def hear(self, **fields: Any) -> OutcomeWord:
        """One signed notification → its outcome."""
        notice = found(**{"order_id": ORDER, **fields})
        signed = f"{notice['order_id']}{notice['status_code']}{notice['gross_amount']}{KEY}"
        body = json.dumps({**notice, "signature_key": hashlib.sha512(signed.encode()).hexdigest()}).encode()
        number, self.next_id = self.next_id, self.next_id + 1
        word, order_id = notice["transaction_status"], notice["order_id"]
        row = Callback(number, 0, "midtrans", word, "", order_id, self.at, "", body, "signature", "127.0.0.1")
        with writing(self.engine) as connection:
            handlers: dict[str, Any] = {"midtrans": self.handler}
            return decide(connection, handlers, [row], epoch_no=1, at=self.at)[0].word

    async def ask(self, *, later_seconds: float = 0) -> int:
        """Carry out the questions that are due → how many were asked."""
        self.at += int(later_seconds * SECOND)
        async with open_client(public_only=False) as client:
            handlers = {"midtrans": MidtransCallbackHandler(settings=self.settings)}
            runner = Runner(self.engine, {KIND: ConfirmPerformer(handlers, client)})
            return await runner.run_once(self.at)

    def one(self, query: str) -> Any:
        with reading(self.engine) as connection:
            row = connection.exec_driver_sql(query).fetchone()
        return None if row is None else row[0]

    @property
    def balance(self) -> int:
        return int(self.one("SELECT balance FROM callback_accounts WHERE name = 'wallet:ani'"))

    def outcome(self, number: int) -> str:
        return str(self.one(f"SELECT outcome || ' ' || reason FROM callback_outcomes WHERE callback_id = {number}"))

    def alerts(self) -> int:
        return int(self.one("SELECT count(*) FROM callback_alerts WHERE closed_at IS NULL"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with midtrans_api() as api:
        opened = Shop(tmp_path, api)
        yield opened
        opened.engine.dispose()


REFUND = {
    "transaction_status": "partial_refund",
    "refund_amount": "30000.00",
    "refunds": [{"refund_key": "r1", "refund_amount": "30000.00"}],
}


async def test_a_refund_that_midtrans_confirms_is_taken_once(shop: Shop) -> None:
    assert shop.hear() == "applied"
    assert shop.hear(**REFUND) == "in_doubt"
    assert shop.hear(**REFUND) == "in_doubt"
    assert shop.balance == 10_000_000
    shop.api.say(ORDER, found(order_id=ORDER, **REFUND))
    assert await shop.ask() == 1  # however often it was told
    assert shop.balance == 7_000_000
    assert (shop.outcome(2), shop.outcome(3)) == ("applied confirmed", "duplicate confirmed")
    assert shop.one("SELECT body FROM callback_causes WHERE kind = 'answer'")
    assert await shop.ask(later_seconds=3600) == 0


async def test_a_forged_payment_is_rejected_when_midtrans_does_not_know_it(shop: Shop) -> None:
    assert shop.hear() == "applied"
    assert shop.hear(transaction_id="T2") == "in_doubt"
    shop.api.knows(**found(order_id=ORDER))
    assert await shop.ask() == 2  # the credited attempt is asked for too
    assert (shop.balance, shop.outcome(2)) == (10_000_000, "in_doubt code_met_before")
    await shop.ask(later_seconds=301)
    assert shop.outcome(2) == "rejected unknown_to_sender"
    assert shop.balance == 10_000_000
    assert await shop.ask(later_seconds=3600) == 0


async def test_a_forged_deny_takes_nothing_from_a_payment_that_stands(shop: Shop) -> None:
    shop.hear()
    assert shop.hear(transaction_status="deny", status_code="202") == "in_doubt"
    shop.api.say(ORDER, found(order_id=ORDER))
    await shop.ask()
    assert shop.balance == 10_000_000
    await shop.ask(later_seconds=3601)
    assert shop.outcome(2) == "rejected not_confirmed"
    assert shop.balance == 10_000_000


@pytest.mark.parametrize("answer", [failing(503), page(), found(order_id="SOMEBODY-ELSE")])
async def test_what_is_no_answer_is_asked_again_and_nothing_in_doubt_passes(shop: Shop, answer: Any) -> None:
    shop.hear()
    shop.hear(**REFUND)
    shop.api.say(ORDER, answer, found(order_id=ORDER, **REFUND))
    assert await shop.ask() == 1
    assert (shop.balance, shop.outcome(2)) == (10_000_000, "in_doubt takes_money_back")
    assert await shop.ask(later_seconds=120) == 1
    assert shop.balance == 7_000_000


async def test_a_refused_key_is_told_to_a_person_until_it_is_right_again(shop: Shop) -> None:
    shop.hear()
    shop.hear(**REFUND)
    shop.api.say(ORDER, key_refused(), found(order_id=ORDER, **REFUND))
    await shop.ask()
    assert shop.one("SELECT kind FROM callback_alerts WHERE closed_at IS NULL") == "key_refused"
    assert shop.api.url in shop.one("SELECT detail FROM callback_alerts")
    await shop.ask(later_seconds=120)
    assert (shop.balance, shop.alerts()) == (7_000_000, 0)


async def test_a_method_that_midtrans_knows_by_transaction_alone_is_confirmed_by_it(shop: Shop) -> None:
    dana = {"payment_type": "dana", "transaction_id": "D1"}
    shop.hear(**dana)
    shop.hear(**dana, **REFUND)
    shop.api.say("D1", found(order_id="D1", **dana, **REFUND))
    await shop.ask()
    assert shop.balance == 7_000_000
    assert shop.api.asked == [ORDER, "D1"]


async def test_an_attempt_of_another_order_pays_nobody_twice(shop: Shop) -> None:
    dana = {"payment_type": "dana", "transaction_id": "D1"}
    shop.announce("TU-2-", "budi")
    assert shop.hear(order_id="TU-2-", **dana) == "applied"
    assert shop.hear(transaction_status="authorize") == "applied"
    assert shop.hear(**dana) == "in_doubt"
    shop.api.say("D1", found(order_id="D1", **dana))
    await shop.ask()
    assert (shop.balance, shop.outcome(3)) == (0, "rejected attempt_of_another_order")
