import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.core.errors import FieldError
from app.simulation.wire import Answer, Broken, Connection, Target, target_of
from tests.chaos.shop import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


@contextmanager
def a_server(*answers: bytes) -> Iterator[Target]:
    """A server that answers a connection's requests so, one after the other, and then ends it."""
    listening = socket.create_server(("127.0.0.1", 0))
    conversations: list[bytes] = list(answers)

    def serve() -> None:
        while conversations:
            connection, _ = listening.accept()
            with connection:
                for answer in conversations.pop(0).split(b"|"):
                    if b"\r\n\r\n" not in connection.recv(65536):
                        break
                    connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield target_of(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        listening.close()


async def ask(connection: Connection) -> Answer:
    return await connection.ask("POST", "/x", [("Name", "value")], b"{}")


async def test_two_answers_come_over_one_connection() -> None:
    with a_server(OK + b"\r\n{}|" + OK + b"\r\n[]") as target:
        connection = Connection(target)
        assert await ask(connection) == Answer(200, b"{}")
        assert await ask(connection) == Answer(200, b"[]")
        await connection.close()


@pytest.mark.parametrize(
    "broken",
    [OK + b"\r\n{", b"HTTP/1.1 200", b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"],
)
async def test_an_answer_that_is_not_whole_is_broken_and_the_next_one_comes_over_another_connection(
    broken: bytes,
) -> None:
    with a_server(broken, OK + b"\r\n{}") as target:
        connection = Connection(target)
        with pytest.raises(Broken, match="the connection broke"):
            await ask(connection)
        assert await ask(connection) == Answer(200, b"{}")
        await connection.close()


async def test_a_connection_that_the_server_ends_is_opened_anew() -> None:
    with a_server(OK + b"Connection: close\r\n\r\n{}", OK + b"\r\n[]") as target:
        connection = Connection(target)
        assert await ask(connection) == Answer(200, b"{}")
        assert await ask(connection) == Answer(200, b"[]")
        await connection.close()


async def test_nobody_listens() -> None:
    connection = Connection(target_of(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(Broken, match="nobody listens"):
        await ask(connection)
    await connection.close()


@pytest.mark.parametrize(
    ("url", "host", "port", "local"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1", 8000, True),
        ("http://localhost", "localhost", 80, True),
        ("http://[::1]:9", "::1", 9, True),
        ("https://shop.example/base/", "shop.example", 443, False),
        ("http://127.0.0.1.shop.example", "127.0.0.1.shop.example", 80, False),
        ("http://127.0.0.1@shop.example", "shop.example", 80, False),
    ],
)
def test_an_address_leads(url: str, host: str, port: int, local: bool) -> None:  # noqa: FBT001 - a parameter
    target = target_of(url)
    assert (target.host, target.port, target.local) == (host, port, local)


@pytest.mark.parametrize(
    "url",
    ["", "shop", "ftp://shop", "http://", "http://a:b", "http://a b", "http://a/\r\nX: y", "http://a?q", "http://ä"],
)
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(FieldError, match="--url"):
        target_of(url)
