"""A sender that proves nothing of what it says is asked before money moves: real HTTP, real ledger, real slow lane."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.callbacks.callback_manager import get_callback_manager
from app.callbacks.confirming import KIND, ConfirmPerformer
from app.core.clock import now_us
from app.core.database import get_engine
from app.engine.tasks.runner import Runner
from app.providers.outgoing import open_client
from tests.callbacks.web import application, settle
from tests.fakes.sender_api import SenderApi, sender_api

ADMIN = "the-admin-token-of-the-tests"
TOKEN = "the-token-in-the-address"
SECOND = 1_000_000


@pytest.fixture
def api() -> Iterator[SenderApi]:
    with sender_api() as api:
        yield api


@pytest.fixture
def shop(api: SenderApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLBACK_ENV", "production")
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", ADMIN)
    for name, value in {
        "OY_CALLBACK_TOKEN": TOKEN,
        "OY_ROUTING_TOKEN": TOKEN,
        "OY_API_KEY": api.key,
        "OY_USERNAME": api.username,
        "OY_API_URL": api.url,
        "DUITKU_API_KEY": api.key,
        "DUITKU_MERCHANT_CODE": "D001",
        "DUITKU_API_URL": api.url,
    }.items():
        monkeypatch.setenv(name, value)
    with application() as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        yield client


def announce(shop: TestClient, order: str, provider: str = "oy", amount: str = "150000.00") -> None:
    told = {"order_id": order, "user_id": "ani", "kind": "topup", "amount": amount, "provider": provider}
    assert shop.post("/transactions", json=told).status_code == 201


def link(order: str, status: str = "complete", *, attempt: str = "R1", **more: Any) -> dict[str, Any]:
    return {"partner_tx_id": order, "tx_ref_number": attempt, "status": status, "amount": 150_000, **more}


def routing(order: str, status: str = "COMPLETE", *, attempt: str = "R1") -> dict[str, Any]:
    return {"partner_trx_id": order, "trx_id": attempt, "payment_status": status, "receive_amount": 150_000}


def tell(shop: TestClient, told: Mapping[str, Any], name: str = "oy", token: str = TOKEN, status: int = 200) -> str:
    """Send one → what became of it at once."""
    answered = shop.post(f"/callbacks/webhook/{name}?token={token}", content=json.dumps(told))
    assert answered.status_code == status, answered.text
    if status != 200:
        return ""
    settle()
    outcome: str = newest(shop, name)["outcome"]
    return outcome


def newest(shop: TestClient, name: str = "oy") -> dict[str, Any]:
    (row,) = shop.get("/callbacks/log", params={"rows": 1, "provider": name}).json()["callbacks"]
    found: dict[str, Any] = shop.get(f"/callbacks/log/{row['callback_id']}").json()
    return found


def ask(later_seconds: float = 0) -> int:
    """Carry out the questions that are due → how many were asked."""

    async def once() -> int:
        async with open_client(public_only=False) as client:
            performer = ConfirmPerformer(get_callback_manager().lookup, client)
            return await Runner(get_engine(), {KIND: performer}).run_once(now_us() + int(later_seconds * SECOND))

    return asyncio.run(once())


def balance(shop: TestClient) -> str:
    amount: str = shop.get("/wallets/ani").json()["balance"]
    return amount


@pytest.mark.parametrize(("name", "told"), [("oy", link("O-1")), ("oy-routing", routing("O-1"))])
def test_a_payment_credits_once_its_sender_confirms_it_and_not_before(
    shop: TestClient, api: SenderApi, name: str, told: dict[str, Any]
) -> None:
    api.knows("O-1", "R1", "complete", 150_000)
    announce(shop, "O-1", name)
    assert tell(shop, told, name) == "in_doubt"
    assert shop.get("/transactions/O-1").json()["status"] == "waiting"
    assert ask() == 1
    assert api.asked == ["O-1"]
    assert newest(shop, name)["outcome"] == "applied"
    assert tell(shop, told, name) == "duplicate"
    assert balance(shop) == "150000.00"


def duitku(shop: TestClient, api: SenderApi, code: str = "00") -> str:
    """A callback whose signature says nothing of the result code."""
    proof = hashlib.md5(f"D001150000O-1{api.key}".encode()).hexdigest()  # noqa: S324 - the sender's
    form = f"merchantCode=D001&amount=150000&merchantOrderId=O-1&resultCode={code}&reference=R1&signature={proof}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert shop.post("/callbacks/webhook/duitku", content=form, headers=headers).status_code == 200
    settle()
    outcome: str = newest(shop, "duitku")["outcome"]
    return outcome


@pytest.mark.parametrize(("truth", "outcome"), [("complete", "applied"), ("failed", "rejected")])
def test_what_a_signature_leaves_open_is_asked_instead_of_waiting_for_a_person(
    shop: TestClient, api: SenderApi, truth: str, outcome: str
) -> None:
    api.knows("O-1", "R1", truth, 150_000)
    announce(shop, "O-1", "duitku")
    assert duitku(shop, api, "01") == "applied"  # it failed, whoever says so
    assert duitku(shop, api) == "in_doubt"
    assert ask() == 1
    assert newest(shop, "duitku")["outcome"] == outcome
    assert balance(shop) == ("150000.00" if outcome == "applied" else "0.00")


def test_two_callbacks_of_one_payment_credit_once(shop: TestClient, api: SenderApi) -> None:
    api.knows("O-1", "R1", "complete", 150_000)
    announce(shop, "O-1")
    for settlement in ("WAITING", "SUCCESS"):
        tell(shop, link("O-1", settlement_status=settlement))
    ask()
    assert tell(shop, link("O-1", settlement_status="SUCCESS", again=1)) == "duplicate"
    assert balance(shop) == "150000.00"


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, "not_confirmed"),
        (("R1", "expired"), "sender_denies"),
        (("R1", "waiting_payment"), "not_confirmed"),
        (("R2", "complete"), "unknown_to_sender"),
    ],
    ids=["unknown", "expired", "not yet", "another payment"],
)
def test_what_its_sender_does_not_confirm_credits_nobody(
    shop: TestClient, api: SenderApi, known: tuple[str, str] | None, reason: str
) -> None:
    announce(shop, "O-1")
    if known is not None:
        api.knows("O-1", *known, 150_000)
    assert tell(shop, link("O-1")) == "in_doubt"
    assert ask() == 1
    ask(later_seconds=3_000)
    if reason != "sender_denies":
        assert newest(shop)["outcome"] == "in_doubt"
    ask(later_seconds=3_700)
    assert (newest(shop)["outcome"], newest(shop)["reason"]) == ("rejected", reason)
    assert balance(shop) == "0.00"


@pytest.mark.parametrize("other", [None, {"partner_tx_id": "O-2"}, {"status": "a new word"}, {"amount": "much"}])
def test_an_api_that_says_nothing_of_the_order_is_not_asked_for_ever(
    shop: TestClient, api: SenderApi, other: dict[str, str] | None
) -> None:
    announce(shop, "O-1")
    if other is not None:
        api.knows("O-1", "R1", "complete", 150_000)
        api.tells("O-1", **other)
    tell(shop, link("O-1"))
    assert [ask(), ask(later_seconds=400), ask(later_seconds=3_500)] == [1, 1, 1]
    assert newest(shop)["outcome"] == "in_doubt"
    assert ask(later_seconds=3_700) == 1
    assert (newest(shop)["outcome"], newest(shop)["reason"]) == ("rejected", "not_confirmed")
    assert ask(later_seconds=7_400) == 0
    assert balance(shop) == "0.00"
    (letter,) = shop.get("/callbacks/dead").json()["dead_letters"]
    assert "the answer" in json.dumps(letter)


def test_another_amount_than_was_announced_is_refused_unasked(shop: TestClient, api: SenderApi) -> None:
    announce(shop, "O-1")
    assert tell(shop, link("O-1", amount=1_000)) == "rejected"
    assert ask() == 0
    assert api.asked == []


def test_an_answer_of_another_amount_credits_nobody(shop: TestClient, api: SenderApi) -> None:
    api.knows("O-1", "R1", "complete", 1_000)
    announce(shop, "O-1")
    assert tell(shop, link("O-1")) == "in_doubt"
    ask()
    assert newest(shop)["outcome"] == "in_doubt"


def test_what_came_before_its_order_waits_and_is_asked_about_then(shop: TestClient, api: SenderApi) -> None:
    api.knows("O-1", "R1", "complete", 150_000)
    assert tell(shop, link("O-1")) == "parked"
    announce(shop, "O-1")
    assert newest(shop)["outcome"] == "in_doubt"
    ask()
    assert balance(shop) == "150000.00"


def test_words_that_move_no_money_count_unasked(shop: TestClient, api: SenderApi) -> None:
    announce(shop, "O-1")
    assert tell(shop, link("O-1", "waiting_payment")) == "applied"
    assert tell(shop, link("O-1", "expired")) == "applied"
    assert shop.get("/transactions/O-1").json()["status"] == "expired"
    assert ask() == 0
    api.knows("O-1", "R1", "complete", 150_000)
    assert tell(shop, link("O-1")) == "in_doubt"
    ask()
    assert balance(shop) == "150000.00"


def test_an_api_that_fails_or_refuses_our_key_is_asked_again(shop: TestClient, api: SenderApi) -> None:
    api.knows("O-1", "R1", "complete", 150_000)
    announce(shop, "O-1")
    tell(shop, link("O-1"))
    api.status = 503
    ask()
    api.status, api.key = 200, "another"
    ask(later_seconds=100)
    assert api.refused == 1
    assert [alert["kind"] for alert in shop.get("/callbacks/alerts").json()["alerts"]] == ["key_refused"]
    api.key = "oy-api-key-of-the-tests"
    ask(later_seconds=10_000)
    assert balance(shop) == "150000.00"
    assert shop.get("/callbacks/alerts").json()["alerts"] == []


def test_whoever_does_not_know_the_address_is_refused(shop: TestClient) -> None:
    tell(shop, link("O-1"), token="guessed", status=401)
    assert shop.post("/callbacks/webhook/oy", content=json.dumps(link("O-1"))).status_code == 401


def test_neither_the_token_of_the_address_nor_the_key_is_kept_or_shown(shop: TestClient, api: SenderApi) -> None:
    api.knows("O-1", "R1", "complete", 150_000)
    announce(shop, "O-1")
    tell(shop, link("O-1"))
    ask()
    told = json.dumps([newest(shop), shop.get("/transactions/O-1").json()])
    assert TOKEN not in told
    assert api.key not in told


def test_without_its_key_nothing_is_taken_that_nobody_could_ask_about(
    shop: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    del shop
    monkeypatch.delenv("OY_API_KEY")
    with application() as client:
        tell(client, link("O-1"), status=503)


def test_whoever_names_it_in_callback_believe_is_not_asked(
    shop: TestClient, api: SenderApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    del shop
    monkeypatch.setenv("CALLBACK_BELIEVE", "oy")
    with application() as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        announce(client, "O-1")
        assert tell(client, link("O-1")) == "applied"
        assert balance(client) == "150000.00"
    assert api.asked == []


@pytest.mark.parametrize("missing", ["OY_USERNAME", "OY_API_KEY"])
def test_what_nobody_could_ask_about_is_not_taken_for_unknown_to_its_sender(
    shop: TestClient, api: SenderApi, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    announce(shop, "O-1")
    assert tell(shop, link("O-1")) == "in_doubt"
    monkeypatch.delenv(missing)
    with application() as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        assert [ask(), ask(later_seconds=3_700)] == [1, 1]
        assert newest(client)["outcome"] == "in_doubt"
    assert api.asked == []
