import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler, facts_of
from app.core.errors import UnreadableBody
from app.ledger.facts import Fact, FactKind, Level, Told
from tests.callbacks.vectors import (
    HOSTILE_BODIES,
    HOSTILE_SIGNATURES,
    MIDTRANS_KEY,
    VECTORS,
    Vector,
    a_callback,
    a_request,
    settings,
)

SIGNED, UNVERIFIED = Level.SIGNED, Level.UNVERIFIED
SAMPLES = [vector for vector in VECTORS if vector.provider == "midtrans"]


def a_handler(**values: Any) -> MidtransCallbackHandler:
    return MidtransCallbackHandler(settings=settings(**{"midtrans_server_key": MIDTRANS_KEY, **values}))


def a_notification(**fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "order_id": "T-1",
        "transaction_id": "A1",
        "transaction_status": "settlement",
        "fraud_status": "accept",
        "status_code": "200",
        "gross_amount": "100000.00",
        "currency": "IDR",
        "payment_type": "gopay",
    }
    told.update(fields)
    return {name: value for name, value in told.items() if value is not ...}


def signed(told: Mapping[str, Any], key: str = MIDTRANS_KEY) -> dict[str, Any]:
    text = f"{told['order_id']}{told['status_code']}{told['gross_amount']}{key}"
    return {**told, "signature_key": hashlib.sha512(text.encode()).hexdigest()}


def told_by(level: Level = SIGNED, /, **fields: Any) -> Told:
    return facts_of(json.dumps(a_notification(**fields)).encode(), level)


def words(told: Told) -> list[str]:
    return [f"{fact.kind}({fact.key},{fact.amount})" if fact.amount else str(fact.kind) for fact in told.facts]


#: What each sample tells, for all samples.
TOLD = {
    "capture_card_challenge": ["challenged"],
    "capture_card_fraud_deny": ["denied"],
    "pending_bca_va": ["pending"],
    "pending_permata_va": ["pending"],
    "authorize_card": ["authorized"],
    "deny_card": ["denied"],
    "cancel_card_after_capture": ["cancelled"],
    "cancel_gopay": ["cancelled"],
    "expire_bca_va": ["expired"],
    "failure_card": ["failed"],
    "reversal_permata_va_deny_after_settlement": ["denied"],
    "refund_gopay_full": ["paid", "refunded(refund-key-1,15460000)", "refunded_in_all(,15460000)"],
    "partial_refund_gopay_first": ["paid", "refunded(refund-key-2,5000000)", "refunded_in_all(,5000000)"],
    "partial_refund_gopay_second": [
        "paid",
        "refunded(refund-key-2,5000000)",
        "refunded(refund-key-3,2000000)",
        "refunded_in_all(,7000000)",
    ],
    "chargeback_card": ["paid", "charged_back"],
    "partial_chargeback_card": [],  # without any amount
    "status_contradicts_code": [],
}


@pytest.mark.parametrize("vector", SAMPLES, ids=repr)
def test_every_sample_is_verified_identified_and_read(vector: Vector) -> None:
    handler = a_handler()
    verification = handler.verify(vector.request, vector.at)
    if vector.expected == "invalid":
        assert verification.status == 401
        return
    assert verification.how == "signature"
    identity = handler.identify(vector.request)
    told = handler.facts(a_callback("midtrans", vector.body))
    assert identity.ordering_key == told.order_id != ""
    assert words(told) == TOLD.get(vector.case, ["paid"])
    assert told.refused == ("" if told.facts else "fields_disagree")
    assert told.notice is not None
    assert told.notice.attempt != ""


@pytest.mark.parametrize("name", HOSTILE_BODIES)
@pytest.mark.parametrize("key", [MIDTRANS_KEY, ""])
def test_a_hostile_body_is_refused_and_breaks_nothing(name: str, key: str) -> None:
    body, handler = HOSTILE_BODIES[name], a_handler(midtrans_server_key=key)
    assert handler.verify(a_request("midtrans", body), 1).status == 400
    with pytest.raises(UnreadableBody):
        handler.identify(a_request("midtrans", body))
    assert facts_of(body, SIGNED).refused == "unreadable"


@pytest.mark.parametrize("signature", HOSTILE_SIGNATURES, ids=lambda value: repr(value)[:20])
def test_a_hostile_signature_proves_nothing(signature: Any) -> None:
    value = None if isinstance(signature, bytes) else signature
    body = json.dumps(a_notification(signature_key=value)).encode()
    assert a_handler().verify(a_request("midtrans", body), 1).status in {400, 401}


def test_a_rotated_key_says_which_one_fitted() -> None:
    handler = a_handler(midtrans_server_key=f"new-key, {MIDTRANS_KEY}")
    assert handler.verify(a_request("midtrans", signed(a_notification())), 1).how == "signature:2"


