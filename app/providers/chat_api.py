"""Sending to Telegram's Bot API and to Discord's webhooks: one request, and what its answer means.

Sources: Telegram Bot API (making requests, sendMessage, ResponseParameters); Discord (execute webhook, rate limits).
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx2
import msgspec

from app.providers.json_call import Unanswered, call, is_good, object_of, words_of
from app.providers.outgoing import Reply, retry_after_seconds

Kind: TypeAlias = Literal[
    "sent", "wait", "moved", "markup", "blocked", "gone", "refused", "key_refused", "unavailable", "lost"
]

#: Where a 429 does not say for how long.
_WAIT_SECONDS = 30.0
#: Discord's edge refuses an address of ours without a word of limits: minutes, for all that goes there.
_BANNED_SECONDS = 300.0
#: A gateway says that it did not hear: what stands behind it may have sent.
_PERHAPS = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})


class Said(msgspec.Struct, frozen=True):
    """What became of one message.

    `sent`; `wait` for `retry_after_seconds` (`everywhere`: whatever goes to this service); `moved` to the chat
    `moved_to`; `markup` cannot be read; final are `blocked` by the user, `gone` (the chat, the webhook) and `refused`;
    `key_refused`: our token is wrong; `unavailable`: surely not sent; `lost`: nobody knows.
    """

    kind: Kind
    detail: str = ""  # a sentence for a person, without secrets
    message_id: str = ""
    retry_after_seconds: float | None = None
    everywhere: bool = False
    moved_to: str = ""


async def send_telegram(
    client: httpx2.AsyncClient, base_url: str, token: str, message: Mapping[str, Any], *, total_seconds: float = 15.0
) -> Said:
    """`sendMessage` with these fields; never raises, and never names the address, which holds the token."""
    url = f"{base_url.rstrip('/')}/bot{token}/sendMessage"
    return await _post(client, url, message, read_telegram, total_seconds)


async def send_discord(
    client: httpx2.AsyncClient, webhook_url: str, message: Mapping[str, Any], *, total_seconds: float = 15.0
) -> Said:
    """Execute a webhook and wait for its message; never raises, and never names the address, which is a secret."""
    parts = urlsplit(webhook_url)
    query = "&".join([*(pair for pair in parts.query.split("&") if pair and not pair.startswith("wait=")), "wait=true"])
    return await _post(client, parts._replace(query=query, fragment="").geturl(), message, read_discord, total_seconds)


async def _post(
    client: httpx2.AsyncClient,
    url: str,
    message: Mapping[str, Any],
    read: Callable[[Reply], Said],
    total_seconds: float,
) -> Said:
    reply = await call(client, "POST", url, message, total_seconds=total_seconds)
    return unanswered(reply) if isinstance(reply, Unanswered) else read(reply)


def unanswered(reply: Unanswered) -> Said:
    """What it means that there is no answer. Pure."""
    if reply.refused:
        return Said("refused", reply.detail)
    return Said("unavailable" if reply.unsent else "lost", reply.detail)


#: The token is part of the address: where it is wrong, there is no such address.
_TELEGRAM: Mapping[int, Kind] = {401: "key_refused", 403: "blocked", 404: "key_refused"}
_BAD_REQUESTS: Mapping[str, Kind] = {"can't parse entities": "markup", "chat not found": "gone"}


def read_telegram(reply: Reply) -> Said:
    """What one answer of the Bot API means. Pure."""
    told = object_of(reply.body)
    words = words_of(reply, (told or {}).get("description"))
    if told is None:
        return _unread(reply, words)
    if reply.status == HTTPStatus.OK and told.get("ok") is True:
        return Said("sent", words, message_id=_text(_inner(told, "result").get("message_id")))
    parameters = _inner(told, "parameters")
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _wait(reply, words, parameters.get("retry_after"))
    if moved := _text(parameters.get("migrate_to_chat_id")):
        return Said("moved", words, moved_to=moved)
    if reply.status == HTTPStatus.BAD_REQUEST:
        kinds = (kind for sentence, kind in _BAD_REQUESTS.items() if sentence in words)
        return Said(next(kinds, "refused"), words)
    kind = _TELEGRAM.get(reply.status)
    return Said(kind, words) if kind else _otherwise(reply, words)


#: Discord's JSON error codes: unknown channel, server, user, webhook; no access; a webhook's token is wrong.
_GONE = frozenset({10_003, 10_004, 10_013, 10_015, 50_001, 50_027})
_INTERNAL = 40_333


def read_discord(reply: Reply) -> Said:
    """What one answer of a webhook means. Pure."""
    told = object_of(reply.body)
    words = words_of(reply, (told or {}).get("message"))
    match reply.status:
        case HTTPStatus.OK | HTTPStatus.NO_CONTENT:
            return Said("sent", words, message_id=_text((told or {}).get("id")))
        case HTTPStatus.TOO_MANY_REQUESTS if _is_ban(reply, told):
            return Said("wait", words, retry_after_seconds=_BANNED_SECONDS, everywhere=True)
        case HTTPStatus.TOO_MANY_REQUESTS:
            waits = _wait(reply, words, (told or {}).get("retry_after"))
            return msgspec.structs.replace(waits, everywhere=(told or {}).get("global") is True)
    if (told or {}).get("code") in _GONE:
        return Said("gone", words)
    if told is None or told.get("code") == _INTERNAL:
        # A page of the edge, or Discord's own network: it says nothing of the channel.
        passing = reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
        return Said("unavailable", words) if passing else _unread(reply, words)
    return _otherwise(reply, words)


def _is_ban(reply: Reply, told: dict[str, Any] | None) -> bool:
    limits = any(name.startswith("x-ratelimit-") for name in reply.headers)
    return not limits and "retry-after" not in reply.headers and "retry_after" not in (told or {})


def _wait(reply: Reply, words: str, told: object) -> Said:
    seconds = float(told) if isinstance(told, (int, float)) and not isinstance(told, bool) and told >= 0 else None
    if seconds is None:
        seconds = retry_after_seconds(reply.headers)
    return Said("wait", words, retry_after_seconds=_WAIT_SECONDS if seconds is None else seconds)


def _otherwise(reply: Reply, words: str) -> Said:
    if reply.status in _PERHAPS:
        return Said("lost", words)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or reply.status == HTTPStatus.REQUEST_TIMEOUT:
        return Said("unavailable", words)
    return Said("refused", words)


def _unread(reply: Reply, words: str) -> Said:
    """An answer that is no JSON object: a good status may have sent, a bad one did what it says."""
    if is_good(reply.status):
        return Said("lost", f"{words}: the answer cannot be read")
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _wait(reply, words, None)
    return _otherwise(reply, words)


def _inner(told: dict[str, Any], name: str) -> dict[str, Any]:
    inner = told.get(name)
    return inner if isinstance(inner, dict) else {}


def _text(value: object) -> str:
    return str(value)[:64] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
