"""Senders that put many requests on one connection at once, as a flood does, and read every answer whole."""

import re
import socket
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Self

PATH = "/callbacks/webhook/midtrans"

_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
_RETRY_AFTER = re.compile(rb"\r\nretry-after: [1-9][0-9]*\r\n", re.IGNORECASE)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def a_post(body: bytes, path: str = PATH) -> bytes:
    """One request's bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Pipe:
    """One connection; closed with its block."""

    def __init__(self, port: int, seconds: float = 20) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, requests: bytes) -> None:
        self.socket.sendall(requests)

    def answer(self) -> Answer:
        """The next answer; EOFError when the server ends the connection before it."""
        while (end := self.read.find(b"\r\n\r\n")) < 0:
            self.more()
        first, *fields = self.read[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        length = end + 4 + int(headers.get("content-length", "0"))
        while len(self.read) < length:
            self.more()
        body, self.read = self.read[end + 4 : length], self.read[length:]
        return Answer(int(first.split()[1]), headers, body)

    def more(self) -> None:
        if not (got := self.socket.recv(1 << 18)):
            raise EOFError
        self.read += got

    def ask(self, requests: Iterable[bytes]) -> list[Answer]:
        """Send all at once → the answers, in the same order."""
        sent = list(requests)
        self.send(b"".join(sent))
        return [self.answer() for _ in sent]

    def tally(self, count: int) -> Counter[int]:
        """How many of the next answers, all of JSON, had each status; each 503 must say when to come again."""
        found: list[bytes] = []
        while len(found) < count or not self.read.endswith(b"}"):
            self.more()
            found = _STATUS.findall(self.read)
        assert len(found) == count
        statuses = Counter(map(int, found))
        assert len(_RETRY_AFTER.findall(self.read)) == statuses[503]
        self.read = b""
        return statuses
