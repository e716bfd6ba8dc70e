"""HTTP/1.1 as servers really speak it: kept connections, chunks, ends by hanging up, and those that misbehave."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2
import pytest

from app.providers.wire import Wire

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Script:
    """Answers requests in turn with these bytes; `None` hangs up. Counts connections."""

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if answer.startswith(b"HTTP/1.0"):
                    break
            else:
                await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def end(self) -> None:
        await asyncio.gather(*self._serving)


@contextlib.asynccontextmanager
async def talking_to(*answers: bytes | None) -> AsyncIterator[tuple[httpx2.AsyncClient, Script]]:
    script = Script(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with httpx2.AsyncClient(transport=Wire(answer_bytes_max=1_000), base_url=url) as client:
        yield client, script
    server.close()
    await script.end()


async def test_a_connection_is_kept_and_used_again() -> None:
    async with talking_to(OK, OK, OK) as (client, script):
        for _ in range(3):
            assert (await client.post("/x", content=b"{}")).content == b"ok"

    assert script.connections == 1
    assert script.requests[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert script.requests[0].endswith(b"\r\n\r\n{}")


async def test_side_by_side_each_has_a_connection_of_its_own() -> None:
    async with talking_to(*[OK] * 5) as (client, script):
        answers = await asyncio.gather(*(client.get("/") for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert script.connections == 5


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nt: 1\r\n\r\n",
            200,
            b"abc",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n", 500, b""),
    ],
)
async def test_an_answer_is_whole_however_its_end_is_told(answer: bytes, status: int, body: bytes) -> None:
    async with talking_to(answer) as (client, _script):
        got = await client.get("/")

    assert (got.status_code, got.content) == (status, body)


async def test_an_answer_to_head_has_no_body() -> None:
    async with talking_to(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n") as (client, _script):
        assert (await client.head("/")).headers["content-length"] == "99"


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        OK + OK,  # an answer that nobody asked for
        OK + b"HTTP/1.1 2",
        OK + b"garbage",
    ],
)
async def test_after_such_an_answer_a_new_connection_is_made(first: bytes) -> None:
    async with talking_to(first, b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n") as (client, script):
        with contextlib.suppress(httpx2.RemoteProtocolError):
            await client.get("/")
        assert (await client.get("/")).status_code == 201

    assert script.connections == 2


async def test_a_server_that_hung_up_in_between_costs_nothing() -> None:
    async with talking_to(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", OK) as (
        client,
        s,
    ):
        await client.get("/")
        await asyncio.wait_for(s.end(), 5)  # it closes after HTTP/1.0
        assert (await client.get("/")).content == b"ok"

    assert s.connections == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, httpx2.ReadError),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 9\r\n\r\nhalf", httpx2.RemoteProtocolError),
        (b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf", httpx2.RemoteProtocolError),
        (b"HTTP/1.0 20", httpx2.RemoteProtocolError),
        (b"<html>", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2_000, httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\nok", httpx2.RemoteProtocolError),
    ],
)
async def test_what_is_no_whole_answer_is_an_error(answer: bytes | None, error: type[Exception]) -> None:
    async with talking_to(answer) as (client, _script):
        with pytest.raises(error):
            await client.get("/")


async def test_who_waits_is_not_disturbed_by_who_gives_up() -> None:
    async with talking_to(b"HTTP/1.1 100 Continue\r\n\r\n", OK) as (client, script):
        with pytest.raises(httpx2.ReadTimeout):
            await client.get("/", timeout=httpx2.Timeout(5, read=0.05))
        assert (await client.get("/")).content == b"ok"

    assert script.connections == 2


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({b"x": b"a\r\nauthorization: b"}, b""),
        ({b"x": b"a\nb: c"}, b""),
        ({b"x\r\ny": b"z"}, b""),
        ({b"x": b"a\0"}, b""),
        ({b"transfer-encoding": b"chunked"}, b""),
    ],
)
async def test_no_line_break_gets_into_a_request(headers: dict[bytes, bytes], content: bytes) -> None:
    async with talking_to(OK) as (client, script):
        with pytest.raises(httpx2.LocalProtocolError):
            await client.post("/", headers=headers, content=content)
        assert script.requests == []
        await client.get("/a b?d=e f")

    assert script.requests[0].startswith(b"GET /a%20b?d=e%20f HTTP/1.1\r\n")


async def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*a_certificate(tmp_path))
    script = Script([OK])
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    wire = Wire(answer_bytes_max=100)
    async with httpx2.AsyncClient(transport=wire) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(url)
        assert script.requests == []

        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        wire._tls = trusting  # noqa: SLF001 - an authority of the test's own
        assert (await client.get(url)).content == b"ok"
        with pytest.raises(httpx2.ConnectError):
            await client.get(url.replace("localhost", "127.0.0.1"))  # not the name that it vouches for
    server.close()
    await script.end()


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for `localhost` that vouches for itself → its file and the key's."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - one test needs it

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-encoding: gzip\r\n\r\nnope",
        OK,
    ],
    ids=["long", "very long", "packed", "short"],
)
async def test_where_only_the_status_counts_a_body_is_neither_kept_nor_a_failure(answer: bytes) -> None:
    script = Script([answer, OK])
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with httpx2.AsyncClient(transport=Wire(answer_bytes_max=1_000, status_only=True), base_url=url) as client:
        for _ in range(2):
            reply = await client.get("/")
            assert (reply.status_code, reply.content) == (200, b"")
    server.close()
    await script.end()
