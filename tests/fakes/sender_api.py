"""A real HTTP server on loopback that plays the APIs of OY! (payment links, payment routing) and of Duitku.

    with sender_api() as api:
        api.knows("TU-1", "R1", "complete", 150_000)
        ...  # OY_API_URL=api.url, OY_USERNAME=api.username, OY_API_KEY=api.key
        assert api.asked == ["TU-1"]
        api.status = 503  # ... and every answer fails

What nobody spoke of is answered by 200 without a payment. Sources: oyindonesia/external-api-docs; duitkupg/duitku-php,
Duitku/Api.php.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class SenderApi:
    """What it knows, and what it was asked."""

    def __init__(self) -> None:
        self.username = "shop"
        self.key = "oy-api-key-of-the-tests"
        self.status = 200
        self.url = ""
        self.asked: list[str] = []
        self.refused = 0
        self._payments: dict[str, dict[str, Any]] = {}

    def knows(self, order_id: str, attempt: str, status: str, amount: int) -> None:
        """A payment as both of its APIs would tell it."""
        self._payments[order_id] = {
            "partner_tx_id": order_id,
            "tx_ref_number": attempt,
            "status": status,
            "amount": amount,
            "partner_trx_id": order_id,
            "trx_id": attempt,
            "payment_status": status.upper(),
            "received_amount": float(amount),
            "merchantOrderId": order_id,
            "reference": attempt,
            "statusCode": {"complete": "00", "waiting_payment": "01"}.get(status, "02"),
        }

    def duitku(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """To one question of Duitku's."""
        order_id = asked["merchantOrderId"]
        signed = f"{asked['merchantCode']}{order_id}{self.key}".encode()
        if asked["signature"] != hashlib.md5(signed).hexdigest():  # noqa: S324 - the sender's
            self.refused += 1
            return 401, {}
        self.asked.append(order_id)
        return self.status, self._payments.get(order_id, {"error": "no such transaction"})

    def tells(self, order_id: str, **fields: Any) -> None:
        """Something else of a payment that it knows."""
        self._payments[order_id] |= fields

    def answer(self, order_id: str, headers: Any) -> tuple[int, dict[str, Any]]:
        """To one question."""
        if (headers.get("x-oy-username"), headers.get("x-api-key")) != (self.username, self.key):
            self.refused += 1
            return 403, {}
        self.asked.append(order_id)
        return self.status, self._payments.get(order_id, {"error": "no such transaction"})


@contextmanager
def sender_api() -> Iterator[SenderApi]:
    """Run it until the end of the block."""
    api = SenderApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if not self.path.startswith("/api/payment-checkout/status?") or query["send_callback"] != ["false"]:
                self.send_error(404)
                return
            self._say(*api.answer(query["partner_tx_id"][0], self.headers))

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/webapi/api/merchant/transactionStatus":
                self._say(*api.duitku(asked))
                return
            if self.path != "/api/payment-routing/check-status" or asked["send_callback"] is not False:
                self.send_error(404)
                return
            self._say(*api.answer(asked["partner_trx_id"], self.headers))

        def _say(self, status: int, told: dict[str, Any]) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), name="sender", daemon=True).start()
        yield api
        server.shutdown()
