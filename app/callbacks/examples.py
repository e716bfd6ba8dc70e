"""The specification's examples, for OpenAPI and the documentation."""

from collections.abc import Mapping
from typing import Any

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

WEBHOOKS = {"midtrans": MIDTRANS, "digiflazz": DIGIFLAZZ}
EVENTS = {"file": FILE}

TAKEN: dict[str, Any] = {
    "description": "It is on disk.",
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
    shown = {name: {"summary": name, "value": value} for name, value in named.items()}
    content = {"application/json": {"schema": {"type": "object"}, "examples": shown}}
    return {"requestBody": {"required": True, "content": content}}
