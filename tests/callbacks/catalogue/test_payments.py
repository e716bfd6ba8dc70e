"""Payments of catalogue providers, from the address to the wallet; in production unless a test says otherwise."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.operate.matters.of_callbacks import CALLBACKS
from tests.callbacks.web import application, settle

TRIPAY_KEY = "tripay-key"
OWN_KEY = "own-key"
TOKOPAY_KEY = "tokopay-key"
HUGE = 10**4000
ADMIN = "an-admin-token-of-the-shop"

#: A provider of the shop's own: amounts in minor units, refunds with a name each, a sum so far, chargebacks in part.
OWN = """
title = "Our bank"
group = "ours"
confirmed = "yours"

[secret]
variable = "OURBANK_SECRET"

[scheme]
kind = "hmac"
algorithm = "sha256"
from = "header:X-Sign"

[payment]
order_id = "{order}"
attempt = "{payment}"
amount = "amount"
refunded = "back"
refund_key = ["{refund}", "{optional(refund)}"]
unit = "minor"
currency = "currency"
says = [
  { when = { said = "paid" }, word = "paid" },
  { when = { said = ["refund", "refunded"] }, word = "refunded" },
  { when = { said = "dispute" }, word = "charged_back" },
  { when = { said = "void" }, word = "cancelled" },
  { when = { said = "late" }, word = "expired" },
  { when = { said = "hello" }, word = "ignored" },
]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "ourbank.toml").write_text(OWN.replace('refund_key = ["{refund}", "{optional(refund)}"]\n', ""))
    (folder / "named.toml").write_text(OWN.replace('["{refund}", "{optional(refund)}"]', '"{refund}"'))
    (folder / "oneplace.toml").write_text(
        OWN.replace('["{refund}", "{optional(refund)}"]', '"{refund}"').replace(
            'refunded = "back"', 'refunded = "amount"'
        )
    )
    (folder / "heads.toml").write_text(
        OWN.replace("said =", '"header:X-Said" =')
        .replace('order_id = "{order}"', 'order_id = "{header:X-Order}"')
        .replace('from = "header:X-Sign"', 'from = "header:X-Sign"\nsigned = "{header:X-Order}{header:X-Said}{body}"')
    )
    monkeypatch.setenv("CALLBACK_PROVIDERS", str(folder))
    monkeypatch.setenv("CALLBACK_ENV", "production")
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", ADMIN)
    monkeypatch.setenv("TRIPAY_PRIVATE_KEY", TRIPAY_KEY)
    monkeypatch.setenv("OURBANK_SECRET", OWN_KEY)
    monkeypatch.setenv("TOKOPAY_SECRET", TOKOPAY_KEY)
    monkeypatch.setenv("TOKOPAY_MERCHANT_ID", "M1")
    with application() as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        yield client


def announce(shop: TestClient, order: str, provider: str, amount: str = "50000.00") -> None:
    told = {"order_id": order, "user_id": "ani", "kind": "topup", "amount": amount, "provider": provider}
    assert shop.post("/transactions", json=told).status_code == 201


