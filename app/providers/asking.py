"""Asks a sender's own API about a payment, as its file says; whether the answer fits is the ledger's to judge."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import httpx2
import msgspec

from app.core.errors import NoAnswer
from app.providers.catalog.model import Ask
from app.providers.choosing import when
from app.providers.json_call import object_of
from app.providers.message import Message
from app.providers.outgoing import Reply, retry_after_seconds, send
from app.providers.proving import Reading
from app.providers.templates import compiled

Kind: TypeAlias = Literal["found", "unknown", "key_refused", "unavailable"]
_OK = range(200, 300)
_BYTES_MAX = 64 << 10  # each answer is kept with what it decided


class SenderAnswer(msgspec.Struct, frozen=True):
    """What a sender's API said about a payment.

    `found`: `body` tells of one. `unknown`: it knows none. `key_refused`: our key is wrong. `unavailable`: no answer
    that means anything; asked again later, not before `retry_after_seconds`.
    """

    kind: Kind
    asked: str  # the address, without secrets
    body: bytes = b""
    detail: str = ""  # a sentence for a person, without secrets
    retry_after_seconds: float | None = None


class Asking:
    """A file's `[ask]`, compiled, with what the shop has set."""

    def __init__(self, ask: Ask, config: Mapping[str, str]) -> None:
        """`config`: by the file's names."""
        self.data = ask
        # An address is set with its last slash or without: two of them would be another address, known to nobody.
        self._config = {name: value.rstrip("/") if "://" in value else value for name, value in config.items()}
        self._url, self._body = compiled(ask.url), compiled(ask.body)
        self._headers = {name: compiled(text) for name, text in ask.headers.items()}
        self._unknown = when(ask.unknown) if ask.unknown else None

    async def ask(self, client: httpx2.AsyncClient, secret: bytes, order_id: str, attempt: str) -> SenderAnswer:
        """Ask once; never raises. What no address can be made of is known to nobody."""
        question = msgspec.json.encode({"order_id": order_id, "attempt": attempt})
        reading = Reading(Message(question), "json", config=self._config, secret=secret)
        url, body = self._url.render(reading), self._body.render(reading)
        headers = {name: text.render(reading) for name, text in self._headers.items()}
        if url is None or body is None or None in headers.values():
            return SenderAnswer("unknown", _bare(self.data.url), detail="no payment can have this id")
        told = {name: value.decode("latin-1") for name, value in headers.items() if value is not None}
        asked = _bare(url.decode())
        try:
            reply = await send(client, self.data.method, url.decode(), headers=told, content=body or None)
        except NoAnswer as error:
            return SenderAnswer("unavailable", asked, detail=str(error))
        kind, detail = self.read(reply)
        later = retry_after_seconds(reply.headers) if kind == "unavailable" else None
        return SenderAnswer(kind, asked, reply.body, detail, later)

    def read(self, reply: Reply) -> tuple[Kind, str]:
        """What one HTTP answer means, and a sentence for a person. Pure."""
        words = f"HTTP {reply.status}"
        if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return "key_refused", words
        if reply.status == HTTPStatus.NOT_FOUND:
            return "unknown", words
        told = object_of(reply.body)
        if told is not None and self._unknown is not None and self._unknown.fits(Reading(Message(reply.body), "json")):
            return "unknown", words
        if reply.status not in _OK:
            return "unavailable", words
        if len(reply.body) > _BYTES_MAX:
            return "unavailable", f"{words}: longer than an answer about one payment"
        return ("found", words) if told is not None else ("unavailable", f"{words}: the body is no JSON object")


def _bare(url: str) -> str:
    """An address without user and query, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


__all__ = ["Asking", "Kind", "SenderAnswer"]
