"""HTTP/1.1 over asyncio for httpx2: whole small answers, kept connections, and a say in which addresses are connected.

httpx2's own transport costs 700 µs of CPU a request (measured on loopback, 64 connections), this one a tenth: the
slow lane would otherwise spend its time there. It speaks what APIs speak: bodies of known length, no upgrade, no proxy.
"""

import asyncio
import contextlib
import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, cast

import httptools
import httpx2

Origin: TypeAlias = tuple[str, str, int]  # scheme, host, port
#: `(host, port) -> addresses`, as text.
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
#: Raises for addresses that must not be connected: `(host, addresses)`.
Check: TypeAlias = Callable[[str, Sequence[str]], None]

HEAD_BYTES_MAX = 64 << 10
IDLE_SECONDS = 4.0  # servers commonly hang up after five; who asks just then loses
NEXT_ADDRESS_SECONDS = 0.5  # a family of addresses that leads nowhere must not use up the whole time-out


class AnswerTooLong(httpx2.RemoteProtocolError):
    """More bytes than are taken."""


class AnswerEncoded(httpx2.RemoteProtocolError):
    """A content coding that was not asked for: small bytes may unpack to very many."""


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """The addresses of a name in the system's order; a number in an odd spelling (`2130706433`) is a name too."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Wire(httpx2.AsyncBaseTransport):
    """The transport of one client, for one event loop."""

    def __init__(
        self,
        *,
        answer_bytes_max: int,
        check: Check | None = None,
        resolve: Resolve = resolve_name,
        status_only: bool = False,
    ) -> None:
        """`check` sees the very addresses that are connected, each time: a name may lead elsewhere in between.

        `status_only`: an answer's body is of no interest; one that is longer or packed is no failure.
        """
        self._answer_bytes_max = answer_bytes_max
        self._status_only = status_only
        self._check = check
        self._resolve = resolve
        self._idle: dict[Origin, list[_Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One exchange. Raises httpx2's own errors, and whatever `check` raises."""
        head, body = _head_of(request), await _body_of(request)
        limits = request.extensions.get("timeout", {})
        origin = _origin_of(request.url)
        connection = self._kept(origin) or await self._connect(origin, limits.get("connect"))
        try:
            async with asyncio.timeout(limits.get("read")):
                answer = await connection.exchange(head + body, bodiless=request.method == "HEAD")
        except TimeoutError:
            raise httpx2.ReadTimeout("no answer in time", request=request) from None
        finally:
            self._keep(origin, connection)
        return answer

    def _kept(self, origin: Origin) -> "_Connection | None":
        idle = self._idle.get(origin)
        now = asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            if connection.usable and now - connection.idle_since < IDLE_SECONDS and not connection.was_left():
                return connection
            connection.abort()
        return None

    def _keep(self, origin: Origin, connection: "_Connection") -> None:
        if not connection.usable:
            connection.abort()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.setdefault(origin, []).append(connection)
        if len(self._idle) > 1:
            self._forget(connection.idle_since)

    def _forget(self, now: float) -> None:
        """Close what nobody has asked for of late, so that many destinations leave no connections behind."""
        for origin, idle in list(self._idle.items()):
            while idle and (not idle[0].usable or now - idle[0].idle_since >= IDLE_SECONDS):
                idle.pop(0).abort()
            if not idle:
                del self._idle[origin]

    async def _connect(self, origin: Origin, timeout_seconds: float | None) -> "_Connection":
        scheme, host, port = origin
        try:
            async with asyncio.timeout(timeout_seconds):
                addresses = await self._resolve(host, port)
                if self._check is not None:
                    self._check(host, addresses)
                return await self._connect_one_of(addresses, port, host if scheme == "https" else None)
        except TimeoutError:
            raise httpx2.ConnectTimeout("not connected in time") from None
        except (OSError, UnicodeError) as error:
            raise httpx2.ConnectError(type(error).__name__) from None

    async def _connect_one_of(self, addresses: Sequence[str], port: int, tls_name: str | None) -> "_Connection":
        loop = asyncio.get_running_loop()
        failure: OSError = OSError("the name has no address")
        for left, address in reversed(list(enumerate(reversed(addresses)))):
            try:
                async with asyncio.timeout(NEXT_ADDRESS_SECONDS if left else None):
                    _, connection = await loop.create_connection(
                        lambda: _Connection(self._answer_bytes_max, status_only=self._status_only),
                        address,
                        port,
                        ssl=self._context() if tls_name else None,
                        server_hostname=tls_name,
                    )
            except OSError as error:  # TimeoutError is one
                failure = error
            else:
                return connection
        raise failure

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def aclose(self) -> None:
        """Close what is kept."""
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # asyncio tells connections of their end in its next round