def signed(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def tripay(shop: TestClient, order: str, status: str, amount: Any = 50_000, reference: str = "T1") -> dict[str, Any]:
    """Send one → its outcome."""
    body = json.dumps(
        {"reference": reference, "merchant_ref": order, "total_amount": amount, "status": status}
    ).encode()
    return told(shop, "tripay", body, {"X-Callback-Signature": signed(body, TRIPAY_KEY)}, {"success": True})


def own(shop: TestClient, name: str = "ourbank", **fields: Any) -> dict[str, Any]:
    body = json.dumps({"order": "B-1", "payment": "P1", "amount": 5_000_000, "currency": "IDR", **fields}).encode()
    return told(shop, name, body, {"X-Sign": signed(body, OWN_KEY)})


def told(
    shop: TestClient, name: str, body: bytes, headers: dict[str, str], answer: Any = None, status: int = 200
) -> dict[str, Any]:
    answered = shop.post(f"/callbacks/webhook/{name}", content=body, headers=headers)
    assert answered.status_code == status, answered.text
    if answer is not None:
        assert answered.json() == answer
    settle()
    (newest,) = shop.get("/callbacks/log", params={"rows": 1, "provider": name}).json()["callbacks"][:1]
    found: dict[str, Any] = shop.get(f"/callbacks/log/{newest['callback_id']}").json()
    return found


def balance(shop: TestClient) -> str:
    amount: str = shop.get("/wallets/ani").json()["balance"]
    return amount


def test_what_stands_in_headers_is_kept_and_read_like_fields(shop: TestClient) -> None:
    announce(shop, "H-1", "heads")
    body = b'{"payment": "P1", "amount": 5000000, "currency": "IDR"}'
    for word, outcome in ((b"soon", "ignored"), (b"paid", "applied")):
        proof = signed(b"H-1" + word + body, OWN_KEY).encode()
        headers = {b"X-Sign": proof, b"X-Order": b"H-1", b"X-Said": word}
        assert shop.post("/callbacks/webhook/heads", content=body, headers=headers).status_code == 200
        assert shop.post("/callbacks/webhook/heads", content=body, headers={**headers, b"X-Order": b"H-2"}).is_error
        settle()
        newest = shop.get("/callbacks/log", params={"rows": 1, "provider": "heads"}).json()["callbacks"][0]
        assert newest["outcome"] == outcome
    assert shop.get("/wallets/ani").json()["balance"] == "50000.00"


def test_a_payment_credits_once_however_often_and_in_whatever_order_it_is_told(shop: TestClient) -> None:
    announce(shop, "TP-1", "tripay")
    assert tripay(shop, "TP-1", "PAID")["outcome"] == "applied"
    assert tripay(shop, "TP-1", "paid")["outcome"] == "duplicate"
    assert tripay(shop, "TP-1", "EXPIRED")["outcome"] == "applied"
    assert balance(shop) == "50000.00"


def test_money_after_expiry_credits_and_a_callback_before_its_order_waits(shop: TestClient) -> None:
    assert tripay(shop, "TP-2", "EXPIRED")["outcome"] == "parked"
    assert tripay(shop, "TP-2", "PAID")["outcome"] == "parked"
    announce(shop, "TP-2", "tripay")
    assert balance(shop) == "50000.00"
    alerts = shop.get("/callbacks/alerts").json()["alerts"]
    assert [alert["kind"] for alert in alerts] == ["paid_after_expiry"]


def test_a_refund_without_an_amount_takes_all_of_it_back_and_implies_that_it_was_paid(shop: TestClient) -> None:
    announce(shop, "TP-3", "tripay")
    assert tripay(shop, "TP-3", "REFUND")["outcome"] == "applied"
    assert balance(shop) == "0.00"
    assert shop.get("/transactions/TP-3").json()["status"] == "refunded"
    assert tripay(shop, "TP-3", "PAID")["outcome"] == "duplicate"


@pytest.mark.parametrize("amount", ["50000", "50000.00", 50_000, 50_000.0])
def test_an_amount_is_read_from_text_and_from_a_number_alike(shop: TestClient, amount: Any) -> None:
    announce(shop, "TP-4", "tripay")
    assert tripay(shop, "TP-4", "PAID", amount)["outcome"] == "applied"


@pytest.mark.parametrize(
    "amount",
    ["50.000", "5e4", "050000", "-50000", "", None, [], {}, True, "９", 1e300, HUGE],
    ids=lambda each: json.dumps(each)[:12] if each != HUGE else "huge",
)
def test_what_is_no_amount_is_refused_by_the_fields_name(shop: TestClient, amount: Any) -> None:
    announce(shop, "TP-5", "tripay")
    body = b'{"reference":"T1","merchant_ref":"TP-5","status":"PAID","total_amount":%b}'
    text = "1" + "0" * 4000 if isinstance(amount, int) and amount > 10**18 else json.dumps(amount)
    found = told(
        shop, "tripay", body % text.encode(), {"X-Callback-Signature": signed(body % text.encode(), TRIPAY_KEY)}
    )
    assert (found["outcome"], found["reason"]) == ("rejected", "unreadable")
    assert balance(shop) == "0.00"


def test_another_amount_is_rejected_and_a_person_is_told(shop: TestClient) -> None:
    announce(shop, "TP-6", "tripay")
    assert tripay(shop, "TP-6", "PAID", 49_999)["reason"] == "amount_differs"
    assert balance(shop) == "0.00"


def test_an_unknown_word_is_ignored_and_says_which(shop: TestClient) -> None:
    announce(shop, "TP-7", "tripay")
    found = tripay(shop, "TP-7", "MYSTERY")
    assert (found["outcome"], found["reason"]) == ("ignored", "unknown_word")
    assert "MYSTERY" in json.dumps(found)


def test_another_senders_order_is_never_moved(shop: TestClient) -> None:
    announce(shop, "B-1", "ourbank")
    assert tripay(shop, "B-1", "PAID")["reason"] == "another_senders_order"
    assert balance(shop) == "0.00"


def test_minor_units_and_sums_so_far_are_what_the_file_says(shop: TestClient) -> None:
    announce(shop, "B-1", "ourbank")
    assert own(shop, said="paid")["outcome"] == "applied"
    assert own(shop, said="refund", back=1_000_000)["outcome"] == "applied"
    assert own(shop, said="refund", back="3000000")["outcome"] == "applied"
    assert own(shop, said="refund", back=1_000_000)["outcome"] == "duplicate"
    assert balance(shop) == "20000.00"


def test_refunds_with_a_name_of_their_own_add_up(shop: TestClient) -> None:
    announce(shop, "B-1", "named")
    own(shop, "named", said="refund", refund="r1", back=1_000_000)
    own(shop, "named", said="refund", refund="r2", back=2_000_000)
    assert own(shop, "named", said="refund", refund="r2", back=2_000_000)["outcome"] == "duplicate"
    assert balance(shop) == "20000.00"
    assert own(shop, "named", said="refund", back=1)["reason"] == "unreadable"


def test_where_one_place_tells_what_was_paid_and_what_went_back_a_refund_in_part_is_one(shop: TestClient) -> None:
    announce(shop, "B-1", "oneplace")
    assert own(shop, "oneplace", said="refund", refund="r1", amount=1_000_000)["outcome"] == "applied"
    assert own(shop, "oneplace", said="paid")["outcome"] == "applied"
    assert balance(shop) == "40000.00"


def test_a_refund_that_does_not_repeat_the_amount_takes_back_what_was_paid_whenever_that_is_told(
    shop: TestClient,
) -> None:
    announce(shop, "B-1", "ourbank")
    assert own(shop, said="refund", back=1_000_000, amount=None)["outcome"] == "applied"
    assert own(shop, said="paid")["outcome"] == "applied"
    assert balance(shop) == "40000.00"


def test_a_chargeback_and_a_void_take_the_money_back(shop: TestClient) -> None:
    announce(shop, "B-1", "ourbank")
    own(shop, said="paid")
    own(shop, said="dispute", back=500_000)
    assert balance(shop) == "45000.00"
    own(shop, said="void")
    assert balance(shop) == "0.00"


def test_a_currency_that_is_not_the_orders_is_rejected_and_one_that_is_none_is_unreadable(shop: TestClient) -> None:
    announce(shop, "B-1", "ourbank")
    assert own(shop, said="paid", currency="USD")["reason"] == "amount_differs"
    assert own(shop, said="paid", currency="rupiah")["reason"] == "unreadable"
    assert own(shop, said="paid", currency="KWD")["reason"] == "unreadable"
    assert own(shop, said="hello")["reason"] == "no_order_word"
    assert balance(shop) == "0.00"


def english(found: dict[str, Any]) -> str:
    return CALLBACKS[found["reason"]].told.en.format(**found["detail"])


def tokopay(shop: TestClient) -> dict[str, Any]:
    proof = hashlib.md5(f"M1:{TOKOPAY_KEY}:DT-1".encode()).hexdigest()  # noqa: S324 - the sender's
    fields = {"reff_id": "DT-1", "reference": "D1", "status": "Success", "data": {"total_dibayar": 150_000}}
    return told(shop, "tokopay", json.dumps({**fields, "signature": proof}).encode(), {})


def test_what_the_proof_does_not_cover_credits_nobody_until_a_person_says_so(shop: TestClient) -> None:
    announce(shop, "DT-1", "tokopay", "150000.00")
    found = tokopay(shop)
    assert (found["outcome"], found["reason"]) == ("rejected", "not_proved")
    assert balance(shop) == "0.00"
    (letter,) = shop.get("/callbacks/dead").json()["dead_letters"]
    assert "tokopay says paid, but its proof does not cover the amount and the status" in english(found)
    assert "transactions resolve DT-1 paid" in json.dumps(letter)
    assert "CALLBACK_BELIEVE" in json.dumps(letter)
    assert not any("{" in text for text in (letter["text"], letter["what_to_do"]))
    shop.post("/transactions/DT-1/resolve", json={"word": "paid", "reason": "seen in the dashboard"})
    assert balance(shop) == "150000.00"


@pytest.mark.usefixtures("shop")
def test_a_provider_that_the_shop_believes_credits_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_BELIEVE", "faspay, tokopay")
    with application() as believing:
        believing.headers["Authorization"] = f"Bearer {ADMIN}"
        announce(believing, "DT-1", "tokopay", "150000.00")
        assert tokopay(believing)["outcome"] == "applied"
        assert balance(believing) == "150000.00"


def test_the_log_the_handlers_and_the_figures_know_it(shop: TestClient) -> None:
    announce(shop, "TP-9", "tripay")
    found = tripay(shop, "TP-9", "PAID")
    assert found["verification"] == "signature"
    assert found["explanation"]["said"] == "status PAID"
    rows = {row["name"]: row for row in shop.get("/callbacks/handlers").json()["handlers"] if row["kind"] == "webhook"}
    assert rows["tripay"]["configured"]
    assert rows["tripay"]["verification"] == "signature"
    assert "stripe" not in rows
    shop.post("/callbacks/webhook/stripe", content=b"{}")
    assert "stripe" not in {row["name"] for row in shop.get("/callbacks/handlers").json()["handlers"]}
    page = shop.get("/metrics").text
    assert 'callbacks_accepted_total{provider="tripay"} 1.0' in page


@pytest.mark.usefixtures("shop")
def test_without_its_secret_production_refuses_and_development_takes_it_from_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for blank in ("", " ", " , "):
        monkeypatch.setenv("TRIPAY_PRIVATE_KEY", blank)
        with application() as production:
            assert production.post("/callbacks/webhook/tripay", content=b"{}").status_code == 503
    monkeypatch.setenv("CALLBACK_ENV", "development")
    with application() as here:
        here.headers["Authorization"] = f"Bearer {ADMIN}"
        assert tripay(here, "TP-8", "PAID")["verification"] == "unverified"
    with application(peer="203.0.113.9") as foreign:
        assert foreign.post("/callbacks/webhook/tripay", content=b"{}").status_code == 503


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"{",
        b"\xff",
        b'{"merchant_ref": NaN}',
        b'{"merchant_ref": {}, "reference": [], "status": {}, "total_amount": [[]]}',
        b'{"merchant_ref": ' + b"9" * 4000 + b', "reference": "T", "status": "PAID", "total_amount": 1}',
        b'{"merchant_ref": "\\ud800", "reference": "T", "status": "PAID", "total_amount": 1}',
        b'{"a":' * 60 + b"1" + b"}" * 60,
        b"[" * 100_000,
        b"a=b&c",
        b"merchantCode=%FF&amount=%00&x[]=1",
    ],
    ids=str,
)
@pytest.mark.parametrize("proves", [True, False])
def test_a_hostile_body_is_refused_or_kept_and_never_an_error(shop: TestClient, body: bytes, *, proves: bool) -> None:
    for name, header, key in (
        ("tripay", "X-Callback-Signature", TRIPAY_KEY),
        ("ourbank", "X-Sign", OWN_KEY),
        ("tokopay", "X-None", TOKOPAY_KEY),
    ):
        proof = signed(body, key) if proves else "0" * 64
        answer = shop.post(f"/callbacks/webhook/{name}", content=body, headers={header: proof})
        assert answer.status_code in ({200, 400, 401} if proves else {400, 401}), answer.text
    settle()
    outcomes = {row["outcome"] for row in shop.get("/callbacks/log").json()["callbacks"]}
    assert outcomes <= {"ignored", "rejected", "parked"}