def test_without_a_key_development_takes_it_unverified_and_production_is_not_configured() -> None:
    request = a_request("midtrans", a_notification())
    for blank in ("", "   ", " , "):
        assert a_handler(midtrans_server_key=blank).verify(request, 1).how == "unverified"
        refused = a_handler(midtrans_server_key=blank, callback_env="production").verify(request, 1)
        assert (refused.status, refused.reason) == (503, "not_configured")


@pytest.mark.parametrize(
    "body",
    [
        {"event_name": "subscription.charge", "amount": "14000"},
        {"originalPartnerReferenceNo": "T-1", "latestTransactionStatus": "00"},
        {"latestTransactionStatus": "00"},
    ],
)
def test_notices_for_another_address_are_refused_under_a_reason_of_their_own(body: dict[str, str]) -> None:
    for key in (MIDTRANS_KEY, ""):
        verification = a_handler(midtrans_server_key=key).verify(a_request("midtrans", body), 1)
        assert (verification.status, verification.reason) == (401, "wrong_address")


def test_an_account_notice_is_proved_by_its_own_fields_and_ignored() -> None:
    told = {"account_id": "acc", "account_status": "ENABLED", "status_code": "200", "payment_type": "gopay"}
    key = hashlib.sha512(f"accENABLED200{MIDTRANS_KEY}".encode()).hexdigest()
    body = json.dumps({**told, "signature_key": key}).encode()
    assert a_handler().verify(a_request("midtrans", body), 1).how == "signature"
    assert facts_of(body, SIGNED).ignored == "account_notice"


def test_words_are_compared_without_case_and_an_absent_fraud_status_is_accept() -> None:
    for fraud in ("ACCEPT", "accept", None, "", ...):
        assert words(told_by(transaction_status="SETTLEMENT", fraud_status=fraud)) == ["paid"]


def test_another_word_is_ignored_and_visible() -> None:
    told = told_by(transaction_status="dispute")
    assert (told.ignored, told.detail, told.order_id) == (
        "unknown_word",
        {"transaction_status": "dispute"},
        "T-1",
    )
    assert told.notice is not None  # its signature can be lent like any other's
    assert told.notice.success_coded


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status_code": "202"}, "fields_disagree"),
        ({"fraud_status": "review"}, "fields_disagree"),
        ({"fraud_status": 5}, "fields_disagree"),
        ({"status_code": ...}, "fields_disagree"),
        ({"transaction_status": "refund"}, "fields_disagree"),
        ({"transaction_status": "partial_chargeback"}, "fields_disagree"),
        ({"transaction_status": "refund", "refund_amount": "0.00", "refunds": []}, "fields_disagree"),
        ({"transaction_status": "refund", "refund_amount": "1_000"}, "fields_disagree"),
        ({"transaction_status": "refund", "refunds": "all"}, "fields_disagree"),
        ({"transaction_status": "refund", "refunds": [{"refund_key": "r", "refund_amount": "x"}]}, "fields_disagree"),
        ({"transaction_id": ...}, "unreadable"),
        ({"transaction_id": None}, "unreadable"),
        ({"transaction_id": "a\x00b"}, "unreadable"),
        ({"transaction_id": ["A1"]}, "unreadable"),
        ({"order_id": ...}, "unreadable"),
        ({"order_id": "x" * 129}, "unreadable"),
        ({"order_id": "T\u202e1"}, "unreadable"),
        ({"gross_amount": ...}, "unreadable"),
        ({"gross_amount": "1e5"}, "unreadable"),
        ({"gross_amount": "１００"}, "unreadable"),
        ({"gross_amount": "-100.00"}, "unreadable"),
        ({"gross_amount": "100.000"}, "unreadable"),
        ({"currency": 360}, "unreadable"),
        ({"currency": "IDR" * 300_000}, "unreadable"),
        ({"currency": "I\x1b["}, "unreadable"),
    ],
)
def test_signed_fields_that_are_absent_or_odd_are_refused_with_what_can_be_read(
    fields: dict[str, Any], expected: str
) -> None:
    told = told_by(**fields)
    assert (told.refused, told.facts) == (expected, ())
    assert told.notice is not None
    assert told.detail != {}


def test_only_unverified_ones_may_leave_out_code_amount_and_attempt() -> None:
    told = told_by(UNVERIFIED, status_code=..., gross_amount=..., transaction_id=..., currency=...)
    assert told.facts == (Fact(FactKind.PAID, ""),)
    assert told.gross is None
    assert told_by(UNVERIFIED, gross_amount="ten").refused == "unreadable"
    assert told_by(UNVERIFIED, transaction_id=["x"]).refused == "unreadable"


def test_words_that_move_no_money_are_not_refused_for_their_amount() -> None:
    assert words(told_by(transaction_status="pending", gross_amount="ten")) == ["pending"]


