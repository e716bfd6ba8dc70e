"""One callback over plain ASGI: for query strings, escaped paths, other servers, and applications that embed us."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias

from app.core.clock import now_us
from app.engine import answers
from app.engine.callback import Answer, Request
from app.engine.head import is_too_large, refused_by_fields, upload_refused_by_fields
from app.engine.limits import MIB, Limits
from app.engine.peers import Proxies
from app.engine.receive import Receiver

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

_DRAIN_BYTES = 8 * MIB
_NO_PROXIES = Proxies()
_PROBES = frozenset({"GET", "HEAD"})


async def asgi_callback(
    receiver: Receiver,
    scope: Scope,
    receive: Receive,
    send: Send,
    provider: str,
    *,
    proxies: Proxies = _NO_PROXIES,
) -> None:
    """Read one request within the limits, hand it to `receiver`, send the answer after the commit.

    A client that goes away in the middle leaves nothing behind. GET and HEAD are answered where the sender tries an
    address so; all other methods, and these of everybody else, 405.
    """
    if scope["method"] in _PROBES and not is_too_large(scope["headers"], _url(scope), receiver.limits):
        answer = receiver.probe(make_request(scope, provider, b"", proxies))
        await refuse(answer, scope, receive, send, receiver.limits)
        return
    refusal = refused_by_head(scope, receiver.limits)
    if refusal is not None:
        await refuse(refusal, scope, receive, send, receiver.limits)
        return
    try:
        async with asyncio.timeout(receiver.limits.body_seconds):
            body = await read_body(receive, receiver.limits.body_bytes)
    except TimeoutError:
        await send_answer(send, answers.BODY_TOO_SLOW, close=True)
        return
    except _TooLarge:
        await refuse(answers.BODY_TOO_LARGE, scope, receive, send, receiver.limits)
        return
    except ClientGone:
        return
    await send_answer(send, await ask(receiver, make_request(scope, provider, body, proxies)))


async def ask(receiver: Receiver, request: Request) -> Answer:
    """Hand a request to the receiver → its answer, after the commit."""
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def done(answer: Answer) -> None:
        if not future.done():
            future.set_result(answer)

    answer = receiver.receive(request, done)
    return answer if answer is not None else await future


def refused_by_head(scope: Scope, limits: Limits, *, upload: bool = False) -> Answer | None:
    """What a request's head alone decides."""
    if scope["method"] != "POST":
        return answers.METHOD_NOT_ALLOWED
    headers: RawHeaders = scope["headers"]
    if is_too_large(headers, _url(scope), limits):
        return answers.HEAD_TOO_LARGE
    return (upload_refused_by_fields if upload else refused_by_fields)(dict(reversed(headers)), limits)


def _url(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or b""
    query: bytes = scope.get("query_string", b"")
    return path + query


def make_request(scope: Scope, provider: str, body: bytes, proxies: Proxies) -> Request:
    """The engine's request; a repeated header keeps its first value."""
    headers: RawHeaders = scope["headers"]
    client = scope.get("client")
    forwarded = [value for name, value in headers if name == b"x-forwarded-for"]
    return Request(
        provider,
        body,
        dict(reversed(headers)),
        proxies.remote_addr(client[0] if client else "", forwarded),
        now_us(),
        scope["method"],
        scope.get("query_string", b""),
        (scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
    )


class ClientGone(Exception):
    """The client went away before its body was whole."""


class _TooLarge(Exception):
    """The body is larger than the limit."""


async def read_body(receive: Receive, bytes_max: int) -> bytes:
    """The whole body. Raises ClientGone, or _TooLarge as soon as more than `bytes_max` came."""
    chunks: list[bytes] = []
    size = 0
    # One event a body is a habit of some servers, not of ASGI: granian sends two, the second empty.
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > bytes_max:
            raise _TooLarge
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


async def send_answer(send: Send, answer: Answer, *, close: bool = False, more: bool = False) -> None:
    """Send one answer; `more` leaves its end open."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": more})


async def refuse(answer: Answer, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
    """Answer before the body was read, and read on for a while.

    Closing on unread bytes resets the connection, and the reset would hide the answer from its reader.
    """
    if not _announces_body(scope["headers"]):
        await send_answer(send, answer)
        return
    await send_answer(send, answer, close=True, more=True)
    try:
        async with asyncio.timeout(limits.linger_seconds):
            await _drain(receive)
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _announces_body(headers: RawHeaders) -> bool:
    """Whether a body is on its way; who asked with Expect waits for our word first."""
    names = {name for name, _ in headers}
    return b"expect" not in names and (b"content-length" in names or b"transfer-encoding" in names)


async def _drain(receive: Receive) -> None:
    left = _DRAIN_BYTES
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        left -= len(message.get("body", b""))
