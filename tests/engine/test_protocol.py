"""The traps of the hot path, on a real server with raw sockets: order, halves, limits, ends."""

import asyncio
import logging
import socket

import pytest

from app.engine.limits import Limits
from tests.engine.doors import GOOD, PATH, Client, HandAppender, a_reception, a_server, chunked, post, until

BAD = post(x_sign="bad")
HELLO = post(b"", "/hello", method="GET")
QUICK = Limits(
    head_seconds=0.05, body_seconds=0.05, idle_seconds=0.1, linger_seconds=0.3, drain_seconds=0.1, sweep_seconds=0.02
)
LINGERS_BRIEFLY = Limits(linger_seconds=0.2, sweep_seconds=0.05)


# ---- order


async def test_answers_come_in_the_order_of_their_requests_also_a_401_behind_callbacks_that_wait() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        await client.send(post() + BAD + post() + post(b"") + post(path="/callbacks/webhook/nobody") + post())
        await until(lambda: len(appender.waiting) == 3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.02)
        appender.commit()
        assert [(await client.response()).status for _ in range(6)] == [200, 401, 200, 400, 404, 200]
        await client.close()


async def test_an_asgi_request_between_callbacks_waits_its_turn_and_lets_none_pass() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        await client.send(post(b'{"id":"a"}') + HELLO + post(b'{"id":"b"}') + HELLO + post(b'{"id":"c"}'))
        await until(lambda: len(appender.waiting) == 1)
        appender.commits = True
        appender.commit()
        bodies = [(await client.response()).json() for _ in range(5)]
        assert [body.get("callback_id", body.get("hello")) for body in bodies] == ["1", "world", "2", "world", "3"]
        assert [row[3] for row in appender.rows] == ["a", "b", "c"]
        assert (await client.ask(post())).status == 200
        await client.close()


async def test_thousands_of_pipelined_callbacks_are_all_answered_in_order() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        sending = asyncio.create_task(client.send(b"".join(post(b'{"id":"%d"}' % n) for n in range(5000))))
        ids = [int((await client.response()).json()["callback_id"]) for _ in range(5000)]
        await sending
        await client.close()
    assert ids == list(range(1, 5001))
    assert [row[3] for row in appender.rows] == [str(n) for n in range(5000)]


async def test_one_closed_connection_does_not_cost_its_group_their_answers() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        clients = [await running.client() for _ in range(5)]
        for number, client in enumerate(clients):
            await client.send(post())
            await until(lambda number=number: len(appender.waiting) > number)  # type: ignore[misc]
        reset(clients[1])
        await clients[3].close()  # it may still read: only a reset tells that nobody is there
        await until(lambda: len(running.server.server_state.connections) == 4)
        appender.commit()
        for number in (0, 2, 4):
            assert (await clients[number].response()).status == 200
            await clients[number].close()
    assert len(appender.rows) == 5, "what was taken is kept, also of those that are gone"


async def test_a_connection_that_is_reset_in_the_same_round_as_its_commit_harms_nobody() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        gone, stays = await running.client(), await running.client()
        await gone.send(post() * 3)
        await stays.send(post())
        await until(lambda: len(appender.waiting) == 4)
        reset(gone)
        appender.commit()
        assert (await stays.response()).status == 200
        await stays.close()


def reset(client: Client) -> None:
    """Close so that the server sees a reset."""
    sock: socket.socket = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    client.writer.transport.abort()


# ---- pieces


async def test_a_request_that_comes_byte_by_byte_is_a_request() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(b'{"id":"slow"}') + chunked(b'{"id"', b':"chunked"}'):
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert [(await client.response()).status for _ in range(2)] == [200, 200]
        await client.close()
    assert [row[3] for row in appender.rows] == ["slow", "chunked"]


async def test_many_small_chunks_are_one_body() -> None:
    appender = HandAppender()
    body = b'{"id":"' + b"x" * 50_000 + b'"}'
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        response = await client.ask(chunked(*(body[at : at + 1] for at in range(len(body)))))
        await client.close()
    assert response.status == 200
    assert appender.rows[0][7] == body


