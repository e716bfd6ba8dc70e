"""Midtrans' status API on loopback: tells the truth of a simulation to a system that is in doubt."""

import asyncio
import json
from contextlib import suppress
from typing import Self
from urllib.parse import unquote

from app.core.errors import StartRefused
from app.simulation.plan import Truth

_HEAD_BYTES_MAX = 1 << 14
_UNKNOWN = json.dumps({"status_code": "404", "status_message": "Transaction doesn't exist."}).encode()


class StatusApi:
    """What is true at Midtrans so far, and how often it was asked.

    An order's own name leads to its latest attempt, a transaction's name to that attempt. Who asks may be anybody:
    what it tells is made up, and it listens on loopback only.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.asked = 0
        self._known: dict[str, Truth] = {}
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    @property
    def url(self) -> str:
        """What MIDTRANS_API_URL has to be."""
        return f"http://127.0.0.1:{self.port}"

    def learn(self, truth: Truth) -> None:
        """This is true from now on, unless something later already is."""
        for name in (truth.order_id, truth.attempt):
            before = self._known.get(name)
            if before is None or before.number <= truth.number:
                self._known[name] = truth

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_HEAD_BYTES_MAX)
        except OSError as error:
            words = f"the status API cannot listen on {self.url}: {error.strerror}"
            raise StartRefused(f"{words}; choose another port with --api-port") from None
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            serving = [task for task in self._clients.values() if task is not None]
            for writer in self._clients:
                writer.close()
            await asyncio.gather(*serving)

    def answer(self, path: str) -> tuple[int, bytes]:
        """`/v2/TU-1/status` → the HTTP status and what is said."""
        name = unquote(path.removeprefix("/v2/").removesuffix("/status"))
        truth = self._known.get(name)
        return (404, _UNKNOWN) if truth is None else (200, truth.body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = asyncio.current_task()
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, *_ = head.decode("latin-1").split(" ", 2)
                status, body = self.answer(path) if method == "GET" else (405, _UNKNOWN)
                self.asked += 1
                reply = (
                    f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                writer.write(reply.encode() + body)
                await writer.drain()
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            writer.close()  # whoever asks may hang up, and what is no HTTP is hung up on
            with suppress(OSError):
                await writer.wait_closed()
        finally:
            del self._clients[writer]
