"""The one HTTP client: nobody is reached who must not be, nothing is waited for too long, no secret is told."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest

from app.core.errors import AddressRefused, NoAnswer
from app.providers import outgoing
from app.providers.outgoing import ANSWER_BYTES_MAX, Reply, is_public, open_client, retry_after_seconds, send
from app.providers.wire import Wire

SECRET = "bot12345:AAFsecretsecretsecret"  # as in Telegram's addresses


class Place:
    """A server on loopback that sends the same bytes to everybody and keeps what it was sent."""

    def __init__(self, answer: bytes, *, drip_seconds: float = 0.0) -> None:
        self.answer = answer
        self.drip_seconds = drip_seconds
        self.requests: list[bytes] = []
        self.url = ""
        self.serving: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            for start in range(0, len(self.answer), 1 if self.drip_seconds else len(self.answer)):
                writer.write(self.answer[start : start + 1] if self.drip_seconds else self.answer)
                await writer.drain()
                await asyncio.sleep(self.drip_seconds)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def a_place(answer: bytes = b"", **more: Any) -> AsyncIterator[Place]:
    place = Place(answer or http(b"{}"), **more)
    server = await asyncio.start_server(place.serve, "127.0.0.1", 0)
    place.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield place
    finally:
        server.close()
        await asyncio.gather(*(task for task in place.serving if task))


def http(body: bytes, status: str = "200 OK", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n%b\r\n%b" % (status.encode(), len(body), headers, body)


async def fetch(url: str, *, public_only: bool = False, **more: Any) -> Reply:
    async with open_client(public_only=public_only) as client:
        return await send(client, "GET", url, **more)


async def test_an_answer_of_any_status_is_an_answer() -> None:
    async with a_place(http(b"gone", "410 Gone", b"X-Thing: 1\r\n")) as place:
        reply = await fetch(place.url)

    assert (reply.status, reply.body, reply.headers["x-thing"]) == (410, b"gone", "1")
    assert b"user-agent: callbacks/" in place.requests[0].lower()


async def test_redirects_are_not_followed() -> None:
    async with a_place() as inner, a_place(http(b"", "302 Found", f"Location: {inner.url}\r\n".encode())) as place:
        assert (await fetch(place.url)).status == 302
        assert inner.requests == []


async def test_cookies_are_not_kept() -> None:
    async with (
        a_place(http(b"", "200 OK", b"Set-Cookie: a=b; Path=/\r\nConnection: close\r\n")) as place,
        open_client(public_only=False) as c,
    ):
        for _ in range(2):
            await send(c, "GET", place.url)

    assert b"cookie" not in place.requests[1].lower()


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_place() as proxy, a_place() as place:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        await fetch(place.url)

        assert (len(proxy.requests), len(place.requests)) == (0, 1)


async def test_a_long_answer_is_cut_off() -> None:
    async with a_place(http(b"x" * ANSWER_BYTES_MAX)) as place:
        assert len((await fetch(place.url)).body) == ANSWER_BYTES_MAX
    async with a_place(http(b"x" * (ANSWER_BYTES_MAX + 1))) as place:
        with pytest.raises(NoAnswer, match="longer than"):
            await fetch(place.url)


async def test_a_compressed_answer_is_not_unpacked() -> None:
    async with a_place(http(b"\x1f\x8b", headers=b"Content-Encoding: gzip\r\n")) as place:
        with pytest.raises(NoAnswer, match="compressed"):
            await fetch(place.url)


async def test_an_answer_in_drops_is_too_late() -> None:
    async with a_place(http(b"x" * 1_000), drip_seconds=0.01) as place:
        with pytest.raises(NoAnswer, match="no answer in time"):
            await fetch(place.url, total_seconds=0.1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * (2 << 20), "longer than"),
    ],
)
async def test_what_is_no_answer_is_said_in_words(answer: bytes, words: str) -> None:
    async with a_place(answer) as place:
        with pytest.raises(NoAnswer, match=words):
            await fetch(place.url)


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:1/{SECRET}/sendMessage",
        f"http://user:{SECRET}@127.0.0.1:1/",
        f"http://no-such-host.invalid/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"/{SECRET}",
        f"http:///{SECRET}",
        f"http://[::1/{SECRET}",
        f"http://127.0.0.1:port/{SECRET}",
        f"http://\x00/{SECRET}",
        f"http://{'a' * 70}.example/{SECRET}",
    ],
)
async def test_every_error_is_one_of_ours_and_names_the_host_only(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(NoAnswer) as caught:
        await fetch(url)

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "secret" not in caplog.text


async def test_addresses_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with a_place() as place:
        await fetch(f"{place.url}/{SECRET}/sendMessage")

    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"),
        "0.0.0.0",  # noqa: S104 - the way to loopback that filters forget
    ],
)
async def test_loopback_is_not_reached_in_any_spelling(host: str) -> None:
    async with a_place() as place:
        port = place.url.rpartition(":")[2]
        with pytest.raises((AddressRefused, NoAnswer)):
            await fetch(f"http://{host}:{port}/", public_only=True)

        assert place.requests == []


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1"),
        *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fc00::1", "fec0::1", "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::10.0.0.1", "2002:7f00:1::", "2002:a00:1::1"),
        *("", "localhost", "1.2.3", "8.8.8.8.8"),
    ],
)
def test_an_address_that_is_not_of_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "103.208.23.6", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


async def test_the_addresses_of_a_name_are_checked_whenever_it_is_connected() -> None:
    left = [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]]
    seen: list[Sequence[str]] = []

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0)

    def check(host: str, addresses: Sequence[str]) -> None:
        seen.append(addresses)
        if len(seen) > 1:
            outgoing._refuse_private(host, addresses)  # noqa: SLF001

    async with a_place(http(b"", headers=b"Connection: close\r\n")) as place:
        wire = Wire(answer_bytes_max=100, check=check, resolve=resolve)
        async with httpx2.AsyncClient(transport=wire) as client:
            url = place.url.replace("127.0.0.1", "shop.example")
            assert (await send(client, "GET", url)).status == 200  # the very address that was checked
            with pytest.raises(AddressRefused, match=r"shop\.example"):  # the name has changed in between
                await send(client, "GET", url)

    assert seen == [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]]
    assert len(place.requests) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            30.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_or_is_nothing(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


ERRORS = [
    error
    for error in vars(httpx2).values()
    if isinstance(error, type) and issubclass(error, (httpx2.RequestError, httpx2.InvalidURL))
]


@pytest.mark.parametrize("error", ERRORS)
async def test_every_error_of_the_library_is_translated(error: type[Exception]) -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise error(f"at {request.url}")

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail)) as client:
        with pytest.raises(NoAnswer) as caught:
            await send(client, "GET", f"https://api.example/{SECRET}")

    assert str(caught.value).startswith("api.example: ")
    assert "secret" not in str(caught.value)
