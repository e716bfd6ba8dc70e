"""JSON to somebody's API: one request, its answer or why there is none, and what stands in it. Never raises."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx2
import msgspec

from app.core.errors import AddressRefused, NoAnswer
from app.providers.outgoing import TOTAL_SECONDS, Reply, send

_DETAIL_MAX = 300


class Unanswered(msgspec.Struct, frozen=True):
    """There is no answer; `detail` is a sentence for a person, which names the host only."""

    detail: str
    #: it is certain that nothing arrived
    unsent: bool = False
    #: the address leads where nobody may be reached: to repeat it is of no use
    refused: bool = False


async def call(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    fields: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    total_seconds: float = TOTAL_SECONDS,
) -> Reply | Unanswered:
    """One request, with `fields` as JSON where there are any → an answer of any status, or that there is none."""
    head = {"accept": "application/json", **(headers or {})}
    content = None
    if fields is not None:
        head["content-type"] = "application/json"
        try:
            content = msgspec.json.encode(fields)
        except ValueError:  # a lone surrogate, a number of thousands of digits
            return Unanswered("the request cannot be written as JSON", unsent=True, refused=True)
    try:
        return await send(client, method, url, headers=head, content=content, total_seconds=total_seconds)
    except AddressRefused as error:
        return Unanswered(str(error), unsent=True, refused=True)
    except NoAnswer as error:
        return Unanswered(str(error), unsent=error.unsent)


def value_of(body: bytes) -> Any:
    """The JSON of a body, a byte order mark before it or not; None for what is no JSON. Pure."""
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None


def object_of(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a body; None for anything else. Pure."""
    told = value_of(body)
    return told if isinstance(told, dict) else None


def words_of(reply: Reply, said: object) -> str:
    """`HTTP 400: chat not found`: the status, and the service's own words where it has any. Pure."""
    return f"HTTP {reply.status}" + (f": {said}"[:_DETAIL_MAX] if isinstance(said, str) and said else "")


def is_good(status: int) -> bool:
    """Whether it is one of 2xx. Pure."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