async def test_fields_behind_a_chunked_body_are_not_headers() -> None:
    async with a_server(a_reception()) as running:
        client = await running.client()
        assert (await client.ask(chunked(GOOD, end=b"0\r\nX-Sign: bad\r\n\r\n"))).status == 200
        await client.close()


async def test_of_a_repeated_header_the_first_one_counts() -> None:
    async with a_server(a_reception()) as running:
        client = await running.client()
        twice = post().replace(b"Host", b"X-Sign: bad\r\nx-sign: good\r\nHost")
        assert (await client.ask(twice)).status == 401
        await client.close()


async def test_expect_is_told_to_continue_only_within_the_limits_and_in_its_turn() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender, limits=LINGERS_BRIEFLY)) as running:
        client = await running.client()
        head, body = post(Expect="100-continue")[: -len(GOOD)], GOOD
        assert (await client.ask(head)).status == 100
        await client.send(body)
        await until(lambda: len(appender.waiting) == 1)
        await client.send(head)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.02)
        appender.commit()
        assert [(await client.response()).status for _ in range(2)] == [200, 100]
        await client.send(body)
        await until(lambda: len(appender.waiting) == 1)
        appender.commit()
        assert (await client.response()).status == 200
        refused = await client.ask(post(b"", length=2 << 20, Expect="100-continue"))
        assert refused.status == 413
        await client.close()


# ---- limits, and refusals that can be read


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(Upgrade="h2c", Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AAMAAABkAAQCAAAAAAIAAAAA"), 400),
        (post(Upgrade="websocket", Connection="Upgrade"), 400),
        (post(GOOD, "/echo", Upgrade="h2c", Connection="Upgrade"), 400),
        (post(GOOD, PATH + "?q", Upgrade="h2c", Connection="Upgrade"), 400),
        (post(Transfer_Encoding="chunked"), 400),
        (post().replace(b"Host", b"Content-Length: 3\r\nHost"), 400),
        (post().replace(b"11\r\n", b"+11\r\n"), 400),
        (post().replace(b"11\r\n", b"99999999999999999999999\r\n"), 400),
        (post().replace(b"\r\n", b"\n"), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", 400),
        (b"POST /callbacks/webhook/\xff HTTP/1.1\r\n\r\n", 400),
        (post(X_A="a\x00b"), 400),
        (chunked(GOOD, end=b"zz\r\n"), 400),
        (post(X_Big="b" * 70_000), 431),
        (post(b"", "/hello", method="GET", X_Big="b" * 70_000), 431),
        (post(**{f"X_{n}": "1" for n in range(101)}), 431),  # type: ignore[arg-type]
        (b"POST /callbacks/webhook/shop?" + b"q" * 70_000, 431),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\nX-Endless: " + b"e" * 400_000, 431),
        (post(b"", length=(1 << 20) + 1), 413),
        (post(b"x" * (3 << 20)), 413),
        (post().replace(b"11\r\n", b"0" * 5000 + b"11\r\n"), 413),
        (chunked(*[b"x" * 65_000] * 17, end=b""), 413),
        (post(b"", "/echo", length=(1 << 20) + 1), 413),
        (post(b"").replace(b"Host", b"Transfer-Encoding: gzip, chunked\r\nHost") + b"1\r\n{\r\n0\r\n\r\n", 501),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else str(value),
)
async def test_what_cannot_be_read_is_refused_readably_and_the_connection_ends(
    request_bytes: bytes, status: int
) -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender, limits=LINGERS_BRIEFLY)) as running:
        client = await running.client()
        sending = asyncio.create_task(client.send(post() + request_bytes + b"junk" * 1000))
        assert (await client.response()).status == 200, "the one before it"
        response = await client.response()
        assert response.status == status
        assert response.headers["connection"] == "close"
        assert response.json()["success"] is False
        assert await client.ended() == b""
        await asyncio.gather(sending, return_exceptions=True)
        await client.close()
        await until(lambda: not running.server.server_state.connections)
    assert len(appender.rows) == 1


