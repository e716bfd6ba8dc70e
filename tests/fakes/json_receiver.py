"""A real HTTP server on loopback that takes what apprise's `json://` posts: answers, silence, cuts."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Posted(NamedTuple):
    """One request as it came in."""

    path: str
    body: dict[str, Any]


class Receiver:
    """The fake's strings."""

    def __init__(self) -> None:
        self.port = 0
        self.posted: list[Posted] = []
        self.status = 200
        self.location = ""
        self.cuts = False
        self.silent = False
        self.ended = threading.Event()
        self._changed = threading.Condition()

    def take(self, one: Posted) -> None:
        with self._changed:
            self.posted.append(one)
            self._changed.notify_all()

    def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait for something that a request brings about; fails the test when it was not in time."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"{len(self.posted)} requests came in"


@contextmanager
def json_receiver() -> Iterator[Receiver]:
    """The fake at `127.0.0.1:{receiver.port}`, until the end of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = self.rfile.read(int(self.headers["content-length"]))
            receiver.take(Posted(self.path, json.loads(told)))
            if receiver.silent:
                receiver.ended.wait()
            if receiver.cuts or receiver.silent:
                self.close_connection = True
                return
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("location", receiver.location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="json-receiver")
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
