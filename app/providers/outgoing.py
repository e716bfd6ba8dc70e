"""The one HTTP client: short time-outs, small answers, no redirects, no private address, no secret in an error."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpcore2
import httpx2
import msgspec

from app import __version__
from app.core.errors import AddressRefused, NoAnswer

TIMEOUT = httpx2.Timeout(5, connect=2)
TOTAL_SECONDS = 15.0  # httpx2's time-outs are for each read: a byte every four seconds would never end
ANSWER_BYTES_MAX = 1 << 20
CONNECTIONS_MAX = 200

#: httpx2 logs each address at INFO, and Telegram's hold the bot's token.
logging.getLogger("httpx2").setLevel(logging.WARNING)
logging.getLogger("httpcore2").setLevel(logging.WARNING)

#: `(host, port) -> addresses`, as text.
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Reply(msgspec.Struct, frozen=True):
    """What came back: any status, the whole body."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes


def open_client(*, public_only: bool, timeout: httpx2.Timeout = TIMEOUT) -> httpx2.AsyncClient:
    """A client for one event loop; close it with `aclose`.

    `public_only` for addresses that users configure: where a name leads is checked when the connection is made, and
    that very address is connected. The operator's own settings (`MIDTRANS_API_URL` …) go through a client without it.
    Proxies and `.netrc` of the environment are not looked at, cookies are not kept.
    """
    return httpx2.AsyncClient(
        transport=_Transport(_PublicOnly() if public_only else None),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={"user-agent": f"callbacks/{__version__}", "accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def send(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    total_seconds: float = TOTAL_SECONDS,
) -> Reply:
    """One request, one answer of any status.

    Raises NoAnswer (not reached, too late, longer than 1 MiB, not HTTP) and AddressRefused; both name the host only.
    """
    host = _host_of(url)
    try:
        async with asyncio.timeout(total_seconds):
            return await _exchange(client, client.build_request(method, url, headers=headers, content=content), host)
    except (TimeoutError, httpx2.TimeoutException):
        raise NoAnswer(f"{host}: no answer in time") from None
    except httpx2.ConnectError:
        raise NoAnswer(f"{host}: cannot be reached") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise NoAnswer(f"{host}: {_WORDS.get(type(error), 'the connection broke')}") from None
    except (ValueError, UnicodeError):  # an address or a header that no request can be made of
        raise NoAnswer(f"{host}: the request cannot be written") from None


_WORDS: dict[type[Exception], str] = {
    httpx2.RemoteProtocolError: "the answer is not HTTP",
    httpx2.LocalProtocolError: "the request cannot be written",
    httpx2.UnsupportedProtocol: "the address is neither http nor https",
    httpx2.InvalidURL: "the address cannot be read",
}


async def _exchange(client: httpx2.AsyncClient, request: httpx2.Request, host: str) -> Reply:
    response = await client.send(request, stream=True)
    try:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise NoAnswer(f"{host}: the answer is compressed, which was not asked for")
        chunks, size = [], 0
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > ANSWER_BYTES_MAX:
                raise NoAnswer(f"{host}: the answer is longer than {ANSWER_BYTES_MAX} bytes")
            chunks.append(chunk)
    finally:
        await response.aclose()
    return Reply(response.status_code, dict(response.headers), b"".join(chunks))


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, from now or as a date (compared with the answer's own `Date`); None without sense.

    Source: RFC 9110, 10.2.3.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:  # noqa: PLR2004 - more digits are no time to wait
        return float(value)
    try:
        due, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (due - now).total_seconds())
    except (ValueError, TypeError):
        return None


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet; addresses that carry another one are judged by that one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(inner) for inner in _carried(parsed))


def _is_public(address: _Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: _Address) -> Iterable[_Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (ipaddress.IPv4Address(address.packed[-4:]),)
    if address.sixtofour is not None:
        return (address, address.sixtofour)
    if address.teredo is not None:
        return (address, *address.teredo)
    return (address,)


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class _PublicOnly(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses only, and to the very ones that were checked: a name may change in between.

    Numbers in other forms (`2130706433`, `0177.1`) are names too: the resolver reads them.
    """

    def __init__(self, resolve: Resolve = _resolve, inner: httpcore2.AsyncNetworkBackend | None = None) -> None:
        self._resolve = resolve
        self._inner = inner or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError from None
        if not all(is_public(address) for address in addresses):
            raise AddressRefused(f"{host} leads into a private network; only public addresses are called")
        failure: Exception = httpcore2.ConnectError()
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


class _Transport(httpx2.AsyncHTTPTransport):
    """httpx2's own transport; with a backend, its connections are made by it."""

    def __init__(self, backend: httpcore2.AsyncNetworkBackend | None) -> None:
        limits = httpx2.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
        context = httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=context, limits=limits)
        if backend is not None:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=context,
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=CONNECTIONS_MAX,
                keepalive_expiry=limits.keepalive_expiry,
                network_backend=backend,
            )
