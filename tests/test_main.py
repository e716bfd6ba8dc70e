"""The door over plain ASGI, on a real server: which address goes where, limits, admission, ends of connections."""

import asyncio
import json
import re

import pytest

from app.core.refusals import REFUSALS
from app.engine.limits import Limits
from app.engine.peers import Proxies
from app.engine.protocol import CallbackProtocol
from app.engine.reception import STATE_KEY
from tests.engine.doors import (
    GOOD,
    PATH,
    SERVER,
    Client,
    HandAppender,
    a_reception,
    a_server,
    chunked,
    post,
    until,
)

EVENT = "/callbacks/event/file"


@pytest.fixture(params=["httptools", CallbackProtocol], ids=["asgi", "protocol"], autouse=True)
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every promise of this file holds over plain ASGI and over our own protocol."""
    monkeypatch.setitem(SERVER, "http", request.param)


async def answered(request: bytes, **reception: object) -> int:
    async with a_server(a_reception(**reception)) as running:  # type: ignore[arg-type]
        client = await running.client()
        response = await client.ask(request)
        await client.close()
        return response.status


@pytest.mark.parametrize(
    "path", [PATH, PATH + "/", PATH + "?a=1", "/callbacks/webhook/sh%6fp", "/callbacks/webhook/shop/?"]
)
async def test_a_callback_is_kept_under_every_spelling_of_its_address(path: str) -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        response = await client.ask(post(path=path))
        await client.close()
    assert response.status == 200
    assert response.json()["callback_id"] == "1"
    assert response.headers["content-type"] == "application/json"
    assert appender.rows[0][1] == "shop"
    assert appender.rows[0][9] == "127.0.0.1"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_405_and_told_which_is_allowed(method: str) -> None:
    async with a_server(a_reception()) as running:
        client = await running.client()
        await client.send(post(b"", method=method))
        head = await client.reader.readuntil(b"\r\n\r\n")
        await client.close()
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nallow: POST\r\n" in head


async def test_everything_else_goes_to_fastapi_and_finds_the_reception_in_its_state() -> None:
    reception = a_reception()
    async with a_server(reception) as running:
        client = await running.client()
        assert (await client.ask(post(b"", "/hello", method="GET"))).json() == {"hello": "world"}
        assert (await client.ask(post(b'{"a":1}', "/echo", Content_Type="application/json"))).json() == {"a": 1}
        assert (await client.ask(post(b"", "/nothing", method="GET"))).status == 404
        assert (await client.ask(post(path="/callbacks/webhook/"))).status == 404
        assert (await client.ask(post(path="/callbacks/webhook/a/b"))).status == 404
        await client.close()
        assert running.server.lifespan.state[STATE_KEY] is reception


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(b""), 400),
        (post(b"x" * 100), 400),
        (post(b'{"id": "' + b"x" * (1 << 20) + b'"}'), 413),
        (chunked(*[b"x" * 65536] * 48), 413),
        (post(x_sign="bad"), 401),
        (post(x_sign="\xff"), 401),
        (post(x_sign="s" * 60_000), 401),
        (post(path="/callbacks/webhook/nobody"), 404),
        (post(Content_Encoding="gzip"), 415),
        (post(Transfer_Encoding="gzip, chunked", length=None)[:-11].replace(b"Content-Length: 11\r\n", b""), 501),
        (chunked(b'{"id"', b': "1"}'), 200),
        (post(b"\xef\xbb\xbf" + GOOD), 200),
        (post(b'{"id": NaN, "id": 2}'), 200),
    ],
    ids=[
        "empty",
        "no-json",
        "3mb",
        "endless",
        "wrong",
        "latin",
        "long",
        "nobody",
        "gzip",
        "te",
        "chunks",
        "bom",
        "nan",
    ],
)
@pytest.mark.parametrize("query", ["", "?q"], ids=["plain", "query"])
async def test_a_bad_body_gets_the_right_answer(request_bytes: bytes, status: int, query: str) -> None:
    request_bytes = re.sub(rb"^POST (\S+)", rb"POST \1" + query.encode(), request_bytes)
    assert await answered(request_bytes, limits=Limits(linger_seconds=0.3)) == status


async def test_a_refused_sender_reads_its_answer_though_it_is_still_sending() -> None:
    async with a_server(a_reception()) as running:
        client = await running.client()
        sending = asyncio.create_task(client.send(post(b"x" * (3 << 20))))
        response = await client.response()
        assert response.status == 413
        assert response.headers["connection"] == "close"
        await sending
        assert await client.ended() == b""
        await client.close()


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        await client.send(post(GOOD, PATH + "?q", length=5000))
        await client.close()
        await until(lambda: not running.server.server_state.connections)
    assert appender.rows == []


async def test_a_body_that_does_not_come_is_408() -> None:
    assert await answered(post(GOOD, PATH + "?q", length=5000), limits=Limits(body_seconds=0.05)) == 408


async def test_events_are_open_to_this_machine_in_development_and_nobody_else() -> None:
    assert await answered(post(path=EVENT)) == 200
    assert await answered(post(path=EVENT + "/")) == 200
    assert await answered(post(path=EVENT, X_Forwarded_For="203.0.113.9")) == 401
    assert await answered(post(path=EVENT, Forwarded="for=203.0.113.9")) == 401
    assert await answered(post(path=EVENT).replace(b"localhost", b"evil.example")) == 401
    assert await answered(post(path=EVENT, Origin="https://evil.example")) == 401
    assert await answered(post(path=EVENT), production=True) == 503
    assert await answered(post(path="/callbacks/event/nobody")) == 404


async def test_events_ask_for_the_admin_token_once_it_is_set() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender, tokens=(b"new", b"old"))) as running:
        client = await running.client()
        assert (await client.ask(post(path=EVENT, Authorization="Bearer new"))).status == 200
        assert (await client.ask(post(path=EVENT, Authorization="bearer old"))).status == 200
        await client.close()
        for wrong in ("Bearer nope", "Bearer ", "Bearer new old", "Basic bmV3", "new", "Bearer \xff\xfe"):
            client = await running.client()
            response = await client.ask(post(path=EVENT, Authorization=wrong))
            assert response.status == 401
            assert response.headers["www-authenticate"].startswith("Bearer")
            await client.close()
        client = await running.client()
        assert (await client.ask(post(path=EVENT))).status == 401
        await client.close()
    assert [row[1] for row in appender.rows] == ["event/file", "event/file"]


async def test_after_stopping_began_new_callbacks_are_503() -> None:
    reception = a_reception()
    async with a_server(reception) as running:
        client = await running.client()
        reception.drain()
        response = await client.ask(post())
        assert response.status == 503
        assert response.headers["retry-after"] == "1"
        await client.close()


async def test_a_sender_that_left_before_its_answer_disturbs_nobody() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        gone, stays = await running.client(), await running.client()
        await gone.send(post(path=PATH + "?q"))
        await stays.send(post(path=PATH + "?q"))
        await until(lambda: len(appender.waiting) == 2)
        await gone.close()
        appender.commit()
        assert (await stays.response()).status == 200
        await stays.close()


async def test_problem_details_are_told_as_such() -> None:
    async with a_server(a_reception()) as running:
        client: Client = await running.client()
        response = await client.ask(post(x_sign="bad"))
        await client.close()
    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(response.body) == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": f"x-sign: {REFUSALS['signature_wrong'].en}",
        "success": False,
        "reason": "signature_wrong",
        "field": "x-sign",
    }


@pytest.mark.parametrize(
    ("peer", "forwarded", "remote"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::1]:80"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["<script>"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("203.0.113.1", ["6.6.6.6"], "203.0.113.1"),
        ("", ["6.6.6.6"], ""),
        ("10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_are_believed_and_from_the_right(peer: str, forwarded: list[str], remote: str) -> None:
    proxies = Proxies("10.0.0.0/8, 192.168.1.1")
    assert proxies.remote_addr(peer, [value.encode() for value in forwarded]) == remote
    assert Proxies().remote_addr(peer, [value.encode() for value in forwarded]) == peer
