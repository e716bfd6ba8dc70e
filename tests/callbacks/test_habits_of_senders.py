"""Habits of Midtrans and Digiflazz that others met: what decides nothing, and what may be missing or odd."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.callbacks.payment.midtrans_callback import facts_of as midtrans_facts
from app.callbacks.ppob.ppob_callbacks import DigiflazzCallbackHandler
from app.callbacks.ppob.ppob_callbacks import facts_of as digiflazz_facts
from app.core.database import get_engine
from app.engine.callback import Request
from app.engine.log import open_log
from app.ledger.book import Policy
from app.ledger.facts import Fact, FactKind, Level
from app.operate.wallets import adjust_wallet
from tests.callbacks.vectors import DIGIFLAZZ_SECRET, MIDTRANS_KEY, PAYLOADS, VECTORS, Vector, settings
from tests.callbacks.web import application, settle

MIDTRANS = MidtransCallbackHandler(settings=settings(midtrans_server_key=MIDTRANS_KEY))
DIGIFLAZZ = DigiflazzCallbackHandler(settings=settings(digiflazz_webhook_secret=DIGIFLAZZ_SECRET))
HANDLERS: dict[str, Any] = {"midtrans": MIDTRANS, "digiflazz": DIGIFLAZZ}
SAMPLES = [vector for vector in VECTORS if vector.provider in HANDLERS and vector.expected == "valid"]


def sample(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def purchase(**fields: Any) -> bytes:
    """A callback of Digiflazz; a field that is `...` is absent."""
    told = {**sample("digiflazz/prepaid_sukses_create")["data"], **fields}
    return json.dumps({"data": {name: value for name, value in told.items() if value is not ...}}).encode()


# ---- what decides nothing


@pytest.mark.parametrize("vector", SAMPLES, ids=repr)
def test_neither_address_nor_program_nor_event_word_of_a_sender_decides_anything(vector: Vector) -> None:
    handler = HANDLERS[vector.provider]
    proof = {name: value for name, value in vector.headers.items() if name == b"x-hub-signature"}
    found = set()
    for address, agent, event in (
        ("103.208.23.7", b"Veritrans", b"create"),
        ("203.0.113.9", b"digiflazz-pasca-hookshot", b"update"),
        ("", b"", b""),
    ):
        headers = {**proof, b"user-agent": agent, b"x-digiflazz-event": event}
        request = Request(vector.provider, vector.body, headers, address, vector.at)
        found.add((handler.verify(request, vector.at).how, handler.identify(request)))
    found.add((handler.verify(vector.request, vector.at).how, handler.identify(vector.request)))
    assert len(found) == 1
    assert found.pop()[0] == "signature"
    if vector.provider == "digiflazz":
        unsigned = Request("digiflazz", vector.body, {b"user-agent": b"Digiflazz-Hookshot"}, "103.208.23.7", 1)
        assert DIGIFLAZZ.verify(unsigned, 1).status == 401


def test_times_that_a_notification_names_decide_nothing() -> None:
    told = sample("midtrans/settlement_bca_va")
    expected = midtrans_facts(json.dumps(told).encode(), Level.SIGNED)
    assert [fact.kind for fact in expected.facts] == [FactKind.PAID]
    for time in ("1970-01-01 00:00:00", "2099-12-31 23:59:59", "", None, "yesterday", 5):
        odd = {**told, "transaction_time": time, "settlement_time": time, "expiry_time": time}
        assert midtrans_facts(json.dumps(odd).encode(), Level.SIGNED) == expected


def test_balances_that_digiflazz_tells_may_be_large_broken_or_missing() -> None:
    expected = digiflazz_facts(purchase())
    assert [fact.kind for fact in expected.facts] == [FactKind.SUCCEEDED]
    balances: list[Any] = [9_999_999_999_999, 4989.88, -1, "1000", None, ..., [], True]
    for balance in balances:
        assert digiflazz_facts(purchase(buyer_last_saldo=balance)) == expected
    assert digiflazz_facts(purchase().replace(b'"buyer_last_saldo": ', b'"buyer_last_saldo": 1e999, "x": ')) == expected


@pytest.mark.parametrize("missing", [None, ...])
def test_what_is_not_known_yet_may_be_null_or_missing_while_pending(missing: Any) -> None:
    body = purchase(status="Pending", rc="03", sn=missing, tele=missing, wa=missing, message=missing, price=missing)
    assert digiflazz_facts(body).facts == (Fact(FactKind.PENDING),)


def test_a_token_is_kept_whole_with_the_name_and_tariff_that_stand_behind_it() -> None:
    told = digiflazz_facts(purchase(sn="1234-5678-9012-3456-7890/BUDI SANTOSO/R1/1300/22,8"))
    assert told.facts == (Fact(FactKind.SUCCEEDED, key="1234-5678-9012-3456-7890/BUDI SANTOSO/R1/1300/22,8"),)


@pytest.mark.parametrize("case", ["postpaid_sukses_update", "postpaid_pending", "postpaid_gagal", "hotel_sukses"])
def test_a_postpaid_or_hotel_callback_is_about_the_ref_id_that_it_names(case: str) -> None:
    body = (PAYLOADS / f"digiflazz/{case}.json").read_bytes()
    request = Request("digiflazz", body, {}, "127.0.0.1", 1)
    assert (
        digiflazz_facts(body).order_id == DIGIFLAZZ.identify(request).ordering_key == json.loads(body)["data"]["ref_id"]
    )


# ---- at the door


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    del tmp_path
    monkeypatch.setenv("MIDTRANS_SERVER_KEY", MIDTRANS_KEY)
    monkeypatch.setenv("DIGIFLAZZ_WEBHOOK_SECRET", DIGIFLAZZ_SECRET)
    with application() as client:
        yield client


def kept() -> int:
    log = open_log("sqlite:///data/log.db", server=False)
    try:
        return len(log.read_after(0, 100))
    finally:
        log.close()


def test_json_is_taken_under_whatever_type_it_is_sent(web: TestClient) -> None:
    body = (PAYLOADS / "midtrans/settlement_bca_va.json").read_bytes()
    types = ["application/json", "application/hal+json", "text/plain", "application/x-www-form-urlencoded", ""]
    for content_type in types:
        answer = web.post("/callbacks/webhook/midtrans", content=body, headers={"Content-Type": content_type})
        assert answer.status_code == 200, content_type
    assert web.post("/callbacks/webhook/midtrans", content=body).status_code == 200
    assert kept() == len(types) + 1


def test_notices_of_other_products_are_refused_and_change_nothing(web: TestClient) -> None:
    query = "clientid=P-1&statuscode=1&msg=SUKSES"
    assert web.get(f"/callbacks/webhook/digiflazz?{query}").status_code == 405
    assert web.post(f"/callbacks/webhook/digiflazz?{query}").status_code == 400
    for family in ("debit/notify", "qr/qr-mpm-notify", "registration-account/notify"):
        snap = {"originalPartnerReferenceNo": "T-1", "latestTransactionStatus": "00"}
        answer = web.post(f"/callbacks/webhook/midtrans/v1.0/{family}", json=snap, headers={"X-SIGNATURE": "AAAA"})
        assert answer.status_code == 404
    assert web.post("/callbacks/webhook/midtrans", json=snap).status_code == 401
    assert kept() == 0


def test_a_purchase_is_never_found_by_the_number_of_its_customer(web: TestClient) -> None:
    [vector] = [v for v in SAMPLES if v.case == "prepaid_sukses_create"]
    customer_no = json.loads(vector.body)["data"]["customer_no"]
    policy = Policy(confirm="off")
    adjust_wallet(get_engine(), "ani", "+100000", who="budi", reason="opening balance", at=1, policy=policy)
    bought = {"user_id": "ani", "kind": "ppob", "amount": "10000.00", "customer_no": customer_no}
    for order_id in ("BUY-1", "BUY-2"):
        assert web.post("/transactions", json={**bought, "order_id": order_id}).status_code == 201
    headers = {name.decode(): value.decode() for name, value in vector.headers.items()}
    taken = web.post("/callbacks/webhook/digiflazz", content=vector.body, headers=headers).json()
    assert settle() == 1
    assert web.get(f"/callbacks/log/{taken['callback_id']}").json()["outcome"] == "parked"
    assert {web.get(f"/transactions/{order_id}").json()["status"] for order_id in ("BUY-1", "BUY-2")} == {"waiting"}
    assert web.get("/wallets/ani").json()["held"] == "20000.00"
