"""What senders say in tests: one value a callback, and the bytes that they would send."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

SERVER_KEY = "SB-Mid-server-of-a-test"
WEBHOOK_SECRET = "secret-of-a-test"


@dataclass(frozen=True)
class Said:
    """One notification of Midtrans, or its status API's answer: the fields that the ledger reads, as text.

    None is an absent field; `fraud` "null" is JSON's null.
    """

    order: str
    word: str
    code: str | None = "200"
    gross: str | None = None
    fraud: str | None = "accept"
    attempt: str | None = "T1"
    refunds: tuple[tuple[str, str], ...] = ()
    in_all: str | None = None
    original: str | None = None
    fee: str | None = None
    currency: str | None = "IDR"
    payment_type: str = "bank_transfer"


@dataclass(frozen=True)
class Bought:
    """One callback of Digiflazz about a purchase."""

    ref: str
    status: str
    rc: str | None = None
    sn: str = ""
    price: int | None = None


def midtrans_fields(said: Said) -> dict[str, Any]:
    """The notification's fields; those that are None are absent, and the signature fits the strings as they stand."""
    fields: dict[str, Any] = {
        "order_id": said.order,
        "transaction_status": said.word,
        "status_code": said.code,
        "gross_amount": said.gross,
        "fraud_status": said.fraud,
        "transaction_id": said.attempt,
        "currency": said.currency,
        "payment_type": said.payment_type,
        "refund_amount": said.in_all,
    }
    if said.refunds:
        fields["refunds"] = [
            {"refund_chargeback_id": number, "refund_key": key, "refund_amount": amount}
            for number, (key, amount) in enumerate(said.refunds, 200)
        ]
    if said.original is not None:
        fields["metadata"] = {
            "extra_info": {
                "gross_amount_info": {
                    "original_amount": said.original,
                    "gross_amount": (said.gross or "").removesuffix(".00"),
                    "customer_imposed_payment_fee": said.fee,
                }
            }
        }
    told = {name: value for name, value in fields.items() if value is not None}
    return {**told, "fraud_status": None} if said.fraud == "null" else told


def midtrans_body(said: Said, *, key: str | None = SERVER_KEY) -> bytes:
    """The notification's bytes, signed with `key` (None: unsigned)."""
    fields = midtrans_fields(said)
    if key is not None:
        text = f"{said.order}{said.code or ''}{said.gross or ''}{key}"
        fields["signature_key"] = hashlib.sha512(text.encode()).hexdigest()
    return json.dumps(fields).encode()


def digiflazz_body(bought: Bought) -> bytes:
    """The callback's bytes."""
    data = {
        "ref_id": bought.ref,
        "customer_no": "0812345678",
        "buyer_sku_code": "xld10",
        "message": "as the supplier says",
        "status": bought.status,
        "rc": bought.rc,
        "sn": bought.sn,
        "price": bought.price,
    }
    return json.dumps({"data": {name: value for name, value in data.items() if value is not None}}).encode()


def digiflazz_signature(body: bytes) -> str:
    """The value of `X-Hub-Signature` for these bytes."""
    return "sha1=" + hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha1).hexdigest()
