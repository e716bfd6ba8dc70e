"""A real Discord on loopback, for a real client: the REST addresses that a bot asks, and the gateway's socket.

    with discord_gateway() as discord:
        ...                                              # DISCORD_API_URL=discord.url
        discord.until(lambda: discord.connections)       # waits for a condition, no sleep
        discord.emit("MESSAGE_CREATE", message("!saldo"))
        discord.drop()                                   # the wire is cut; what is emitted now is sent after the RESUME
        assert discord.asked_for("POST", "/interactions")

The gateway speaks zlib-stream, answers heartbeats, and sends READY and one guild after IDENTIFY.
"""

import asyncio
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from aiohttp import WSMsgType, web

from tests.fakes import discord_payloads as payloads

TOKEN = "bot-token-of-the-tests"
_PATH = "/api/v10"
_HEARTBEAT_MS = 41_250
_APPLICATION = {
    "id": payloads.APPLICATION_ID,
    "name": "Toko",
    "description": "",
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "owner": payloads.ANI,
    "verify_key": "",
    "flags": 0,
    "summary": "",
}
_NOT_FOUND = 404, {"message": "404: Not Found", "code": 0}


class Asked(NamedTuple):
    """One REST request as it came in."""

    method: str
    path: str
    body: Any


class Discord:
    """The fake's strings, pulled from the test's thread while the server answers from another."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        #: what clients sent on their sockets, in order: 1 heartbeats, 2 IDENTIFY, 6 RESUME
        self.said: list[dict[str, Any]] = []
        #: sockets that are open
        self.connections: list[web.WebSocketResponse] = []
        #: a close code that answers IDENTIFY, such as 4014
        self.identify_refused = 0
        #: (method, beginning of the path) → what is answered instead of the truth
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self._deflating: dict[int, Any] = {}
        self._history: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()

    def until(self, condition: Callable[[], object], seconds: float = 15.0) -> None:
        """Wait for something that a client brings about; fails the test when it was not in time."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), (self.asked, self.said)

    def asked_for(self, method: str, beginning: str) -> list[Asked]:
        """Requests of this method to addresses that begin so."""
        with self._changed:
            return [each for each in self.asked if each.method == method and each.path.startswith(beginning)]

    def said_op(self, op: int) -> list[dict[str, Any]]:
        """What clients sent of this kind."""
        with self._changed:
            return [each for each in self.said if each["op"] == op]

    def emit(self, event: str, data: Any) -> None:
        """Send an event to whoever is connected, and to whoever resumes later."""
        self._call(self._emit(event, data))

    def drop(self) -> None:
        """Cut every wire, without a word."""
        self._call(self._drop())

    def end_session(self) -> None:
        """Tell everybody that the session is over: they have to identify anew."""
        self._call(self._send_all({"op": 9, "d": False}))

    def _call(self, what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _emit(self, event: str, data: Any) -> None:
        told = {"op": 0, "t": event, "s": len(self._history) + 1, "d": data}
        self._history.append(told)
        await self._send_all(told)

    async def _send_all(self, told: dict[str, Any]) -> None:
        for socket in list(self.connections):
            await self._send(socket, told)

    async def _send(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        deflating = self._deflating[id(socket)]
        await socket.send_bytes(deflating.compress(json.dumps(told).encode()) + deflating.flush(zlib.Z_SYNC_FLUSH))

    async def _drop(self) -> None:
        for socket in list(self.connections):
            assert socket._req is not None  # noqa: SLF001 - a wire is cut below the protocol
            assert socket._req.transport is not None  # noqa: SLF001
            socket._req.transport.abort()  # noqa: SLF001
            self.connections.remove(socket)

    async def gateway(self, request: web.Request) -> web.WebSocketResponse:
        """For the server: one client's socket."""
        assert request.query["compress"] == "zlib-stream"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._deflating[id(socket)] = zlib.compressobj()
        await self._send(socket, {"op": 10, "d": {"heartbeat_interval": _HEARTBEAT_MS}})
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            await self._hear(socket, json.loads(frame.data))
        with self._changed:
            if socket in self.connections:
                self.connections.remove(socket)
            self._changed.notify_all()
        return socket

    async def _hear(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        if told["op"] == 1:
            await self._send(socket, {"op": 11})
        elif told["op"] == 2 and self.identify_refused:
            await socket.close(code=self.identify_refused)
        elif told["op"] == 2:
            self.connections.append(socket)
            await self._emit("READY", self._ready())
            await self._emit("GUILD_CREATE", payloads.guild())
        elif told["op"] == 6:
            self.connections.append(socket)
            for missed in self._history[told["d"]["seq"] :]:
                await self._send(socket, missed)
            await self._emit("RESUMED", {})
        with self._changed:
            self.said.append(told)
            self._changed.notify_all()

    def _ready(self) -> dict[str, Any]:
        return {
            "v": 10,
            "user": payloads.BOT,
            "guilds": [{"id": payloads.GUILD_ID, "unavailable": True}],
            "session_id": "session-1",
            "resume_gateway_url": self._socket_url(),
            "application": {"id": payloads.APPLICATION_ID, "flags": 0},
        }

    def _socket_url(self) -> str:
        return f"{self.url.removesuffix(_PATH).replace('http', 'ws')}/gateway/"

    async def rest(self, request: web.Request) -> web.Response:
        """For the server: one REST request."""
        text = await request.text()
        asked = Asked(request.method, request.path.removeprefix(_PATH), json.loads(text) if text else None)
        status, body = self._answer(asked, request.headers.get("Authorization", ""))
        with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()
        # Not a word more: with a charset behind it discord.py takes the body for text.
        content = json.dumps(body).encode()
        return web.Response(body=content, status=status, headers={"Content-Type": "application/json"})

    def _answer(self, asked: Asked, authorization: str) -> tuple[int, Any]:
        for (method, beginning), answer in self.answers.items():
            if asked.method == method and asked.path.startswith(beginning):
                return answer
        if asked.path.startswith(("/interactions/", "/webhooks/")):  # proved by the token in the address
            told = {"interaction": {"id": asked.path.split("/")[2], "type": 2}}
            return 200, told if asked.method == "POST" else payloads.message("…", payloads.BOT)
        if authorization != f"Bot {TOKEN}":
            return 401, {"message": "401: Unauthorized", "code": 0}
        limits = {"total": 1_000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        found: dict[tuple[str, str], Any] = {
            ("GET", "/users/@me"): payloads.BOT,
            ("GET", "/oauth2/applications/@me"): _APPLICATION,
            ("GET", "/gateway/bot"): {"url": self._socket_url(), "shards": 1, "session_start_limit": limits},
        }
        if (asked.method, asked.path) in found:
            return 200, found[asked.method, asked.path]
        if asked.method == "PUT" and asked.path == f"/applications/{payloads.APPLICATION_ID}/commands":
            more = {"application_id": payloads.APPLICATION_ID, "version": "1"}
            return 200, [{**told, **more, "id": str(number)} for number, told in enumerate(asked.body, 1)]
        return _NOT_FOUND

    def run(self, started: threading.Event) -> None:
        """For the thread: serve until the loop is stopped."""
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_get("/gateway/", self.gateway)
        app.router.add_route("*", f"{_PATH}/{{rest:.*}}", self.rest)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}{_PATH}"
        started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    def stop(self) -> None:
        """End serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)


@contextmanager
def discord_gateway() -> Iterator[Discord]:
    """The fake at `discord.url`, until the end of the block."""
    discord, started = Discord(), threading.Event()
    thread = threading.Thread(target=discord.run, args=(started,), name="discord")
    thread.start()
    assert started.wait(10)
    try:
        yield discord
    finally:
        discord.stop()
        thread.join()
