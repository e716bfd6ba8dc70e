"""Uploads over a real connection, with our protocol and with uvicorn's own: limits, slow senders, cut ends."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.callbacks.callback_manager import CallbackManager, use_manager
from app.core.config import get_settings
from app.core.database import engine_for, ensure_schema, get_engine
from app.engine.limits import Limits
from app.engine.reception import open_reception
from app.main import create_app
from tests.engine import doors
from tests.engine.doors import Client, Running, a_server, until
from tests.pictures import picture

TOKEN = "a-token-of-the-tests"
BOUNDARY = "form-data-of-the-tests"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
MIB = 1 << 20


@pytest.fixture(params=["ours", "httptools"], autouse=True)
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Our protocol class, and what any ASGI server would do."""
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", TOKEN)
    if request.param != "ours":
        monkeypatch.setitem(doors.SERVER, "http", request.param)
    return str(request.param)


@asynccontextmanager
async def serving(limits: Limits | None = None) -> AsyncIterator[Running]:
    get_settings.cache_clear()
    engine_for.cache_clear()
    ensure_schema(get_engine())
    settings = get_settings()
    manager = CallbackManager(settings=settings)
    use_manager(manager)
    reception = open_reception(settings, manager.handlers, manager.event_handlers, limits=limits or Limits())
    try:
        async with a_server(reception, app=create_app(lambda: reception)) as running:
            yield running
    finally:
        use_manager(None)
        get_engine().dispose()
        engine_for.cache_clear()


