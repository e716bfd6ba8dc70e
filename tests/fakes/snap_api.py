"""A real HTTP server on loopback that plays Midtrans Snap: truthful, slow, failing, refusing, silent.

    with snap_api() as api:
        api.say("TU-1", failing(503), opened())  # a script for one order id: in turn, the last one for ever
        ...                                       # MIDTRANS_API_URL=api.url, MIDTRANS_SERVER_KEY=api.server_key
        assert [one.order_id for one in api.wished] == ["TU-1", "TU-1"]
        api.choose("TU-1")                        # a payment method was chosen: from now on the id is taken

What nobody spoke of is opened, the same order id as often as it is asked for, as Snap does it. Another key is refused.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

KEY = "SB-Mid-server-of-the-tests-0001"


class Answer(NamedTuple):
    """One answer: what is sent, after how long; `silent` never answers, `cuts` hangs up in its middle."""

    status: int = 201
    body: bytes | None = None  # None: what Snap says of a payment that it opened
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"
    after_seconds: float = 0.0
    silent: bool = False
    cuts: bool = False


class Wished(NamedTuple):
    """One request as it came in."""

    order_id: str
    fields: dict[str, Any]
    path: str
    key: str  # the user of Basic auth, empty where there was a password


def opened() -> Answer:
    """A payment page."""
    return Answer()


def refused(status: int, *messages: str) -> Answer:
    """Midtrans' no, in its words."""
    return Answer(status, json.dumps({"error_messages": list(messages)}).encode())


def taken(language: str = "id") -> Answer:
    """The order id is paid, or a method was chosen."""
    words = {"id": "sudah digunakan", "en": "has already been taken"}
    return refused(400, f"transaction_details.order_id {words[language]}")


def key_refused() -> Answer:
    """The server key is wrong."""
    return refused(401, "Access denied due to unauthorized transaction, please check client or server key")


def failing(status: int = 500) -> Answer:
    """A server's failure, in JSON."""
    return refused(status, "Sorry, we encountered internal server error. We will fix this soon.")


def too_many(retry_after: str = "") -> Answer:
    """HTTP 429, with or without `Retry-After`."""
    return refused(429, "Too many requests")._replace(headers={"Retry-After": retry_after} if retry_after else {})


def page(status: int = 201) -> Answer:
    """An HTML page in the place of an answer."""
    return Answer(status, b"<!doctype html><title>Maintenance</title>", content_type="text/html")


def slow(seconds: float) -> Answer:
    """Opened, and told late."""
    return Answer(after_seconds=seconds)


def silent() -> Answer:
    """Taken, and never answered."""
    return Answer(silent=True)


def cut() -> Answer:
    """Taken; the connection is cut in the middle of the answer."""
    return Answer(cuts=True)


class SnapApi:
    """The fake's strings, pulled from the test's thread while the server answers from others."""

    def __init__(self, server_key: str) -> None:
        self.server_key = server_key
        self.url = ""
        self.wished: list[Wished] = []  # everything that came in, whatever was answered
        self._scripts: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self.closing = threading.Event()

    def say(self, order_id: str, *answers: Answer) -> None:
        """Answer wishes for this order with these in turn, the last one for ever."""
        with self._lock:
            self._scripts[order_id] = list(answers)

    def choose(self, order_id: str, language: str = "id") -> None:
        """The customer chose a payment method."""
        self.say(order_id, taken(language))

    def take(self, path: str, key: str, body: bytes) -> Answer:
        """For the server: note a wish → what to answer."""
        fields = json.loads(body)
        order_id = str(fields.get("transaction_details", {}).get("order_id"))
        with self._lock:
            self.wished.append(Wished(order_id, fields, path, key))
            script = self._scripts.get(order_id, [opened()])
            answer = script.pop(0) if len(script) > 1 else script[0]
        if path != "/snap/v1/transactions":
            return page(404)
        if key != self.server_key:
            return key_refused()
        if answer.body is not None:
            return answer
        token = f"token-of-{order_id}"
        told = {"token": token, "redirect_url": f"{self.url}/snap/v4/redirection/{token}"}
        return answer._replace(body=json.dumps(told).encode())


@contextmanager
def snap_api(server_key: str = KEY) -> Iterator[SnapApi]:
    """The fake at `api.url`, until the end of the block."""
    api = SnapApi(server_key)
    server = _Server(("127.0.0.1", 0), _handler(api))
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="snap-api")
    thread.start()
    try:
        yield api
    finally:
        api.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that time out and hang up are what some tests are about."""


def _handler(api: SnapApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer = api.take(self.path, _user_of(self.headers.get("Authorization", "")), body)
            if answer.silent:
                api.closing.wait(30)
                self.close_connection = True
                return
            time.sleep(answer.after_seconds)
            content = answer.body or b""
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(content)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if answer.cuts else content)
            self.close_connection = answer.cuts

        def log_message(self, *_: Any) -> None:
            """Nothing: pytest's output belongs to the tests."""

    return Handler


def _user_of(authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return user if scheme == "Basic" and not password else ""