async def test_a_refusal_waits_for_the_callbacks_before_it() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender, limits=LINGERS_BRIEFLY)) as running:
        client = await running.client()
        await client.send(post() * 3 + b"nonsense\r\n\r\n")
        await until(lambda: len(appender.waiting) == 3)
        appender.commit()
        assert [(await client.response()).status for _ in range(4)] == [200, 200, 200, 400]
        assert await client.ended() == b""
        await client.close()


async def test_nonsense_behind_an_asgi_request_does_not_cut_its_answer() -> None:
    async with a_server(a_reception(limits=LINGERS_BRIEFLY)) as running:
        client = await running.client()
        await client.send(HELLO + b"nonsense\r\n\r\n")
        assert (await client.response()).json() == {"hello": "world"}
        assert await client.ended() == b""
        await client.close()


async def test_large_heads_in_small_pieces_are_refused_as_soon_as_they_are_too_large() -> None:
    async with a_server(a_reception(limits=LINGERS_BRIEFLY)) as running:
        client = await running.client()
        await client.send(b"POST " + PATH.encode() + b" HTTP/1.1\r\n")
        sent = 0
        while not client.reader._buffer and sent < 200_000:  # type: ignore[attr-defined]  # noqa: SLF001
            await client.send(b"X-Piece: " + b"p" * 989 + b"\r\n")
            await asyncio.sleep(0)
            sent += 1000
        assert (await client.response()).status == 431
        await client.close()


async def test_a_megabyte_exactly_is_taken() -> None:
    body = b'{"id":"1","x":"' + b"y" * ((1 << 20) - 17) + b'"}'
    assert len(body) == 1 << 20
    async with a_server(a_reception()) as running:
        client = await running.client()
        assert (await client.ask(post(body))).status == 200
        assert (await client.ask(chunked(body))).status == 200
        await client.close()


async def test_half_bodies_have_a_bound_all_together_and_give_it_back() -> None:
    limits = Limits(halves_bytes=10_000, sweep_seconds=0.05, linger_seconds=0.2)
    whole = post(b'{"id":"%s"}' % (b"x" * 4_000))
    async with a_server(a_reception(HandAppender(), limits=limits)) as running:
        halves = [await running.client() for _ in range(2)]
        for half in halves:
            await half.send(whole[:-20])
        await asyncio.sleep(0.3)  # until they are there
        late = await running.client()
        await late.send(whole[:-20])
        refused = await late.response()
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        for half in halves:  # those that were here go on
            await half.send(whole[-20:])
            assert (await half.response()).status == 200
        for _ in range(5):  # and what was given back is there again
            client = await running.client()
            await client.send(whole[:-20])
            await asyncio.sleep(0.01)
            await client.send(whole[-20:])
            assert (await client.response()).status == 200
            await client.close()


async def test_too_many_connections_are_told_so() -> None:
    async with a_server(a_reception(limits=Limits(connections=2, linger_seconds=0.2, sweep_seconds=0.05))) as running:
        kept = [await running.client() for _ in range(2)]
        for client in kept:
            assert (await client.ask(post())).status == 200
        surplus = await running.client()
        response = await surplus.response()
        assert response.status == 503
        assert response.headers["retry-after"] == "1"
        await surplus.close()
        assert (await kept[0].ask(post())).status == 200
        await kept[0].close()
        await until(lambda: len(running.server.server_state.connections) == 1)
        late = await running.client()
        assert (await late.ask(post())).status == 200
        await late.close()
        await kept[1].close()


# ---- time


