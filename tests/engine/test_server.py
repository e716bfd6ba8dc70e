"""`serve` as a process: it starts with one clear line or not at all, and stops without losing anything."""

import asyncio
import itertools
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.core.errors import StartRefused
from app.engine.log import open_log
from app.engine.reception import Reception
from app.engine.server import bind, serve
from app.main import create_app
from tests.engine.doors import Client, faces, post, until

ROOT = Path(__file__).resolve().parents[2]
_ARENA = 64 << 20


class Served:
    """A running server process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def client(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 10)


async def spawn(folder: Path, port: int = 0) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests" / "engine" / "serving.py"),
        str(folder),
        str(port),
        env={"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    process = await spawn(folder)
    assert process.stdout is not None
    address = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    try:
        yield Served(process, int(address.rpartition(":")[2]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def kept(folder: Path) -> dict[int, str]:
    log = open_log(f"sqlite:///{folder / 'log.db'}", server=False)
    try:
        return {callback.id: callback.event_key for callback in log.read_after(0, 1_000_000)}
    finally:
        log.close()


def files_of(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def pump(client: Client, name: str, acknowledged: dict[int, str], strange: list[int]) -> None:
    """Send until the server ends the connection; note every 200 with what it was for."""
    sent: list[str] = []

    async def write() -> None:
        while True:
            sent.append(f"{name}-{len(sent)}")
            await client.send(post(b'{"id":"%s"}' % sent[-1].encode()))
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    try:
        for number in range(1_000_000):
            response = await client.response()
            if response.status == 200:
                acknowledged[int(response.json()["callback_id"])] = sent[number]
            elif response.status != 503:
                strange.append(response.status)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await client.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_under_load_loses_nothing_that_was_answered_and_exits_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    acknowledged: dict[int, str] = {}
    strange: list[int] = []
    async with served(tmp_path) as server:
        clients = [await server.client() for _ in range(16)]
        half = await server.client()
        await half.send(post()[:-1])
        pumps = [
            asyncio.create_task(pump(client, str(place), acknowledged, strange)) for place, client in enumerate(clients)
        ]
        await until(lambda: len(acknowledged) > 2000, 30)
        began = time.monotonic()
        stopping = asyncio.create_task(server.stop(number))
        await half.send(post()[-1:])
        assert await stopping == 0
        assert time.monotonic() - began < 10
        await asyncio.gather(*pumps)
        await half.close()
    log = kept(tmp_path)
    assert strange == []
    assert {callback_id: log.get(callback_id) for callback_id in acknowledged} == acknowledged
    async with served(tmp_path) as server:
        client = await server.client()
        response = await client.ask(post())
        assert int(response.json()["callback_id"]) > max(log)
        await client.close()
        assert await server.stop() == 0


async def test_a_kill_under_load_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    strange: list[int] = []
    for round_ in range(3):
        async with served(tmp_path) as server:
            enough = len(acknowledged) + 300
            pumps = [
                asyncio.create_task(pump(await server.client(), f"{round_}-{place}", acknowledged, strange))
                for place in range(8)
            ]
            await until(lambda enough=enough: len(acknowledged) > enough, 30)  # type: ignore[misc]
            server.process.kill()
            await asyncio.gather(*pumps)
    log = kept(tmp_path)
    assert strange == []
    assert {callback_id: log.get(callback_id) for callback_id in acknowledged} == acknowledged


async def test_a_second_server_on_the_same_log_ends_with_one_line(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        second = await spawn(tmp_path)
        out, err = await asyncio.wait_for(second.communicate(), 20)
        assert second.returncode == 2
        assert out == b""
        assert err.count(b"\n") == 1
        assert err.startswith(b"LogBusy: ")
        client = await server.client()
        assert (await client.ask(post())).status == 200
        await client.close()
        assert await server.stop() == 0


async def test_a_taken_port_is_told_in_one_line_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await spawn(tmp_path, port)
        out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert out == b""
    (line,) = err.decode().splitlines()
    assert line.startswith(f"StartRefused: port {port} on 127.0.0.1 is taken (`callbacks doctor` says by whom); ")
    assert files_of(tmp_path) == []


def test_an_address_that_is_not_ours_is_told_as_such() -> None:
    with pytest.raises(StartRefused, match=r"cannot listen on 203\.0\.113\.1 port 0"):
        bind("203.0.113.1", 0)
    with pytest.raises(StartRefused, match="is no address of this machine"):
        bind("no such host", 0)


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="Linux lets a socket choose")
def test_only_on_loopback_the_systems_congestion_control_is_not_asked() -> None:
    def control(of: socket.socket) -> bytes:
        return of.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")

    with socket.socket() as plain, bind("127.0.0.1", 0) as local, bind("0.0.0.0", 0) as public:  # noqa: S104 - the point
        assert control(local) == b"reno"
        assert control(public) == control(plain)


def test_what_stops_the_start_is_raised_as_it_is() -> None:
    def opener() -> Reception:
        raise StartRefused("the folder is missing")

    with pytest.raises(StartRefused, match="the folder is missing"):
        serve(create_app(opener, faces=faces()), host="127.0.0.1", port=0)


def test_an_application_without_a_lifespan_is_refused() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        del scope, receive, send

    with pytest.raises(StartRefused, match="lifespan"):
        serve(app, host="127.0.0.1", port=0)


@pytest.mark.skipif(sys.platform != "linux", reason="the C library's arenas, as Linux shows them")
async def test_the_threads_share_one_arena(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        client = await running.client()
        assert (await client.ask(post(b"", "/thread", method="GET"))).status == 200
        assert arenas(running.process.pid) == []
        await client.close()


def arenas(pid: int) -> list[str]:
    """Where threads have arenas of their own: glibc reserves 64 MiB for each, the first part of it to be written."""
    maps = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    found = []
    for (written, rights, *_), (reserved, none, *_) in itertools.pairwise(maps):
        start, end = int(written.partition("-")[0], 16), int(reserved.partition("-")[2], 16)
        if start % _ARENA == 0 and end - start == _ARENA and (rights, none) == ("rw-p", "---p"):
            found.append(written)
    return found
