import hmac
import json
from itertools import product
from typing import Any

import pytest

from app.callbacks.ppob.ppob_callbacks import (
    SAID,
    WORDS,
    DigiflazzCallbackHandler,
    PPOBCallbackFactory,
    class_of,
    facts_of,
    response_codes,
    said,
    without_secrets,
)
from app.core.errors import UnknownProvider, UnreadableBody
from app.ledger.facts import Fact, FactKind, Told
from tests.callbacks.vectors import (
    DIGIFLAZZ_SECRET,
    HOSTILE_BODIES,
    HOSTILE_SIGNATURES,
    VECTORS,
    Vector,
    a_callback,
    a_request,
    settings,
)

SAMPLES = [vector for vector in VECTORS if vector.provider == "digiflazz"]


def a_handler(**values: Any) -> DigiflazzCallbackHandler:
    return DigiflazzCallbackHandler(settings=settings(**{"digiflazz_webhook_secret": DIGIFLAZZ_SECRET, **values}))


def told_by(**data: Any) -> Told:
    fields: dict[str, Any] = {"ref_id": "R-1", "status": "Sukses", "rc": "00", "sn": "SN1", "price": 199800}
    fields.update(data)
    return facts_of(json.dumps({"data": {name: v for name, v in fields.items() if v is not ...}}).encode())


@pytest.mark.parametrize("vector", SAMPLES, ids=repr)
def test_every_sample_is_verified_identified_and_read(vector: Vector) -> None:
    handler = a_handler()
    verification = handler.verify(vector.request, vector.at)
    if vector.expected == "invalid":
        assert verification.status == 401
        return
    assert verification.how == "signature"
    told = handler.facts(a_callback("digiflazz", handler.kept_body(vector.request)))
    identity = handler.identify(vector.request)
    assert told.refused == ""
    if vector.case == "ping":
        assert (told.ignored, identity.event_type) == ("ping", "ping")
        return
    assert identity.ordering_key == told.order_id != ""
    (fact,) = told.facts
    expected = {"prepaid_refund_after_success_74": FactKind.RETURNED}.get(vector.case)
    if expected is None:
        by_word = {"sukses": FactKind.SUCCEEDED, "pending": FactKind.PENDING, "gagal": FactKind.FAILED}
        expected = by_word[identity.event_type]
    assert fact.kind is expected
    assert told.cost == json.loads(vector.body)["data"]["price"] * 100


#: The law's table a second time: (word, class of code) → what it says.
LAW = {
    **dict.fromkeys(product(("sukses", "success"), ("success", "absent")), "succeeded"),
    **dict.fromkeys(product(("pending", "processing"), ("pending", "unknown", "absent")), "pending"),
    **dict.fromkeys(product(("gagal", "failed"), ("returned",)), "returned"),
    **dict.fromkeys(product(("gagal", "failed"), ("failure", "unknown", "absent")), "failed"),
}


def test_every_combination_of_word_and_code_says_what_the_law_says() -> None:
    for word, group in product((*WORDS, "", "foo"), ("success", "pending", "returned", "failure", "unknown", "absent")):
        assert said(word, group) == LAW.get((word, group)), (word, group)
    assert {row.kind for row in SAID} == {FactKind(kind) for kind in LAW.values()}


def test_every_response_code_has_its_class() -> None:
    classes = {code: class_of(code) for code in response_codes()}
    assert {code for code, group in classes.items() if group != "failure"} == {"00", "03", "74", "99"}
    assert [class_of(code) for code in ("00", 0, "0", "03", 3, 99, "74", 74)] == [
        *["success"] * 3,
        *["pending"] * 3,
        *["returned"] * 2,
    ]
    odd: list[Any] = ["77", "x", [], True, -1]
    assert [class_of(code) for code in odd] == ["unknown"] * 5
    assert [class_of(code) for code in (None, "")] == ["absent"] * 2


def test_a_success_shows_its_serial_number_and_a_failure_its_code() -> None:
    assert told_by(status="SUKSES").facts == (Fact(FactKind.SUCCEEDED, key="SN1"),)
    assert told_by(status="sukses", rc=..., sn=None).facts == (Fact(FactKind.SUCCEEDED),)
    assert told_by(sn=1234567890).facts == (Fact(FactKind.SUCCEEDED, key="1234567890"),)
    assert told_by(sn="1234/NAMA\nORANG").facts == (Fact(FactKind.SUCCEEDED, key="1234/NAMA ORANG"),)
    assert told_by(status="Gagal", rc="44").facts == (Fact(FactKind.FAILED, key="44"),)
    assert told_by(status="Failed", rc=2).facts == (Fact(FactKind.FAILED, key="02"),)


