"""The bytes of Midtrans and Digiflazz: their fields as they come, and their signatures."""

import hashlib
import hmac
import json
from typing import Any

from app.core.money import format_amount
from app.simulation.model import Notice, Word

_HEADERS = (("Content-Type", "application/json"), ("User-Agent", "Veritrans"))
_TIME = "2026-06-23 11:27:20"  # nobody reads it; the same seed has to make the same bytes


def midtrans(notice: Notice, *, confirmed: bool = False) -> dict[str, Any]:
    """A notification's fields, unsigned; `confirmed`: the bank has confirmed the last refund."""
    told: dict[str, Any] = {
        "transaction_time": _TIME,
        "transaction_status": notice.word,
        "transaction_id": notice.attempt,
        "status_message": "midtrans payment notification",
        "status_code": notice.code,
        "payment_type": "bank_transfer",
        "order_id": notice.order_id,
        "merchant_id": "G141532850",
        "gross_amount": format_amount(notice.gross),
        "currency": "IDR",
    }
    if notice.fraud:
        told["fraud_status"] = notice.fraud
    if notice.original is not None:
        asked = {"original_amount": notice.original // 100, "customer_imposed_payment_fee": notice.fee // 100}
        told["metadata"] = {"extra_info": {"gross_amount_info": asked}}
    if notice.refunds:
        told["refund_amount"] = format_amount(sum(refund.amount for refund in notice.refunds))
        told["refunds"] = [_refund(number, notice, confirmed=confirmed) for number in range(len(notice.refunds))]
    return told


def _refund(number: int, notice: Notice, *, confirmed: bool) -> dict[str, Any]:
    refund, last = notice.refunds[number], number == len(notice.refunds) - 1
    told = {
        "refund_chargeback_id": 200 + number,
        "refund_amount": format_amount(refund.amount),
        "created_at": _TIME,
        "reason": "out of stock",
        "refund_key": refund.key,
    }
    return told if last and not confirmed else {**told, "bank_confirmed_at": _TIME}


def signed_midtrans(told: dict[str, Any], key: bytes) -> bytes:
    """The same with its `signature_key`. Source: Midtrans, HTTP notification."""
    text = f"{told['order_id']}{told['status_code']}{told['gross_amount']}".encode()
    return encoded({**told, "signature_key": hashlib.sha512(text + key).hexdigest()})


def midtrans_headers() -> tuple[tuple[str, str], ...]:
    """As Midtrans sends them; the signature stands in the body."""
    return _HEADERS


def digiflazz(word: Word, price: int, *, serial: str = "") -> dict[str, Any]:
    """A purchase's callback; `price` in rupiah is what the shop pays."""
    messages = {"00": "Sukses", "03": "Transaksi Pending", "74": "Transaksi Refund"}
    data = {
        "ref_id": word.order_id,
        "customer_no": "081280556115",
        "buyer_sku_code": "xld10",
        "message": messages.get(word.rc, "Transaksi Gagal"),
        "status": word.status,
        "rc": word.rc,
        "buyer_last_saldo": 326_719_460,
        "sn": serial,
        "price": price,
        "tele": "@telegram",
        "wa": "081234512345",
    }
    return {"data": data}


def digiflazz_ping() -> dict[str, Any]:
    """Digiflazz asks whether anybody is there, and tells the webhook's secret."""
    hook = {"url": "https://shop.example/callbacks/webhook/digiflazz", "secret": "made-up", "status": 1}
    return {"sed": "AgXXtVAHp", "hook_id": "11aaabbb", "hook": hook}


def digiflazz_headers(body: bytes, secret: bytes, event: str = "update") -> tuple[tuple[str, str], ...]:
    """With the signature over the bytes. Source: Digiflazz, webhook, `X-Hub-Signature`."""
    signature = hmac.new(secret, body, hashlib.sha1).hexdigest()
    return (
        ("Content-Type", "application/json"),
        ("User-Agent", "Digiflazz-Hookshot"),
        ("X-Digiflazz-Event", event),
        ("X-Hub-Signature", f"sha1={signature}"),
    )


def encoded(told: dict[str, Any]) -> bytes:
    """JSON as senders write it."""
    return json.dumps(told, separators=(",", ":")).encode()
