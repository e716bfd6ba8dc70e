"""Heads that came before: a known one means what it meant, and nothing else ever changes."""

import asyncio
from copy import deepcopy
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from app.engine import protocol
from app.engine.callback import Request, Verification
from app.engine.heads import HEAD_BYTES_MAX, Heads
from app.engine.protocol import CallbackProtocol
from app.engine.reception import STATE_KEY
from app.engine.server import make_config
from app.main import create_app
from tests.engine.doors import GOOD, HandAppender, Running, Shop, a_reception, a_server, chunked, faces, post, until


def the_connection(running: Running) -> CallbackProtocol:
    (connection,) = running.server.server_state.connections
    assert isinstance(connection, CallbackProtocol)
    return connection


def learnt(request: bytes, **headers: str) -> int:
    """How many heads are known after this request, whose headers are told apart."""
    heads = Heads()
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    heads.learn(request, "shop", named, [])
    return len(heads)


def test_only_a_whole_and_ordinary_request_is_learnt() -> None:
    assert learnt(post(), content_length="11") == 1
    assert learnt(post() + b"P", content_length="11") == 0
    assert learnt(post()[:-1], content_length="11") == 0
    assert learnt(post()) == 0
    assert learnt(post(), content_length="+11") == 0
    assert learnt(post(), content_length="11", expect="100-continue") == 0
    assert learnt(post(), content_length="11", upgrade="h2c") == 0
    assert learnt(post(), content_length="11", transfer_encoding="chunked") == 0
    assert learnt(post(X_Big="b" * HEAD_BYTES_MAX), content_length="11") == 0


def test_no_number_of_heads_takes_more_than_its_bound() -> None:
    heads = Heads()
    for number in range(1000):
        heads.learn(post(X_Request=str(number)), "shop", {b"content-length": b"11"}, [])
        assert 1 <= len(heads) <= 256


async def test_a_head_that_came_before_is_not_parsed_and_its_body_is_the_new_one() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        assert (await client.ask(post(b'{"id": "1"}'))).status == 200
        with patch.object(CallbackProtocol, "_parse", side_effect=AssertionError("parsed")):
            assert (await client.ask(post(b'{"id": "2"}'))).json()["callback_id"] == "2"
            assert (await client.ask(post(b'{"id": 404}'))).status == 200
            other = await running.client()
            assert (await other.ask(post(b'{"id": "3"}'))).status == 200
    assert [row[3] for row in appender.rows] == ["1", "2", "404", "3"]


@pytest.mark.parametrize("more", [b"", b"POST"], ids=["half a body", "half a request behind it"])
async def test_a_known_head_with_more_or_less_than_its_body_is_read_by_the_parser(more: bytes) -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        assert (await client.ask(post())).status == 200
        both = post() + post()
        cut = len(post()) + len(more) if more else len(post()) - 3
        await client.send(both[:cut])
        await asyncio.sleep(0.02)
        await client.send(both[cut:])
        assert [(await client.response()).status for _ in range(2)] == [200, 200]
    assert len(appender.rows) == 3


async def test_what_nobody_proved_is_not_learnt() -> None:
    async with a_server(a_reception()) as running:
        client = await running.client()
        for _ in range(3):
            assert (await client.ask(post(x_sign="bad"))).status == 401
        assert len(the_connection(running)._heads) == 0  # noqa: SLF001


async def test_what_a_handler_does_to_its_headers_does_not_reach_the_next_callback() -> None:
    seen: list[object] = []

    class Careless(Shop):
        def verify(self, request: Request, at: int) -> Verification:
            seen.append(deepcopy(request.headers))
            cast("dict[bytes, bytes]", request.headers).clear()
            return super().verify(request, at)

    async with a_server(a_reception(handlers={"shop": Careless()})) as running:
        client = await running.client()
        for _ in range(3):
            assert (await client.ask(post())).status == 200
    assert seen == [{b"host": b"localhost", b"content-length": b"11"}] * 3


async def test_the_sender_behind_a_proxy_is_told_by_each_head() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender, proxies="127.0.0.1")) as running:
        client = await running.client()
        for address in ("203.0.113.7", "203.0.113.8", "203.0.113.7", "203.0.113.8"):
            assert (await client.ask(post(X_Forwarded_For=address))).status == 200
        assert the_connection(running)._strange == 0  # noqa: SLF001
    assert [row[9] for row in appender.rows] == ["203.0.113.7", "203.0.113.8"] * 2


async def test_a_connection_whose_heads_never_repeat_is_not_looked_at_any_more() -> None:
    async with a_server(a_reception()) as running:
        client = await running.client()
        for number in range(40):
            assert (await client.ask(post(X_Request_Id=str(number)))).status == 200
        assert len(the_connection(running)._heads) == 32  # noqa: SLF001
        assert (await client.ask(post(X_Request_Id="0"))).status == 200
        assert the_connection(running)._strange == 32  # noqa: SLF001


async def test_a_fault_of_our_own_behind_a_known_head_is_answered_500() -> None:
    reception = a_reception()
    async with a_server(reception) as running:
        client = await running.client()
        assert (await client.ask(post())).status == 200
        reception.webhooks.handlers = None  # type: ignore[assignment]
        assert (await client.ask(post())).status == 500
        assert await client.ended() == b""


async def test_a_server_that_stops_closes_behind_a_known_head() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        assert (await client.ask(post())).status == 200
        connection = the_connection(running)
        appender.commits = False
        await client.send(post())
        await until(lambda: appender.waiting)
        connection._stopping = True  # noqa: SLF001
        await client.send(post())
        await until(lambda: len(appender.waiting) == 2)
        appender.commit()
        answers = [await client.response() for _ in range(2)]
        assert [answer.headers.get("connection") for answer in answers] == [None, "close"]
        assert await client.ended() == b""


