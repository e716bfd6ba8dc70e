"""A sender's API is asked as its file says, over real HTTP; every answer has one meaning, and no secret is told."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.providers.asking import Asking, SenderAnswer
from app.providers.catalog.model import Ask
from app.providers.outgoing import open_client

SECRET = b"the-key-of-the-tests"


class Api:
    """Answers everything with what it was told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"{}", dict[str, str]()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = ""


@pytest.fixture
def api() -> Iterator[Api]:
    it = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            it.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(it.status)
            for name, value in {**it.headers, "content-length": str(len(it.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(it.body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it.url = f"http://user:word@127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield it
        server.shutdown()


def ask(api: Api, order_id: str = "O-1", attempt: str = "P-1", **more: Any) -> SenderAnswer:
    data = Ask(
        variable="KEY",
        url=more.pop("url", "{config:api}/pay/{quoted(attempt)}?key={secret}"),
        headers=more.pop("headers", {"X-Key": "{secret}"}),
        **more,
    )

    async def once() -> SenderAnswer:
        async with open_client(public_only=False) as client:
            return await Asking(data, {"api": api.url}).ask(client, SECRET, order_id, attempt)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"status": "paid"}', "found"),
        (201, b"{}", "found"),
        (200, b'{"error": "none"}', "unknown"),
        (400, b'{"error": "none"}', "unknown"),
        (404, b"", "unknown"),
        (401, b'{"error": "none"}', "key_refused"),
        (403, b"", "key_refused"),
        (200, b"<html>", "unavailable"),
        (200, b"[1]", "unavailable"),
        (200, b'{"status": "' + b"x" * 70_000 + b'"}', "unavailable"),
        (302, b"{}", "unavailable"),
        (429, b"{}", "unavailable"),
        (500, b"", "unavailable"),
    ],
    ids=lambda told: str(told)[:30],
)
def test_every_answer_has_one_meaning(api: Api, status: int, body: bytes, kind: str) -> None:
    api.status, api.body = status, body
    api.headers = {"retry-after": "7", "location": "http://127.0.0.1:1/"}
    answer = ask(api, unknown={"error": "none"})
    assert (answer.kind, answer.detail.startswith(f"HTTP {status}")) == (kind, True)
    assert answer.retry_after_seconds == (7.0 if kind == "unavailable" else None)
    assert len(api.asked) == 1


def test_the_address_is_told_without_what_it_shows(api: Api) -> None:
    answer = ask(api)
    assert answer.asked == api.url.replace("user:word@", "") + "/pay/P-1"
    ((method, path, headers, _),) = api.asked
    assert (method, path) == ("GET", f"/pay/P-1?key={SECRET.decode()}")
    assert headers["x-key"] == SECRET.decode()


def test_the_address_of_an_api_may_end_in_a_slash(api: Api) -> None:
    api.url += "/"
    ask(api)
    assert api.asked[0][1].startswith("/pay/P-1?")


@pytest.mark.parametrize("attempt", ["..", ".", "...", ""])
def test_what_would_climb_in_the_address_is_known_to_nobody_and_not_asked(api: Api, attempt: str) -> None:
    assert ask(api, attempt=attempt).kind == "unknown"
    assert api.asked == []


@pytest.mark.parametrize("attempt", ["../../admin", "a?b=1", "a#b", "a%2fb", "a b", "a\r\nX-Evil: 1", "é", "a/b"])
def test_an_id_stays_one_step_of_the_address(api: Api, attempt: str) -> None:
    ask(api, attempt=attempt)
    ((_, path, headers, _),) = api.asked
    assert path.count("/") == 2
    assert path.count("?") == 1
    assert path.isascii()
    assert "x-evil" not in headers


@pytest.mark.parametrize("order", ['a", "admin": true, "x": "', "a\\", "é\n", '"'])
def test_an_id_stays_one_string_of_a_body(api: Api, order: str) -> None:
    ask(api, order, method="POST", body='{"order": {json(order_id)}, "again": false}')
    assert json.loads(api.asked[0][3]) == {"order": order, "again": False}


def test_an_id_that_no_header_can_carry_is_no_error(api: Api) -> None:
    answer = ask(api, "a\r\nX-Evil: 1", headers={"X-Order": "{order_id}"})
    assert (answer.kind, api.asked) == ("unavailable", [])


def test_nobody_there_is_told_with_the_host_alone(api: Api) -> None:
    api.url = "http://127.0.0.1:1"
    answer = ask(api)
    assert answer.kind == "unavailable"
    assert SECRET.decode() not in answer.detail + answer.asked