def test_a_refund_is_keyed_by_its_key_or_by_its_number() -> None:
    refunds = [
        {"refund_key": "r1", "refund_chargeback_id": 1, "refund_amount": "1000.00"},
        {"refund_key": None, "refund_chargeback_id": 218, "refund_amount": 2000},
        {"refund_chargeback_id": "219", "refund_amount": "3000"},
    ]
    told = told_by(transaction_status="partial_refund", refunds=refunds, refund_amount="6000.00")
    assert words(told) == [
        "paid",
        "refunded(r1,100000)",
        "refunded(218,200000)",
        "refunded(219,300000)",
        "refunded_in_all(,600000)",
    ]


def test_a_refund_notified_twice_tells_the_same_facts() -> None:
    first = {"refund_key": "r1", "refund_amount": "1000.00"}
    again = {**first, "bank_confirmed_at": "2021-06-16 10:00:05"}
    same: dict[str, Any] = {"transaction_status": "partial_refund", "refund_amount": "1000.00"}
    assert told_by(**same, refunds=[first]).facts == told_by(**same, refunds=[again]).facts


def test_a_partial_chargeback_takes_each_amount_or_the_sum() -> None:
    entries = [{"refund_chargeback_id": 7, "refund_amount": "1000.00"}]
    same: dict[str, Any] = {"transaction_status": "partial_chargeback", "refund_amount": "1000.00"}
    assert words(told_by(**same, refunds=entries)) == ["paid", "charged_back(7,100000)"]
    assert words(told_by(**same)) == ["paid", "charged_back(,100000)"]
    in_full = told_by(transaction_status="chargeback", refunds=entries)
    assert in_full.facts == (Fact(FactKind.PAID, "A1"), Fact(FactKind.CHARGED_BACK, "A1"))


def test_the_fee_that_the_payer_bore_is_told_beside_the_amount() -> None:
    info = {"original_amount": "100000", "gross_amount": "104000", "customer_imposed_payment_fee": "4000"}
    metadata = {"extra_info": {"gross_amount_info": info}}
    told = told_by(gross_amount="104000.00", metadata=metadata)
    assert (told.gross, told.original, told.fee) == (10_400_000, 10_000_000, 400_000)
    odds: list[Any] = [
        None,
        "x",
        [],
        {"extra_info": []},
        {"extra_info": {"gross_amount_info": {"original_amount": -1}}},
    ]
    for odd in odds:
        told = told_by(metadata=odd)
        assert (told.facts != (), told.original, told.fee) == (True, None, None)


def test_the_currency_is_rupiah_unless_it_says_otherwise() -> None:
    assert [told_by(currency=currency).currency for currency in (..., None, "", "idr", "USD")] == [*["IDR"] * 4, "USD"]


def test_the_notice_carries_what_a_doubt_must_know() -> None:
    notice = told_by(order_id="TU-1", gross_amount="20175000.00").notice
    assert notice is not None
    assert (notice.attempt, notice.success_coded) == ("A1", True)
    assert (notice.gross_text, "TU-1200" in notice.twins) == ("20175000.00", True)
    denied = told_by(transaction_status="deny", status_code="202").notice
    assert denied is not None
    assert (denied.success_coded, denied.agrees, denied.twins) == (False, True, ())


def test_a_test_notification_is_told_like_any_other_and_marked() -> None:
    order_id = "payment_notif_test_G1_abc"
    told = told_by(order_id=order_id)
    assert (words(told), told.test, told.detail) == (["paid"], True, {})
    assert a_handler().identify(a_request("midtrans", a_notification(order_id=order_id))).event_type == "test"


def test_what_was_verified_is_what_is_read() -> None:
    # A repeated key: the signature is checked over the same one that the facts are taken from.
    told = json.dumps(signed(a_notification())).encode()
    forged = told[:-1] + b', "order_id": "T-2"}'
    assert a_handler().verify(a_request("midtrans", told), 1).ok
    assert a_handler().verify(a_request("midtrans", forged), 1).status == 401
    assert facts_of(b"\xef\xbb\xbf" + told, SIGNED).order_id == "T-1"


def test_an_event_is_named_by_its_word_and_refunds_are_told_apart() -> None:
    def key(**fields: Any) -> str:
        return a_handler().identify(a_request("midtrans", a_notification(**fields))).event_key

    assert a_handler().identify(a_request("midtrans", {})).event_type == "unknown"
    first = {"transaction_status": "partial_refund", "refund_amount": "1.00", "refunds": [{}]}
    second = {"transaction_status": "partial_refund", "refund_amount": "2.00", "refunds": [{}, {}]}
    assert len({key(), key(transaction_status="capture"), key(**first), key(**second)}) == 4
    assert key(**first) == key(**first)


def test_doubts_are_treated_as_the_settings_say() -> None:
    assert a_handler(midtrans_server_key="").policy().confirm == "off"
    policy = a_handler(midtrans_confirm="always", midtrans_unknown_after=7).policy()
    assert (policy.confirm, policy.unknown_after) == ("always", 7_000_000)


def test_a_handler_shows_no_secret() -> None:
    handler = a_handler()
    assert MIDTRANS_KEY not in f"{handler!r} {handler} {handler.settings!r}"
