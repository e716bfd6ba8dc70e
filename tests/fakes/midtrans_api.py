"""A real HTTP server on loopback that plays Midtrans' status API: truthful, slow, failing, lying, silent.

    with midtrans_api() as api:
        api.knows(order_id="TU-1", transaction_id="T1", transaction_status="settlement")   # truthful, under both names
        api.say("TU-2", failing(503), settlement)  # a script for one name: in turn, the last one for ever
        ...                                        # MIDTRANS_API_URL=api.url, MIDTRANS_SERVER_KEY=api.server_key
        assert api.asked == ["TU-1"]               # the ids that were asked for, in order
        api.until_asked("TU-1", times=2)           # waits for a condition, no sleep

What nobody spoke of is unknown (404). With a `server_key` other keys are refused, as Midtrans does.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

KEY = "SB-Mid-server-of-the-tests-0001"


class Said(NamedTuple):
    """One answer of the fake: what is sent, after how long; `silent` never answers."""

    status: int = 200
    body: bytes = b""
    after_seconds: float = 0.0
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"
    silent: bool = False


Sayable: TypeAlias = "Said | Mapping[str, Any]"


def found(**fields: Any) -> dict[str, Any]:
    """A notice as `GET /v2/{id}/status` gives it: a settled payment where nothing else is said, no signature."""
    notice: dict[str, Any] = {
        "status_code": "200",
        "status_message": "Success, transaction is found",
        "transaction_id": "T1",
        "order_id": "TU-1",
        "gross_amount": "100000.00",
        "currency": "IDR",
        "payment_type": "bank_transfer",
        "transaction_status": "settlement",
        "fraud_status": "accept",
        "transaction_time": "2026-01-02 03:04:05",
        "merchant_id": "G141532850",
    }
    return notice | fields


def unknown(http: int = 404) -> Said:
    """No such payment: as HTTP 404, or with `http=200` in the body only."""
    return _error(http, "404", "Transaction doesn't exist.")


def key_refused(http: int = 401) -> Said:
    """The server key is wrong: as HTTP 401, or with `http=200` in the body only."""
    return _error(http, "401", "Unknown Merchant server_key/id")


def expired(**fields: Any) -> dict[str, Any]:
    """An expired payment: HTTP 200 with `status_code` 407."""
    return (
        found(status_code="407", transaction_status="expire", status_message="Success, transaction is found") | fields
    )


def failing(http: int = 503) -> Said:
    """A server's failure, with Midtrans' words in JSON."""
    return _error(http, str(http), "Sorry, our system is recovering from unexpected issues.")


def too_many(retry_after: str = "30") -> Said:
    """HTTP 429 with `Retry-After`."""
    return _error(429, "429", "Too many requests")._replace(headers={"Retry-After": retry_after})


def page(http: int = 200) -> Said:
    """An HTML page in the place of an answer."""
    return Said(http, b"<!doctype html><title>Maintenance</title>", content_type="text/html")


def nonsense(body: bytes = b'{"status_code": "200", "transac', http: int = 200) -> Said:
    """Bytes that are no answer, by default half a JSON text."""
    return Said(http, body)


def slow(answer: Sayable, seconds: float) -> Said:
    """The same answer, later."""
    return _reply(answer)._replace(after_seconds=seconds)


def silent() -> Said:
    """Takes the request and never answers."""
    return Said(silent=True)


def _error(http: int, code: str, message: str) -> Said:
    told = {"status_code": code, "status_message": message, "id": "8fbb6e5c-4a5e-4a2c-9a16-b9e0ab1f4e6d"}
    return Said(http, json.dumps(told).encode())


def _reply(answer: Sayable) -> Said:
    return answer if isinstance(answer, Said) else Said(200, json.dumps(answer).encode())


class MidtransApi:
    """The fake's strings, pulled from the test's thread while the server answers from others."""

    def __init__(self, server_key: str) -> None:
        self.server_key = server_key
        self.url = ""
        self.asked: list[str] = []  # the ids in the addresses, decoded
        self.paths: list[str] = []  # the addresses as they came
        self.keys: list[str] = []  # the user of each request's Basic auth
        self._scripts: dict[str, list[Said]] = {}
        self._otherwise = unknown()
        self._changed = threading.Condition()
        self._closing = threading.Event()

    def say(self, name: str, *answers: Sayable) -> None:
        """Answer questions about this order or transaction with these in turn, the last one for ever."""
        if not answers:
            raise ValueError("say what?")
        with self._changed:
            self._scripts[name] = [_reply(answer) for answer in answers]

    def knows(self, **fields: Any) -> dict[str, Any]:
        """Tell the truth about a payment under its transaction and, as its latest attempt, under its order → it."""
        notice = found(**fields)
        signed = f"{notice['order_id']}{notice['status_code']}{notice['gross_amount']}{self.server_key}"
        notice["signature_key"] = hashlib.sha512(signed.encode()).hexdigest()
        self.say(notice["order_id"], notice)
        self.say(notice["transaction_id"], notice)
        return notice

    def otherwise(self, answer: Sayable) -> None:
        """Answer whatever nobody spoke of with this; at first it is `unknown()`."""
        with self._changed:
            self._otherwise = _reply(answer)

    def forget(self, name: str | None = None) -> None:
        """Unsay what was said about one name, or about all; what was asked is kept."""
        with self._changed:
            if name is None:
                self._scripts.clear()
            else:
                self._scripts.pop(name, None)

    def count(self, name: str | None = None) -> int:
        """How often this name, or anything, was asked for."""
        with self._changed:
            return len(self.asked) if name is None else self.asked.count(name)

    def until_asked(self, name: str | None = None, *, times: int = 1, seconds: float = 10.0) -> None:
        """Wait until it was asked so often; fails the test when it was not in time."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: (len(self.asked) if name is None else self.asked.count(name)) >= times, seconds
            )
        assert arrived, f"asked for {self.asked}, waited for {times} of {name or 'any'}"

    def answer(self, path: str, authorization: str) -> Said | None:
        """For the server: what to answer, None for never."""
        key = _user_of(authorization)
        name = unquote(path.removeprefix("/v2/").removesuffix("/status"))
        with self._changed:
            self.paths.append(path)
            self.asked.append(name)
            self.keys.append(key)
            script = self._scripts.get(name, [self._otherwise])
            reply = script.pop(0) if len(script) > 1 else script[0]
            self._changed.notify_all()
        if not path.startswith("/v2/") or not path.endswith("/status"):
            return page(404)
        if key != self.server_key:
            return key_refused()
        if reply.after_seconds or reply.silent:
            self._closing.wait(None if reply.silent else reply.after_seconds)
        return None if reply.silent else reply

    def close(self) -> None:
        """For the server: let go of those who wait."""
        self._closing.set()


def _user_of(authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    if scheme != "Basic":
        return ""
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return user if not password else ""


@contextmanager
def midtrans_api(server_key: str = KEY) -> Iterator[MidtransApi]:
    """The fake at `api.url`, until the end of the block."""
    api = MidtransApi(server_key)
    server = _Server(("127.0.0.1", 0), _handler(api))
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="midtrans-api")
    thread.start()
    try:
        yield api
    finally:
        api.close()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that time out and hang up are what some tests are about."""


def _handler(api: MidtransApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            reply = api.answer(self.path, self.headers.get("Authorization", ""))
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            """Nothing: pytest's output belongs to the tests."""

    return Handler


__all__ = [
    "KEY",
    "MidtransApi",
    "Said",
    "expired",
    "failing",
    "found",
    "key_refused",
    "midtrans_api",
    "nonsense",
    "page",
    "silent",
    "slow",
    "too_many",
    "unknown",
]
