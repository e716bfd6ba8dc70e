"""A real HTTP service of a shop's owner on loopback that takes what is forwarded to it: answers, refuses, is slow."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook


class Taken(NamedTuple):
    """One request as it came in, with the status that it was answered."""

    headers: Mapping[str, str]
    body: bytes
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def proved(self, secret: str) -> Any:
        """What `standardwebhooks`, the library that receivers use, makes of it; raises where it is not signed so."""
        return Webhook(secret).verify(self.body, dict(self.headers))

    @property
    def event(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """The fake's strings."""

    def __init__(self) -> None:
        self.url = ""
        self.taken: list[Taken] = []
        #: the status of the next answers, by what came
        self.answer: Callable[[Mapping[str, str], bytes], int] = lambda _headers, _body: 200
        self.more_headers: dict[str, str] = {}
        self.content = b""
        self._changed = threading.Condition()

    def take(self, one: Taken) -> None:
        with self._changed:
            self.taken.append(one)
            self._changed.notify_all()

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait for something that a request brings about; fails the test when it was not in time."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"{len(self.taken)} requests came in"

    def heard(self) -> list[Taken]:
        """What it took with a 2xx."""
        return [each for each in self.taken if 200 <= each.status < 300]

    def types(self) -> list[str]:
        return [each.event["type"] for each in self.heard()]


@contextmanager
def webhook_receiver(port: int = 0) -> Iterator[Receiver]:
    """The service at `receiver.url`, until the end of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.answer(headers, body)
            receiver.take(Taken(headers, body, status))
            self.send_response(status)
            for name, value in receiver.more_headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(receiver.content)))
            self.end_headers()
            self.wfile.write(receiver.content)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever sent may have been killed."""

    server = Server(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="webhook-receiver")
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
