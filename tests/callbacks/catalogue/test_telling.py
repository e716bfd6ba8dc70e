"""What a provider's status table tells of an order, without a server."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from app.callbacks.catalogue.telling import Table
from app.ledger.facts import Fact, FactKind, Told
from app.providers.catalog import Catalog
from app.providers.message import Message
from app.providers.proving import Reading

CATALOG = Catalog(installed=False)


def told(name: str, body: Mapping[str, Any], **headers: str) -> Told:
    provider = CATALOG.get(name)
    message = Message(json.dumps(body).encode(), {key.encode(): value.encode() for key, value in headers.items()})
    assert provider.payment is not None
    return Table(name, provider.payment, believed=True).told(Reading(message, provider.body))


def adyen(value: int, currency: str, event: str = "AUTHORISATION", **more: Any) -> dict[str, Any]:
    item = {
        "pspReference": "P1",
        "merchantReference": "T-1",
        "amount": {"value": value, "currency": currency},
        "eventCode": event,
        "success": "true",
        **more,
    }
    return {"notificationItems": [{"NotificationRequestItem": item}]}


@pytest.mark.parametrize(
    ("value", "currency", "gross"),
    [
        (100_000, "IDR", 10_000_000),  # Adyen tells rupiah in whole ones
        (100_000, "USD", 100_000),
        (100_000, "JPY", 10_000_000),
        (100_000, "CLP", 100_000),  # ... and pesos in hundredths
        (100_000, "KWD", None),
        (0, "IDR", None),
    ],
)
def test_an_amount_in_the_smallest_unit_has_the_decimals_that_its_sender_gives_it(
    value: int, currency: str, gross: int | None
) -> None:
    said = told("adyen", adyen(value, currency))
    assert said.gross == gross
    assert said.refused == ("" if gross else "unreadable")


def test_a_refund_of_adyen_names_the_payment_that_it_gives_back() -> None:
    said = told("adyen", adyen(40_000, "IDR", "REFUND", pspReference="R1", originalReference="P1"))
    assert said.facts == (Fact(FactKind.REFUNDED, "P1", "R1", 4_000_000),)
    assert said.gross is None


def test_a_fixed_virtual_account_of_xendit_tells_of_a_payment_without_a_status() -> None:
    paid = {
        "id": "V1",
        "payment_id": "VP1",
        "callback_virtual_account_id": "VA1",
        "external_id": "T-1",
        "amount": 99_000,
        "transaction_timestamp": "2025-11-24T16:00:00.000Z",
    }
    said = told("xendit", paid)
    assert (said.order_id, said.gross, said.facts) == ("T-1", 9_900_000, (Fact(FactKind.PAID, "V1"),))
    made = {"id": "VA1", "external_id": "T-1", "status": "ACTIVE", "bank_code": "BNI", "owner_id": "O1"}
    assert told("xendit", made).facts == ()


@pytest.mark.parametrize(("more", "paid"), [({}, True), ({"payment_status": 1}, True), ({"payment_status": 2}, False)])
def test_shopeepay_tells_only_of_success_unless_it_says_otherwise(more: dict[str, int], paid: bool) -> None:  # noqa: FBT001
    said = told("shopeepay", {"amount": 10_000, "transaction_sn": "S1", "payment_reference_id": "T-1", **more})
    assert bool(said.facts) is paid
    assert said.gross == (10_000 if paid else None)  # hundredths of a rupiah


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("xendit", {"id": "D1", "external_id": "T-1", "status": "COMPLETED", "amount": 5000}),  # a disbursement
        ("xendit", {"event": "payout.succeeded", "data": {"status": "SUCCEEDED", "reference_id": "T-1", "amount": 1}}),
        ("xendit", {"event": "refund.succeeded", "data": {"status": "SUCCEEDED", "reference_id": "T-1", "amount": 1}}),
        ("razorpay", {"event": "payout.processed", "payload": {"payout": {"entity": {"amount": 1}}}}),
        ("adyen", adyen(100, "IDR", "PAYOUT_THIRDPARTY")),
        ("adyen", adyen(100, "IDR", "CAPTURE")),
        ("doku", {"order": {"invoice_number": "T-1", "amount": 1}, "transaction": {"status": "PENDING"}}),
        (
            "snap-bi",
            {"trxId": "T-1", "paymentRequestId": "P", "paymentFlagStatus": "01", "paidAmount": {"value": "1.00"}},
        ),
        ("snap-bi", {"trxId": "T-1", "inquiryRequestId": "P", "amount": {"value": "1.00"}}),
    ],
)
def test_what_is_no_payment_received_says_nothing_of_an_order(name: str, body: dict[str, Any]) -> None:
    said = told(name, body)
    assert said.facts == ()
    assert said.ignored
