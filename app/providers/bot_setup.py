"""One question about a bot's set-up, to Telegram or Discord, and what its answer means."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, TypeAlias

import httpx2
import msgspec

from app.providers.json_call import Unanswered, call, is_good, value_of, words_of
from app.providers.outgoing import Reply, retry_after_seconds

Kind: TypeAlias = Literal["told", "key_refused", "wait", "refused", "unavailable"]


class Service(NamedTuple):
    """How one service says no."""

    name: str
    words: str  # the field that holds its words
    key_refused: frozenset[int]  # the statuses of a token that is wrong


class SetupAnswer(msgspec.Struct, frozen=True):
    """What a service said: `told` with its JSON, or why not; `detail` is a sentence for a person, without secrets."""

    kind: Kind
    told: Any = None
    detail: str = ""
    retry_after_seconds: float | None = None


async def ask(
    client: httpx2.AsyncClient,
    service: Service,
    method: str,
    url: str,
    *,
    secret: str,
    headers: Mapping[str, str] | None = None,
    fields: Any = None,
    total_seconds: float = 15.0,
) -> SetupAnswer:
    """One request; never raises, and names neither the address nor `secret`, which stands in it or in a header."""
    reply = await call(client, method, url, fields, headers=headers, total_seconds=total_seconds)
    if isinstance(reply, Unanswered):
        return SetupAnswer("unavailable", detail=reply.detail)
    answer = read(service, reply)
    return msgspec.structs.replace(answer, detail=answer.detail.replace(secret, "***")) if secret else answer


def read(service: Service, reply: Reply) -> SetupAnswer:
    """What one answer means. Pure; a good status that holds no JSON is `unavailable`."""
    told = value_of(reply.body)
    words = words_of(reply, text_of(told, service.words))
    if reply.status in service.key_refused:
        return SetupAnswer("key_refused", detail=words)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return SetupAnswer("wait", detail=words, retry_after_seconds=_seconds(reply, told))
    if HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return SetupAnswer("refused", detail=words)
    if not is_good(reply.status):
        return SetupAnswer("unavailable", detail=words)
    if told is None:
        return SetupAnswer("unavailable", detail=f"{words}: the answer cannot be read")
    return SetupAnswer("told", told, words)


def text_of(told: Any, name: str) -> str:
    """A field as text; empty where there is none."""
    value = told.get(name) if isinstance(told, dict) else None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def number_of(told: Any, name: str) -> int | None:
    """A field that is a whole number; None where there is none."""
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(reply: Reply, told: Any) -> float | None:
    """Discord tells it at the top, Telegram in `parameters`, proxies in a header."""
    within = told if isinstance(told, dict) else {}
    parameters = within.get("parameters")
    inner = parameters if isinstance(parameters, dict) else {}
    for value in (within.get("retry_after"), inner.get("retry_after")):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return float(value)
    return retry_after_seconds(reply.headers)