async def test_a_whole_request_as_the_body_of_another_is_a_body() -> None:
    appender = HandAppender()
    inner = post(b'{"id": "inner"}')
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        assert (await client.ask(inner)).status == 200
        outer = post(b" " * len(inner))
        await client.send(outer[: -len(inner)])
        await until(lambda: the_connection(running)._kind)  # noqa: SLF001
        assert (await client.ask(inner)).json()["reason"] == "unreadable_body"
    assert len(appender.rows) == 1


async def test_what_came_in_pieces_is_not_learnt_from_its_last_one() -> None:
    async with a_server(a_reception()) as running:
        client = await running.client()
        await client.send(post()[:1])
        await until(lambda: the_connection(running)._kind)  # noqa: SLF001
        assert (await client.ask(post()[1:])).status == 200
        assert (await client.ask(post()[1:])).status == 400


async def test_the_end_of_a_body_is_not_learnt_with_the_head_behind_it() -> None:
    appender = HandAppender()
    mixed = post()[-1:] + post(b'{"id": "2"}')
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        await client.send(post()[:-1])
        await until(lambda: the_connection(running)._kind)  # noqa: SLF001
        await client.send(mixed)
        assert [(await client.response()).status for _ in range(2)] == [200, 200]
        assert (await client.ask(mixed)).status == 400, "a brace is no beginning of a request"
    assert [row[3] for row in appender.rows] == ["1", "2"]


async def test_what_is_not_for_a_webhook_is_never_learnt() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        for _ in range(2):
            assert (await client.ask(post())).status == 200
            assert (await client.ask(post(GOOD, "/echo", Content_Type="application/json"))).json() == {"id": "1"}
    assert len(appender.rows) == 2


async def test_a_known_head_behind_an_asgi_request_waits_its_turn() -> None:
    app, go_on = faces(), asyncio.Event()

    @app.get("/waits")
    async def waits() -> str:
        await go_on.wait()
        return "waited"

    appender = HandAppender()
    reception = a_reception(appender)
    async with a_server(reception, app=create_app(lambda: reception, faces=app)) as running:
        client = await running.client()
        assert (await client.ask(post())).status == 200
        await client.send(post(b"", "/waits", method="GET"))
        await until(lambda: the_connection(running)._asgi_is_busy())  # noqa: SLF001
        await client.send(post())
        await asyncio.sleep(0.02)
        go_on.set()
        assert (await client.response()).json() == "waited"
        assert (await client.response()).json()["callback_id"] == "2"


class Wire:
    """Stands for a transport: what is written is kept, nothing is ever in the way."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 8000)}.get(name, default)

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Whoever feeds it does not ask."""

    def resume_reading(self) -> None:
        """As above."""


REQUESTS = (
    post(),
    post(b'{"id": "22"}'),
    post(b'{"id": "33", "more": [1, 2]}'),
    post(x_sign="bad"),
    post(b'{"ping": 1}'),
    post(b"{"),
    post(b""),
    post(post()),
    post(X_Other="1"),
    chunked(GOOD),
    post(path="/callbacks/webhook/shop/"),
    post(path="/callbacks/webhook/nobody"),
    post(Connection="keep-alive"),
    post(Connection="close"),
    post(version="1.0"),
    post().replace(b"11\r\n", b"+11\r\n"),
    post(b"", length=2 << 20),
)


#: At an end of a head or of a body, or near it; see `in_pieces`.
CUTS = (-1000, *range(-13, 0), 1, 50, *range(len(post()) - 13, len(post())))


async def told(pieces: list[bytes]) -> tuple[bytes, list[str]]:
    """What a server says to these pieces on one connection after another that said the same: bytes, and ids it kept."""
    appender = HandAppender(commits=False)
    state = {STATE_KEY: a_reception(appender)}
    server = ServerState()
    server.default_headers = [(b"date", b"today")]
    said = b""
    for _ in range(2):
        wire: Any = Wire()
        connection = CallbackProtocol(make_config(create_app(faces=faces())), server, state)
        connection.connection_made(wire)
        for number, piece in enumerate(pieces):
            if not wire.closed:
                connection.data_received(piece)
            if number % 3:
                appender.commit()
        appender.commit()
        connection.connection_lost(None)
        said += wire.written
    return said, [row[3] for row in appender.rows]


def in_pieces(requests: list[bytes], sizes: list[int]) -> list[bytes]:
    """Each request by its size: 0 in one piece, n cut behind n bytes, -n with its last n bytes before the next one."""
    pieces, before = [], b""
    for request, size in zip(requests, sizes, strict=False):
        data = before + request
        pieces += [data[:size], data[size:]] if size > 0 else [data[:size] if size else data]
        before = data[size:] if size < 0 else b""
    return [piece for piece in (*pieces, before) if piece]


@settings(max_examples=200, deadline=None)
@given(
    requests=st.lists(st.one_of(st.just(post()), st.sampled_from(REQUESTS)), min_size=1, max_size=12),
    sizes=st.lists(st.one_of(st.just(0), st.sampled_from(CUTS)), min_size=12, max_size=12),
)
def test_whatever_comes_cut_anywhere_is_answered_as_if_no_head_was_known(
    requests: list[bytes], sizes: list[int]
) -> None:
    pieces = in_pieces(requests, sizes)
    found = asyncio.run(told(pieces))
    with patch.object(protocol, "_STRANGE_MAX", 0):
        assert found == asyncio.run(told(pieces))