@pytest.mark.parametrize(
    ("half", "status"),
    [
        (b"POST /callb", 408),
        (post()[:60], 408),
        (post(GOOD, length=500), 408),
        (chunked(b"{", end=b""), 408),
        (post() + post()[:40], 200),
    ],
    ids=["line", "head", "body", "chunk", "second"],
)
async def test_half_a_request_is_not_waited_for_for_ever(half: bytes, status: int) -> None:
    async with a_server(a_reception(limits=QUICK)) as running:
        client = await running.client()
        assert (await client.ask(half)).status == status
        if status == 200:
            assert (await client.response()).status == 408
        assert await client.ended() == b""
        await client.close()


async def test_half_a_body_for_fastapi_and_idle_connections_end_too() -> None:
    async with a_server(a_reception(limits=QUICK)) as running:
        silent, idle, half = [await running.client() for _ in range(3)]
        assert (await idle.ask(post())).status == 200
        await half.send(post(b"{", "/echo", length=100))
        for client in (silent, idle, half):
            assert await client.ended() == b""
            await client.close()


async def test_a_callback_may_wait_for_its_commit_longer_than_any_limit() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender, limits=QUICK)) as running:
        client = await running.client()
        await client.send(post())
        await until(lambda: len(appender.waiting) == 1)
        await asyncio.sleep(0.3)  # longer than all of them: nothing else can be waited for
        appender.commit()
        assert (await client.response()).status == 200
        await client.close()


async def test_five_hundred_half_requests_do_not_slow_the_others_down() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        slow = [await running.client() for _ in range(500)]
        for number, client in enumerate(slow):
            await client.send(post()[: 10 + number % 100])
        client = await running.client()
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(300):
            began = loop.time()
            assert (await client.ask(post())).status == 200
            took.append(loop.time() - began)
        assert sorted(took)[-3] < 0.05
        for each in (*slow, client):
            await each.close()


# ---- flow