class _Connection(asyncio.Protocol):
    """One connection: one exchange at a time. The names of the lower half are httptools'."""

    def __init__(self, answer_bytes_max: int, *, status_only: bool) -> None:
        self._status_only = status_only
        self.usable = False  # connected, and between two exchanges
        self.idle_since = 0.0
        self._answer_bytes_max = answer_bytes_max
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[httpx2.Response] | None = None
        self._bodiless = False

    async def exchange(self, data: bytes, *, bodiless: bool) -> httpx2.Response:
        self.usable = False
        self._bodiless = bodiless
        self._size = 0
        self._waiting = asyncio.get_running_loop().create_future()
        self.on_message_begin()
        self._transport.write(data)
        return await self._waiting

    def was_left(self) -> bool:
        """Whether the other side has spoken or hung up while nothing was asked; the loop may not have told yet."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        self.usable = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.abort()  # nobody asked
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
            if self._size > self._answer_bytes_max + HEAD_BYTES_MAX and not self._waiting.done():
                raise AnswerTooLong("too many bytes")
        except httptools.HttpParserUpgrade:
            self._fail(httpx2.RemoteProtocolError("an upgrade that nobody asked for"))
        except httptools.HttpParserError as error:
            # what our own callbacks raise arrives as its context
            cause = error.__context__
            self._fail(cause if isinstance(cause, httpx2.TransportError) else httpx2.RemoteProtocolError("no HTTP"))
        except httpx2.TransportError as error:
            self._fail(error)

    def eof_received(self) -> bool:
        self.connection_lost(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        if self._waiting is None or self._waiting.done():
            return
        if self._ends_with_connection and error is None:
            self._complete()
        elif self._size:
            self._fail(httpx2.RemoteProtocolError("the answer broke off"))
        else:
            self._fail(httpx2.ReadError("hung up without an answer"))

    def on_message_begin(self) -> None:
        self._body_size = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._ends_with_connection = False
        if self._waiting is not None and self._waiting.done():
            self.abort()  # more than one answer: what follows would be taken for the answer to the next question

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        names = {name.lower(): value for name, value in self._headers}
        if names.get(b"content-encoding", b"identity").lower() not in {b"identity", b""}:
            if not self._status_only:
                raise AnswerEncoded("not asked for")
            self._headers = [each for each in self._headers if each[0].lower() != b"content-encoding"]
        self._ends_with_connection = not {b"content-length", b"transfer-encoding"} & names.keys()
        if self._bodiless:
            self._complete()
            self.abort()

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self._answer_bytes_max:
            if not self._status_only:
                raise AnswerTooLong("too many bytes")
            self._complete()
            self.abort()
        elif not self._status_only:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < httpx2.codes.OK:
            return  # 1xx: the answer follows
        if self._waiting is None or self._waiting.done():
            return  # a second answer to one question
        self._complete()
        self.usable = self._parser.should_keep_alive() and not self._transport.is_closing()

    def _complete(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            status = self._parser.get_status_code()
            stream = httpx2.ByteStream(b"".join(self._body))
            self._waiting.set_result(httpx2.Response(status, headers=self._headers, stream=stream))

    def _fail(self, error: httpx2.TransportError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        with contextlib.suppress(RuntimeError):
            self.abort()


def _origin_of(url: httpx2.URL) -> Origin:
    if url.scheme not in {"http", "https"}:
        raise httpx2.UnsupportedProtocol("neither http nor https")
    if not url.host:
        raise httpx2.UnsupportedProtocol("no host")
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def _head_of(request: httpx2.Request) -> bytes:
    """Request line and headers. A line break inside any of them would be another header."""
    if b"transfer-encoding" in {name.lower() for name, _ in request.headers.raw}:
        raise httpx2.LocalProtocolError("bodies of unknown length are not sent")
    line = b" ".join((request.method.encode("ascii"), request.url.raw_path, b"HTTP/1.1"))
    lines = [line, *(name + b": " + value for name, value in request.headers.raw)]
    if line.count(b" ") != len("  ") or any(c in text for text in lines for c in (b"\r", b"\n", b"\0")):
        raise httpx2.LocalProtocolError("a line break or blank where none may stand")
    return b"\r\n".join((*lines, b"", b""))


async def _body_of(request: httpx2.Request) -> bytes:
    return await request.aread()
