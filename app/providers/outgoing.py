"""The one HTTP client: short time-outs, small answers, no redirects, no private address, no secret in an error."""

import asyncio
import ipaddress
import logging
from collections.abc import Iterable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx2
import msgspec

from app import __version__
from app.core.errors import AddressRefused, NoAnswer
from app.providers.wire import AnswerEncoded, AnswerTooLong, Wire

TIMEOUT = httpx2.Timeout(5, connect=2)
TOTAL_SECONDS = 15.0  # httpx2's time-outs are for each read: a byte every four seconds would never end
ANSWER_BYTES_MAX = 1 << 20
_UNREAD_BYTES_MAX = 4 << 10

#: httpx2 logs each address at INFO, and Telegram's hold the bot's token.
logging.getLogger("httpx2").setLevel(logging.WARNING)

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Reply(msgspec.Struct, frozen=True):
    """What came back: any status, the whole body."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes


def open_client(
    *, public_only: bool, timeout: httpx2.Timeout = TIMEOUT, status_only: bool = False
) -> httpx2.AsyncClient:
    """A client for one event loop; close it with `aclose`.

    `public_only` for addresses that users configure: where a name leads is checked when the connection is made, and
    that very address is connected. The operator's own settings (`MIDTRANS_API_URL` …) go through a client without it.
    `status_only`: of an answer's body at most 4 KiB are read, and none are kept; more is no failure.
    Proxies and `.netrc` of the environment are not looked at, cookies are not kept.
    """
    return httpx2.AsyncClient(
        transport=Wire(
            answer_bytes_max=_UNREAD_BYTES_MAX if status_only else ANSWER_BYTES_MAX,
            check=_refuse_private if public_only else None,
            status_only=status_only,
        ),
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
    Only where NoAnswer says `unsent` is it certain that the request did not arrive.
    """
    host = _host_of(url)
    try:
        async with asyncio.timeout(total_seconds):
            response = await client.send(client.build_request(method, url, headers=headers, content=content))
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        raise NoAnswer(f"{host}: cannot be reached", unsent=True) from None
    except (TimeoutError, httpx2.TimeoutException):
        raise NoAnswer(f"{host}: no answer in time") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        words = _WORDS.get(type(error), "the connection broke")
        raise NoAnswer(f"{host}: {words}", unsent=isinstance(error, _UNSENT)) from None
    except (ValueError, UnicodeError):  # an address or a header that no request can be made of
        raise NoAnswer(f"{host}: the request cannot be written", unsent=True) from None
    return Reply(response.status_code, dict(response.headers), response.content)


_UNSENT = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol, httpx2.InvalidURL)
_WORDS: dict[type[Exception], str] = {
    AnswerTooLong: f"the answer is longer than {ANSWER_BYTES_MAX} bytes",
    AnswerEncoded: "the answer is compressed, which was not asked for",
    httpx2.RemoteProtocolError: "the answer is not HTTP",
    httpx2.LocalProtocolError: "the request cannot be written",
    httpx2.UnsupportedProtocol: "the address is neither http nor https",
    httpx2.InvalidURL: "the address cannot be read",
}


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
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False  # fec0::/10: given up by RFC 3879, still routed inside some networks
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


def _refuse_private(host: str, addresses: Sequence[str]) -> None:
    # One private address refuses the name whole: which of them is connected is not for the name's owner to choose.
    if not all(is_public(address) for address in addresses):
        raise AddressRefused(f"{host} leads into a private network; only public addresses are called")
