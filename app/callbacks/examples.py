"""The specification's examples, for OpenAPI and the documentation."""

from collections.abc import Mapping
from typing import Any

from app.files.kinds import ALLOWED, MEDIA_TYPES

TRANSACTION: dict[str, Any] = {"order_id": "ORDER-123", "user_id": "ani", "kind": "topup", "amount": "100000.00"}

MIDTRANS = {
    "order_id": "ORDER-123",
    "transaction_status": "settlement",
    "payment_type": "bank_transfer",
    "gross_amount": "100000.00",
}
DIGIFLAZZ = {
    "data": {
        "ref_id": "REF-123",
        "status": "sukses",
        "trx_id": "TRX-456",
        "message": "Transaksi berhasil",
        "sn": "1234567890",
    }
}
FILE = {"event_type": "file_created", "path": "/uploads/file.txt", "filename": "file.txt", "size": 1024}

UPLOAD = {
    "event_type": "file_uploaded",
    "file_path": "/var/lib/shop/uploads/bukti.jpg",
    "original_filename": "bukti.jpg",
    "file_size": 51234,
    "upload_type": "topup_proof",
    "user_id": "ani",
    "amount": "50000.00",
}

WEBHOOKS = {"midtrans": MIDTRANS, "digiflazz": DIGIFLAZZ}
EVENTS = {"file": FILE}

#: A person's word, for orders that are paid, unpaid, or a purchase without an end.
WORDS: dict[str, dict[str, Any]] = {
    "refund": {"word": "refund", "amount": "30000.00", "key": "r-1", "reason": "refunded in the dashboard"},
    "paid": {"word": "paid", "reason": "the bank statement shows it", "who": "sari"},
    "failed": {"word": "failed", "reason": "Digiflazz' own history says so", "who": "sari"},
}
RETRY = {"named": {"who": "sari"}, "unnamed": {}}
REPLAY = {"replay": {"reason": "the order was announced with a wrong amount", "who": "sari"}}
DROP = {"drop": {"reason": "a test of ours", "who": "sari"}}
APPROVE: dict[str, dict[str, Any]] = {
    "as the user says": {"who": "sari"},
    "another amount": {"amount": "50000.00", "reason": "the bank statement shows it", "who": "sari"},
}
REJECT = {"reject": {"reason": "the transfer never arrived", "who": "sari"}}
ENDPOINT = {
    "events": {"name": "shop", "url": "http://127.0.0.1:3000/hooks", "events": ["transaction.*", "ppob.*"]},
    "callbacks": {"name": "copies", "url": "http://127.0.0.1:3000/midtrans", "callbacks": ["midtrans"]},
}
OVERLAP = {"a day": {"overlap_hours": 24}}
CODE = {"code": {"user_id": "ani"}}
CHANNEL = {"chat": {"user_id": "ani", "service": "telegram", "address": "4711", "lang": "id", "who": "sari"}}

TAKEN: dict[str, Any] = {
    "description": "It is on disk. Discord gets the answer of its own protocol, for its webhook events a bare 204.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "success": {"type": "boolean"},
                    "message": {"type": "string"},
                    "callback_id": {"type": "string"},
                },
            },
            "example": {"success": True, "message": "callback received", "callback_id": "1764046140000000"},
        }
    },
}


def body(named: Mapping[str, Any]) -> dict[str, Any]:
    """`openapi_extra=` of a route that reads its body itself: JSON with these examples."""
    content = {"application/json": {"schema": {"type": "object"}, "examples": shown(named)}}
    return {"requestBody": {"required": True, "content": content}}


def upload_body() -> dict[str, Any]:
    """`openapi_extra=` of the address of uploads: a form with a file, or an event about a file that is there."""
    text, name = {"type": "string"}, {"type": "string", "minLength": 1}
    fields = {"file": {"type": "string", "format": "binary"}, "upload_type": {**text, "enum": list(ALLOWED)}}
    form = {
        "type": "object",
        "required": ["file", "upload_type", "user_id"],
        "properties": {**fields, "user_id": name, "amount": text, "note": text},
    }
    content = body({"upload": UPLOAD})["requestBody"]["content"]
    return {"requestBody": {"required": True, "content": {**content, "multipart/form-data": {"schema": form}}}}


def file_answer(what: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that gives a stored file."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES}
    return {200: {"description": f"{what}, to be saved: never shown by the browser.", "content": content}}


def shown(named: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAPI's form of named examples."""
    return {name: {"summary": name, "value": value} for name, value in named.items()}
