"""One question about a bot's set-up, to Telegram or Discord, and what its answer means."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, TypeAlias

import httpx2
import msgspec

from app.core.errors import AddressRefused, NoAnswer
from app.providers.outgoing import Reply, retry_after_seconds, send

Kind: TypeAlias = Literal["told", "key_refused", "wait", "refused", "unavailable"]

_DETAIL_MAX = 300


class Service(NamedTuple):
    """How one service says no."""

    name: str
    words: str  # the field that holds its words
    key_refused: frozenset[int]  # the statuses of a token that is wrong


class Heard(msgspec.Struct, frozen=True):
    """What a service said: `told` with its JSON, or why not; `detail` is a sentence for a person, without secrets."""

    kind: Kind
    told: Any = None
    detail: str = ""
    retry_after_seconds: float | None = None


async def hear(
    client: httpx2.AsyncClient,
    service: Service,
    method: str,
    url: str,
    *,
    secret: str,
    headers: Mapping[str, str] | None = None,
    fields: Any = None,
    total_seconds: float = 15.0,
) -> Heard:
    """One request; never raises, and names neither the address nor `secret`, which stands in it or in a header."""
    content = None if fields is None else msgspec.json.encode(fields)
    head = {"accept": "application/json", **(headers or {})}
    if content is not None:
        head["content-type"] = "application/json"
    try:
        reply = await send(client, method, url, headers=head, content=content, total_seconds=total_seconds)
    except (AddressRefused, NoAnswer) as error:
        return Heard("unavailable", detail=str(error))
    heard = read(service, reply)
    return msgspec.structs.replace(heard, detail=heard.detail.replace(secret, "***")) if secret else heard


def read(service: Service, reply: Reply) -> Heard:
    """What one answer means. Pure; a good status that holds no JSON is `unavailable`."""
    told = _decoded(reply.body)
    words = _words(service, reply, told)
    if reply.status in service.key_refused:
        return Heard("key_refused", detail=words)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Heard("wait", detail=words, retry_after_seconds=_seconds(reply, told))
    if HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Heard("refused", detail=words)
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return Heard("unavailable", detail=words)
    if told is None:
        return Heard("unavailable", detail=f"{words}: the answer cannot be read")
    return Heard("told", told, words)


def text_of(told: Any, name: str) -> str:
    """A field as text; empty where there is none."""
    value = told.get(name) if isinstance(told, dict) else None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def number_of(told: Any, name: str) -> int | None:
    """A field that is a whole number; None where there is none."""
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def _words(service: Service, reply: Reply, told: Any) -> str:
    said = text_of(told, service.words)
    return f"HTTP {reply.status}" + (f": {said}"[:_DETAIL_MAX] if said else "")


def _seconds(reply: Reply, told: Any) -> float | None:
    """Discord tells it at the top, Telegram in `parameters`, proxies in a header."""
    within = told if isinstance(told, dict) else {}
    parameters = within.get("parameters")
    inner = parameters if isinstance(parameters, dict) else {}
    for value in (within.get("retry_after"), inner.get("retry_after")):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return float(value)
    return retry_after_seconds(reply.headers)
