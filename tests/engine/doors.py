"""Builders for the tests of the door: a handler, an appender that commits when it is told to, raw HTTP on a socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection

from app.core.errors import UnreadableBody
from app.engine.admission import Admission
from app.engine.callback import Answer, Callback, Identity, Outcome, Request, Row, Verification
from app.engine.guesses import Guesses
from app.engine.limits import Limits
from app.engine.peers import Proxies
from app.engine.reception import Reception
from app.engine.server import CallbackServer, Lifespan, bind, make_config
from app.main import FrontDoor, create_app

GOOD = b'{"id": "1"}'
PATH = "/callbacks/webhook/shop"


class Shop:
    """A sender: a wrong `x-sign` is a 401, `"boom"` a fault, `"ping"` is answered and forgotten."""

    name = "shop"
    kept_headers: tuple[bytes, ...] = (b"x-sign",)
    #: what `"look"` is answered with
    finds: Callable[[], Answer] | None = None

    def verify(self, request: Request, at: int) -> Verification:
        del at
        if request.headers.get(b"x-sign", b"good") != b"good":
            return Verification("", 401, "signature_wrong", "x-sign")
        return Verification("signature")

    def identify(self, request: Request) -> Identity:
        if b'"boom"' in request.body:
            raise RuntimeError("a secret that no log line may hold")
        try:
            data = json.loads(request.body)
        except ValueError:
            raise UnreadableBody("the body is not JSON") from None
        if not isinstance(data, dict):
            raise UnreadableBody("the body is no JSON object")
        return Identity("paid", str(data.get("id")), str(data.get("id")))

    def kept_body(self, request: Request) -> bytes:
        return request.body.replace(b"hidden", b"******")

    def reply(self, request: Request) -> Answer | None:
        return Answer(200, b'{"type":1}') if b'"ping"' in request.body or b'"own"' in request.body else None

    def keeps(self, request: Request) -> bool:
        return b'"ping"' not in request.body and b'"look"' not in request.body

    def looks_up(self, request: Request) -> Callable[[], Answer] | None:
        return self.finds if b'"look"' in request.body else None

    def probed(self, request: Request) -> Answer | None:
        return Answer(200, request.query, b"text/plain") if request.query else None

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        del connection, callbacks, at
        raise NotImplementedError


class HandAppender:
    """An appender whose commits a test decides: at once, when it says so, or failing."""

    def __init__(self, *, commits: bool = True, rows_max: int = 10_000) -> None:
        self.rows: list[Row] = []
        self.waiting: list[tuple[Row, Callable[[int | None], None]]] = []
        self.rows_max = rows_max
        self.commits = commits
        self.fails = False
        self.closed = False
        self._scheduled = False

    def append(self, row: Row, done: Callable[[int | None], None]) -> bool:
        if self.closed or len(self.waiting) >= self.rows_max:
            return False
        self.waiting.append((row, done))
        if self.commits and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.commit)
        return True

    def commit(self) -> None:
        self._scheduled = False
        group, self.waiting = self.waiting, []
        for row, done in group:
            if self.fails:
                done(None)
            else:
                self.rows.append(row)
                done(len(self.rows))

    async def close(self) -> None:
        self.commit()
        self.closed = True


def a_reception(
    appender: HandAppender | None = None, *, limits: Limits | None = None, tokens: tuple[bytes, ...] = (), **more: Any
) -> Reception:
    return Reception(
        more.get("handlers", {"shop": Shop()}),
        {"file": Shop()},
        appender or HandAppender(),
        admission=Admission(tokens, production=more.get("production", False), guesses=Guesses()),
        proxies=Proxies(more.get("proxies", "")),
        limits=limits or Limits(),
    )


def a_request(body: bytes = GOOD, *, provider: str = "shop", at: int = 1_000_000, **headers: str) -> Request:
    named = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    return Request(provider, body, named, "203.0.113.9", at)


def faces() -> FastAPI:
    """Stands for the rest of the application."""
    app = FastAPI(redirect_slashes=False)

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/thread")
    def in_a_thread() -> str:
        return "x" * 10_000

    @app.post("/echo")
    async def echo(data: dict[str, Any]) -> dict[str, Any]:
        return data

    return app


#: How `a_server` runs uvicorn: with our protocol, unless a test says `http="httptools"`.
SERVER: dict[str, Any] = {"timeout_graceful_shutdown": 2}


@asynccontextmanager
async def a_server(reception: Reception, *, app: FrontDoor | None = None) -> AsyncIterator["Running"]:
    """A real uvicorn on loopback; ends with the block."""
    app = app or create_app(lambda: reception, faces=faces())
    server = CallbackServer(make_config(app, **SERVER), lambda _: None)
    server.lifespan = Lifespan(server.config)  # as `serve` does, less its signals and its looking ten times a second
    listener = bind("127.0.0.1", 0)
    await server.startup([listener])
    running = Running(app, server, listener.getsockname()[1], [])
    try:
        yield running
    finally:
        for client in running.clients:
            client.writer.transport.abort()
        await server.shutdown([listener])


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that becomes true by itself."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event to wait for
            await asyncio.sleep(0.001)


class Running(NamedTuple):
    app: FrontDoor
    server: uvicorn.Server
    port: int
    clients: list["Client"]

    async def client(self) -> "Client":
        """A new connection; closed with the block at the latest."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client


class Response(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """HTTP by hand: what is sent is what the test writes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> Response:
        """The next answer; 1xx ones count as answers too."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1")
        first, *fields = head[:-4].split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Response(int(first.split()[1]), headers, body)

    async def ask(self, data: bytes) -> Response:
        await self.send(data)
        return await self.response()

    async def ended(self) -> bytes:
        """What still comes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), 10)

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return


def post(
    body: bytes = GOOD,
    path: str = PATH,
    *,
    method: str = "POST",
    version: str = "1.1",
    length: int | None = None,
    **headers: str,
) -> bytes:
    """One request's bytes."""
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost"]
    if length is not None or body:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*parts: bytes, path: str = PATH, end: bytes = b"0\r\n\r\n") -> bytes:
    """One request in chunks."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end