def test_an_unknown_failure_code_fails_the_purchase_and_raises_an_alert() -> None:
    told = told_by(status="Gagal", rc="77", message="Baru")
    assert (told.facts, told.alert) == ((Fact(FactKind.FAILED, key="77"),), "unknown_code")
    assert told.detail == {"status": "Gagal", "rc": "77", "message": "Baru"}
    assert told_by(status="Pending", rc="77").facts == (Fact(FactKind.PENDING),)


@pytest.mark.parametrize(
    ("status", "rc", "reason"),
    [
        ("Sukses", "01", "fields_disagree"),
        ("Sukses", "77", "fields_disagree"),
        ("Sukses", "74", "fields_disagree"),
        ("Pending", "00", "fields_disagree"),
        ("Pending", "02", "fields_disagree"),
        ("Gagal", "00", "fields_disagree"),
        ("Gagal", "03", "fields_disagree"),
        ("Gagal", "99", "fields_disagree"),
        ("Batal", "00", "unknown_word"),
        (None, "00", "unknown_word"),
        (7, "00", "unknown_word"),
    ],
)
def test_fields_that_disagree_are_refused_with_both_values(status: Any, rc: str, reason: str) -> None:
    told = told_by(status=status, rc=rc)
    assert (told.refused, told.facts, told.order_id) == (reason, (), "R-1")
    assert told.detail["rc"] == rc
    assert told.detail["status"] == ("" if status is None else str(status))


@pytest.mark.parametrize(
    ("price", "cost"),
    [(199800, 19980000), ("199800", 19980000), (4989.88, 498988), (None, None), ("x", None), ([], None), (True, None)],
)
def test_the_price_is_kept_as_cost_where_it_can_be_read(price: Any, cost: int | None) -> None:
    assert told_by(price=price).cost == cost


def test_a_ping_is_kept_without_its_secret(payload: Any) -> None:
    handler, request = a_handler(), a_request("digiflazz", payload("digiflazz/ping"))
    kept = handler.kept_body(request)
    assert b"somesecretkeywords" in request.body
    assert b"somesecretkeywords" not in kept
    assert b"secret" not in kept
    assert json.loads(kept)["hook_id"] == "11aaabbb"
    spelled_otherwise = (
        b'{"hook": {"\\u0073ecret": "s3cr3t", "list": [{"SECRET": "s3cr3t"}]}, "hook": {"secret": "s3cr3t"}}'
    )
    assert b"s3cr3t" not in without_secrets(spelled_otherwise)
    assert b"s3cr3t" not in handler.kept_body(a_request("digiflazz", spelled_otherwise))


def test_an_ordinary_callback_is_kept_byte_for_byte(payload: Any) -> None:
    body = payload("digiflazz/prepaid_sukses_create")
    assert a_handler().kept_body(a_request("digiflazz", body)) is body


@pytest.mark.parametrize("name", [*HOSTILE_BODIES, "no_data", "data_is_a_list"])
def test_a_hostile_body_is_refused_and_breaks_nothing(name: str) -> None:
    more = {"no_data": b'{"other": 1}', "data_is_a_list": b'{"data": []}'}
    body = HOSTILE_BODIES.get(name) or more.get(name, b"")
    with pytest.raises(UnreadableBody):
        a_handler().identify(a_request("digiflazz", body))
    assert facts_of(body).refused == "unreadable"
    signature = b"sha1=" + hmac.digest(DIGIFLAZZ_SECRET.encode(), body, "sha1").hex().encode()
    assert a_handler().verify(a_request("digiflazz", body, {b"x-hub-signature": signature}), 1).ok


@pytest.mark.parametrize("signature", HOSTILE_SIGNATURES, ids=lambda value: repr(value)[:20])
def test_a_hostile_signature_proves_nothing(signature: Any) -> None:
    headers = {} if signature is None else {b"x-hub-signature": signature}
    assert a_handler().verify(a_request("digiflazz", {"data": {}}, headers), 1).status == 401


def test_without_a_secret_development_takes_it_unverified_and_production_is_not_configured() -> None:
    request = a_request("digiflazz", {"data": {}})
    assert a_handler(digiflazz_webhook_secret=" ").verify(request, 1).how == "unverified"
    assert a_handler(digiflazz_webhook_secret="", callback_env="production").verify(request, 1).status == 503


def test_the_factory_makes_handlers_by_name() -> None:
    assert isinstance(PPOBCallbackFactory.create_handler("digiflazz", None), DigiflazzCallbackHandler)
    with pytest.raises(UnknownProvider):
        PPOBCallbackFactory.create_handler("nobody", None)