def part(name: str, content: bytes, filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def form(content: bytes, filename: str = "a.txt") -> bytes:
    fields = part("upload_type", b"general") + part("user_id", b"ani")
    return fields + part("file", content, filename) + f"--{BOUNDARY}--\r\n".encode()


def head(path: str = "/callbacks/event/upload", token: str = TOKEN, kind: str = FORM, **headers: Any) -> bytes:
    told = {"Host": "x", "Content-Type": kind, "Authorization": f"Bearer {token}", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode()


def chunks(body: bytes, size: int = 50_000) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in parts) + b"0\r\n\r\n"


def incoming() -> list[Path]:
    folder = Path("data/uploads/incoming")
    return list(folder.iterdir()) if folder.is_dir() else []


async def whole(client: Client, *pieces: bytes) -> tuple[int, Any]:
    """Send all of it, whatever is answered meanwhile → the first answer that is no 1xx."""

    async def sending() -> None:
        try:
            for piece in pieces:
                await client.send(piece)
        except ConnectionError:
            return

    task = asyncio.create_task(sending())
    answer = await client.response()
    task.cancel()
    return answer.status, answer.json()


@pytest.mark.parametrize("path", ["/callbacks/event/upload", "/callbacks/event/upload/", "/callbacks/event/upload?a=1"])
async def test_ten_megabytes_come_with_a_length_and_in_chunks(path: str) -> None:
    body = form(b"x" * (10 * MIB))
    async with serving() as running:
        client = await running.client()
        assert (await whole(client, head(path, Content_Length=len(body)), body))[0] == 200
        assert (await whole(client, head(path, Transfer_Encoding="chunked"), chunks(body)))[0] == 200
        await client.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")  # the connection goes on
        assert (await client.response()).status == 200
    assert sorted(file.stat().st_size for file in incoming()) == [10 * MIB] * 2


async def test_eleven_megabytes_are_refused_and_leave_nothing(protocol: str) -> None:
    body = form(b"x" * (11 * MIB))
    async with serving() as running:
        status, told = await whole(await running.client(), head(Content_Length=len(body)))  # before any of it came
        assert (status, told["reason"], told["field"]) == (413, "upload_too_large", "file")
        status, told = await whole(await running.client(), head(Transfer_Encoding="chunked"), chunks(body))
        assert (status, told["reason"]) == (413, "upload_too_large")
        await until(lambda: incoming() == [])
    assert protocol


async def test_a_form_without_end_is_cut_and_memory_stays_flat() -> None:
    endless = b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000)
    async with serving() as running:
        client = await running.client()
        await client.send(head(Transfer_Encoding="chunked"))
        begin = part("upload_type", b"general") + part("file", b"", "a.txt")[:-2]
        await client.send(b"%x\r\n%b\r\n" % (len(begin), begin))
        tracemalloc.start()
        status, told = await whole(client, *[endless] * 1_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (status, told["reason"]) == (413, "upload_too_large")
        assert peak < 4 * MIB
        await until(lambda: incoming() == [])


@pytest.mark.parametrize("token", ["wrong", ""])
async def test_with_a_wrong_token_nothing_of_the_body_is_read(token: str) -> None:
    async with serving() as running:
        client = await running.client()
        await client.send(head(token=token, Content_Length=5 * MIB, Expect="100-continue"))
        answer = await client.response()
        assert (answer.status, answer.json()["field"]) == (401, "Authorization")  # and no 100 before it
        other = await running.client()
        status, told = await whole(other, head(token=token, Content_Length=5 * MIB), b"x" * (5 * MIB))
        assert (status, told["field"]) == (401, "Authorization")
    assert incoming() == []


async def test_who_asks_first_is_told_to_go_on() -> None:
    body = form(b"hello")
    async with serving() as running:
        client = await running.client()
        await client.send(head(Content_Length=len(body), Expect="100-continue"))
        assert (await client.response()).status == 100
        assert (await client.ask(body)).status == 200


async def test_a_slow_sender_is_cut() -> None:
    async with serving(Limits(upload_seconds=0.3, body_seconds=0.1, sweep_seconds=0.05)) as running:
        client = await running.client()
        await client.send(head(Content_Length=5_000) + form(b"x" * 4_000)[:2_000])
        told = await client.ended()  # our sweep cuts it, or it is told
        assert told == b"" or b"408" in told.splitlines()[0]
        await until(lambda: incoming() == [])


async def test_a_form_may_take_longer_than_a_callback() -> None:
    async with serving(Limits(upload_seconds=20, body_seconds=0.05, sweep_seconds=0.02)) as running:
        client, body = await running.client(), form(b"hello")
        await client.send(head(Content_Length=len(body)) + body[:50])
        await asyncio.sleep(0.4)
        assert (await client.ask(body[50:])).status == 200


async def test_who_goes_away_in_the_middle_leaves_nothing() -> None:
    async with serving() as running:
        client = await running.client()
        await client.send(head(Content_Length=3 * MIB) + form(b"x" * (2 * MIB))[: 2 * MIB])
        await until(incoming)
        await client.close()
        await until(lambda: incoming() == [])


async def test_only_this_address_takes_more_and_only_for_forms(protocol: str) -> None:
    body = b"x" * (2 * MIB)
    async with serving() as running:
        for path, kind in (
            ("/callbacks/event/upload", "application/json"),
            ("/callbacks/event/file", FORM),
            ("/callbacks/event/uploads", FORM),
            ("/callbacks/webhook/upload", FORM),
            ("/callbacks/webhook/midtrans", FORM),
        ):
            sent = head(path, Content_Length=len(body), kind=kind)
            status, told = await whole(await running.client(), sent, body)
            assert (status, told.get("reason")) == (413, "body_too_large"), path
    assert protocol


async def test_what_follows_an_upload_has_the_ordinary_limits(protocol: str) -> None:
    body = form(b"x" * (2 * MIB))
    async with serving() as running:
        client = await running.client()
        assert (await whole(client, head(Content_Length=len(body)), body))[0] == 200
        sent = head("/callbacks/webhook/midtrans", Transfer_Encoding="chunked")
        assert (await whole(client, sent, chunks(b"x" * (2 * MIB))))[0] == 413
    assert protocol


async def test_uploads_side_by_side_and_webhooks_between_them() -> None:
    body = form(picture(), "a.png")
    async with serving() as running:

        async def one(number: int) -> int:
            client = await running.client()
            if number % 2:
                await client.send(head("/callbacks/webhook/nobody", Content_Length=2) + b"{}")
                return (await client.response()).status
            return (await whole(client, head(Content_Length=len(body)), body))[0]

        assert await asyncio.gather(*map(one, range(40))) == [200, 404] * 20
    assert len(incoming()) == 20