async def test_who_does_not_read_its_answers_is_not_read_and_costs_no_memory() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        total, block = 60_000, post() * 100
        sending = asyncio.create_task(client.send(block * (total // 100)))
        (connection,) = running.server.server_state.connections
        await until(lambda: connection.flow.held and connection.flow.write_paused)  # type: ignore[union-attr]
        taken = len(appender.rows)
        assert connection.transport.get_write_buffer_size() < 1 << 20
        await asyncio.sleep(0.05)  # it stays so
        assert len(appender.rows) == taken < total
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(total):
            await client.response()
        await sending
        await client.close()
    assert len(appender.rows) == total


async def test_no_more_is_read_from_a_connection_while_many_of_its_callbacks_wait() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        await client.send(post() * 100)
        (connection,) = running.server.server_state.connections
        await until(lambda: connection.flow.held)  # type: ignore[union-attr]
        await until(lambda: len(appender.waiting) == 100)
        appender.commits = True
        appender.commit()
        for _ in range(100):
            await client.response()
        assert not connection.flow.held  # type: ignore[union-attr]
        assert (await client.ask(post())).status == 200
        await client.close()


async def test_overload_is_refused_politely_and_is_over_at_once() -> None:
    appender = HandAppender(commits=False, rows_max=50)
    async with a_server(a_reception(appender)) as running:
        clients = [await running.client() for _ in range(20)]
        for client in clients:
            await client.send(post() * 25)
        await until(lambda: running.app.reception.counters.refused.get(("shop", "full"), 0) == 450)  # type: ignore[union-attr]
        appender.commit()
        answers = [await client.response() for client in clients for _ in range(25)]
        assert sorted({answer.status for answer in answers}) == [200, 503]
        assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status == 503)
        assert sum(answer.status == 200 for answer in answers) == len(appender.rows) == 50
        appender.commits = True
        assert (await clients[0].ask(post())).status == 200
        for client in clients:
            await client.close()


# ---- ends


@pytest.mark.parametrize(
    "last",
    [post(Connection="close"), post(version="1.0"), post(version="1.0", Connection="keep-alive")],
    ids=["close", "1.0", "1.0 keep-alive"],
)
async def test_the_last_request_of_a_connection_is_answered_and_nothing_behind_it_is_taken(last: bytes) -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        await client.send(post() + last + post())
        await until(lambda: len(appender.waiting) == 2)
        appender.commit()
        first, second = await client.response(), await client.response()
        assert (first.status, first.headers.get("connection")) == (200, None)
        assert (second.status, second.headers["connection"]) == (200, "close")
        assert await client.ended() == b""
        await client.close()
    assert len(appender.rows) == 2


async def test_a_client_that_has_said_everything_still_gets_its_answers() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        client = await running.client()
        await client.send(post() + post())
        client.writer.write_eof()
        asgi = await running.client()
        await asgi.send(HELLO)
        asgi.writer.write_eof()
        await until(lambda: len(appender.waiting) == 2)
        assert (await asgi.response()).status == 200
        assert await asgi.ended() == b""
        appender.commit()
        assert [(await client.response()).status for _ in range(2)] == [200, 200]
        assert await client.ended() == b""
        await client.close()
        await asgi.close()


async def test_a_client_that_leaves_in_the_middle_leaves_nothing() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        for half in (post()[:-1], chunked(GOOD, end=b""), post()[:30]):
            client = await running.client()
            await client.send(half)
            await client.close()
        await until(lambda: not running.server.server_state.connections)
    assert appender.rows == []


async def test_stopping_answers_what_was_taken_waits_for_halves_and_closes_the_idle() -> None:
    appender = HandAppender(commits=False)
    async with a_server(a_reception(appender)) as running:
        waits, idle, half, asgi = [await running.client() for _ in range(4)]
        await waits.send(post() * 2)
        await half.send(post()[:-3])
        assert (await asgi.ask(HELLO)).status == 200
        await until(lambda: len(appender.waiting) == 2)
        for connection in list(running.server.server_state.connections):
            connection.shutdown()
        assert await idle.ended() == b""
        assert await asgi.ended() == b""
        await half.send(GOOD[-3:])
        await until(lambda: len(appender.waiting) == 3)
        appender.commit()
        answers = [await waits.response(), await waits.response(), await half.response()]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert [answer.headers.get("connection") for answer in answers] == [None, "close", "close"]
        for client in (waits, half):
            assert await client.ended() == b""
        for client in (waits, idle, half, asgi):
            await client.close()


async def test_a_request_on_its_way_when_the_server_stops_is_answered_and_told_that_it_is_the_last() -> None:
    appender = HandAppender()
    async with a_server(a_reception(appender)) as running:
        clients = [await running.client() for _ in range(3)]
        assert [(await client.ask(post())).status for client in clients] == [200] * 3
        for connection in list(running.server.server_state.connections):
            connection.shutdown()
        webhook, asgi, idle = await clients[0].ask(post()), await clients[1].ask(HELLO), clients[2]
        assert (webhook.status, webhook.headers["connection"]) == (200, "close")
        assert (asgi.status, asgi.headers["connection"]) == (200, "close")
        for client in (*clients[:2], idle):
            assert await client.ended() == b""


async def test_half_a_request_does_not_hold_up_the_end() -> None:
    async with a_server(a_reception(limits=Limits(drain_seconds=0.05, sweep_seconds=0.02))) as running:
        client = await running.client()
        await client.send(post()[:-3])
        (connection,) = running.server.server_state.connections
        await until(lambda: connection._kind)  # type: ignore[union-attr]  # noqa: SLF001
        connection.shutdown()
        assert (await client.response()).status == 503
        await client.close()


async def test_a_fault_of_our_own_is_logged_and_answered_500(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    reception = a_reception(limits=LINGERS_BRIEFLY)
    async with a_server(reception) as running:
        client = await running.client()
        reception.webhooks.handlers = None  # type: ignore[assignment]
        with caplog.at_level(logging.ERROR):
            response = await client.ask(post())
        assert response.status == 500
        await client.close()
    told = capsys.readouterr()
    assert "receive.failed" in told.out + told.err + caplog.text
