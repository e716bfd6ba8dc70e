import asyncio
from collections import Counter

import pytest

from bench.load import Load, Plan, Result, run

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n{"callback_id": "1234"}'
OK = ANSWER.replace(b"22", b"23")
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nRetry-After: 1\r\n\r\nno"


class Server(asyncio.Protocol):
    """Answers each request in turn with one of `answers`, in pieces of `piece` bytes."""

    answers: tuple[bytes, ...] = (OK,)
    piece = 1_000
    seen: Counter[bytes]
    open: set[asyncio.Protocol]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self.seen[data] += 1
        answer = self.answers[self.seen.total() % len(self.answers)]
        if not answer:
            self.transport.close()
        for start in range(0, len(answer), self.piece):
            self.transport.write(answer[start : start + self.piece])


async def load(monkeypatch: pytest.MonkeyPatch, *, rate: int | None = None, count: int = 200, **how: object) -> Result:
    """The figures of `count` requests to a server that is `how`."""
    kind = type("Server", (Server,), {"seen": Counter(), "open": set(), **how})
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0)
    monkeypatch.setattr("sys.stdin.readline", lambda: "go\n", raising=False)
    plan = Plan(
        port=server.sockets[0].getsockname()[1],
        path="/x",
        ids="ascending",
        arrival="announced",
        announced=count,
        count_max=count,
        seconds=30,
        connections=8,
        rate=rate,
        sampling=True,
    )
    made = Load(plan)
    result = await run(made)
    server.close()
    while made.open or kind.open:  # type: ignore[attr-defined]  # noqa: ASYNC110 - a turn of the loop, until all is closed
        await asyncio.sleep(0)
    assert all(seen == 1 for seen in kind.seen.values())  # type: ignore[attr-defined]
    return result


async def test_every_request_is_sent_once_and_every_answer_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await load(monkeypatch)
    assert result.statuses == {"200": 200}
    assert (result.accepted, result.broken) == (200, 0)
    assert 0 < result.p50_ms <= result.p99_ms <= result.max_ms


async def test_an_answer_in_pieces_is_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await load(monkeypatch, piece=7)).statuses == {"200": 200}


async def test_only_what_was_accepted_adds_to_the_money(monkeypatch: pytest.MonkeyPatch) -> None:
    every = await load(monkeypatch)
    half = await load(monkeypatch, answers=(OK, REFUSED))
    assert half.statuses == {"200": 100, "503": 100}
    assert 0 < half.accepted_rupiah < every.accepted_rupiah


async def test_a_connection_that_ends_counts_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await load(monkeypatch, answers=(OK, b""))
    assert result.broken == 8
    assert result.accepted == result.statuses["200"]


async def test_a_given_rate_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await load(monkeypatch, rate=2_000)
    assert result.accepted == 200
    assert result.seconds >= 0.099


async def test_samples_name_the_callback_and_when_its_answer_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await load(monkeypatch)
    assert len(result.samples) == 20
    assert {callback_id for callback_id, _ in result.samples} == {1234}
    assert all(result.started_ns <= answered_ns <= result.ended_ns for _, answered_ns in result.samples)
