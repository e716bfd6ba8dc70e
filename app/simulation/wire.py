"""A sender's connections: kept alive, one request at a time on each, opened anew when they break.

Not the client of `providers.outgoing`: a simulation sends thousands of small requests a second, and that one checks
and bounds each as strangers deserve: measured, 175 µs of CPU a request, and 35 µs here.
"""

import asyncio
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from app.core.errors import FieldError

_TIMEOUT_SECONDS = 15.0
_HEAD_BYTES_MAX = 1 << 16
_PLAIN = re.compile(r"[!-~]+")  # no blanks, no line breaks: it becomes a line of a request's head
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Target(NamedTuple):
    """Where the system is, and who may manage it."""

    host: str
    port: int
    tls: bool = False
    prefix: str = ""  # of every path
    token: str = ""  # CALLBACK_ADMIN_TOKEN

    @property
    def local(self) -> bool:
        """Whether it is this machine."""
        return self.host in _LOOPBACK

    @property
    def url(self) -> str:
        """For people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.prefix}"


def target_of(url: str, token: str = "") -> Target:
    """`https://shop.example/base` → where it leads. Raises FieldError."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        host, port = None, None
    if not host or not _PLAIN.fullmatch(url) or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise FieldError("--url", "must be an address such as http://127.0.0.1:8000")
    tls = parts.scheme == "https"
    return Target(host, port or (443 if tls else 80), tls, parts.path.rstrip("/"), token)


class Broken(Exception):
    """A connection that could not be made, or ended before the answer was whole; the message says how."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class Connection:
    """One connection; after `Broken` the next request opens it anew."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._dropped: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
        """One request, its answer. Raises Broken."""
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await self._ask(self._request(method, path, headers, body))
        except TimeoutError:
            self._drop()
            raise Broken("no answer in time") from None
        except ConnectionRefusedError:
            self._drop()
            raise Broken("nobody listens") from None
        except ssl.SSLCertVerificationError:
            self._drop()
            raise Broken("its certificate is not trusted here") from None
        except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError):
            self._drop()
            raise Broken("the connection broke") from None
        except asyncio.CancelledError:
            self._drop()  # an answer may still be under way
            raise

    def _request(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = f"{method} {self._target.prefix}{path} HTTP/1.1\r\nHost: {self._target.host}\r\n{lines}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body

    async def _ask(self, request: bytes) -> Answer:
        if self._streams is None:
            secured = ssl.create_default_context() if self._target.tls else None
            self._streams = await asyncio.open_connection(
                self._target.host, self._target.port, ssl=secured, limit=_HEAD_BYTES_MAX
            )
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status_line, *lines = head.split("\r\n")
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection") == "close":
            self._drop()
        return Answer(int(status_line.split()[1]), body)

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._dropped, self._streams = self._streams[1], None

    async def close(self) -> None:
        """Let it go; returns when it is gone."""
        self._drop()
        if self._dropped is not None:
            with suppress(OSError):
                await self._dropped.wait_closed()


class Pool:
    """So many connections, each lent to one request at a time."""

    def __init__(self, target: Target, size: int) -> None:
        self._all = [Connection(target) for _ in range(size)]
        self._idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for connection in self._all:
            self._idle.put_nowait(connection)

    async def ask(self, method: str, path: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Answer:
        """One request on an idle connection. Raises Broken."""
        connection = await self._idle.get()
        try:
            return await connection.ask(method, path, headers, body)
        finally:
            self._idle.put_nowait(connection)

    async def close(self) -> None:
        """Close them all."""
        for connection in self._all:
            await connection.close()
