"""Runs the door on a socket: uvicorn with our protocol, an end without losses, and exit code 0 after SIGTERM."""

import asyncio
import ctypes
import errno
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from app.core.errors import StartRefused
from app.core.telemetry import get_logger
from app.engine.asgi import ASGIApp
from app.engine.peers import is_loopback
from app.engine.protocol import CallbackProtocol

_BACKLOG = 2048
_FILES_WANTED = 8192
_M_ARENA_MAX = -8  # glibc's <malloc.h>
# Of the ten seconds that a supervisor grants: what is left belongs to the log and to FastAPI's own end.
_STOP_SECONDS = 6

log = get_logger(__name__)


def serve(app: ASGIApp, *, host: str, port: int, on_listening: Callable[[str], None] | None = None) -> int:
    """Serve until SIGTERM or SIGINT → exit code 0. `app`'s lifespan opens the reception (see `app.main`).

    `on_listening` is called with the address (`http://127.0.0.1:8000`) once callbacks are received. Raises StartRefused
    for an address that cannot be had, and whatever the lifespan raises at its start.
    """
    _allow_many_files()
    _share_one_arena()
    with bind(host, port) as listener:
        CallbackServer(make_config(app), on_listening or _tell).run(sockets=[listener])
    return 0


def make_config(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """Uvicorn's settings for our protocol: no access log, no proxy headers (the engine reads them), no web sockets."""
    return uvicorn.Config(
        app,
        **{
            "http": CallbackProtocol,
            "ws": "none",
            "lifespan": "on",
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "proxy_headers": False,
            "backlog": _BACKLOG,
            "timeout_keep_alive": 75,
            "timeout_graceful_shutdown": _STOP_SECONDS,
            **more,
        },
    )


class CallbackServer(uvicorn.Server):
    """uvicorn's server that raises what stops its start, and does not die of the signal that stops it."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[str], None]) -> None:
        """`on_listening` as in `serve`."""
        super().__init__(config)
        if not config.loaded:
            config.load()
        config.lifespan_class = Lifespan
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the reception, then listen."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays; the collector need not look through it again and again
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._on_listening(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take the signals that stop, and do not raise them again at the end: stopping on demand is no failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, however often we are told: a second signal must not skip the end of the log."""
        del sig, frame
        self.should_exit = True


class Lifespan:
    """The application's lifespan as uvicorn's server wants it; what stops the start is raised, not logged."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Made by uvicorn's server."""
        self.state: dict[str, Any] = {}
        self.should_exit = False
        self._app: ASGIApp = config.loaded_app
        self._inbox: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._said = asyncio.Event()
        self._task: asyncio.Future[None] | None = None

    async def startup(self) -> None:
        """Run the application's start; raises what it raises."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._task = asyncio.ensure_future(self._app(scope, self._inbox.get, self._send))
        await self._turn("lifespan.startup")

    async def shutdown(self) -> None:
        """Run the application's end."""
        await self._turn("lifespan.shutdown")

    async def _turn(self, word: str) -> None:
        task = self._task
        if task is None:
            return
        self._said.clear()
        await self._inbox.put({"type": word})
        said = asyncio.create_task(self._said.wait())
        await asyncio.wait((task, said), return_when=asyncio.FIRST_COMPLETED)
        said.cancel()
        if self.should_exit or (task.done() and not self._said.is_set()):
            await task  # raises
            raise StartRefused("the application ended its lifespan before the server did")

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.should_exit = message["type"].endswith(".failed")
        self._said.set()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises StartRefused in one line."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StartRefused(f"CALLBACK_HOST={host!r} is no address of this machine: {error.strerror}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        _pace_nothing_on_loopback(listener)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartRefused(
                f"port {port} on {host} is taken (`callbacks doctor` says by whom); stop what listens there,"
                " or set CALLBACK_PORT"
            ) from None
        raise StartRefused(f"cannot listen on {host} port {port}: {error.strerror}") from None
    return listener


def _pace_nothing_on_loopback(listener: socket.socket) -> None:
    """Spare whoever listens behind a proxy on the same machine a congestion control that sets a timer for each answer.

    Where BBR is the system's choice it cost 5 % of all callbacks (measured on loopback, where nothing is congested).
    """
    if hasattr(socket, "TCP_CONGESTION") and is_loopback(listener.getsockname()[0]):
        with suppress(OSError):  # a sandbox may have none to choose from
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")  # the one that every Linux has


def _allow_many_files() -> None:
    """Each connection is an open file: raise this process' soft limit as far as the hard one allows."""
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(_FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _share_one_arena() -> None:
    """Let all threads have their memory from one place, where the C library is glibc.

    Any of twenty threads uses any of sixteen SQLite connections, whose pages would lie scattered over an arena for each
    thread: what one frees, another cannot take, and the process grew for as long as it was watched.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_ARENA_MAX, 1)


def _tell(address: str) -> None:
    log.info("serve.listening", address=address)
