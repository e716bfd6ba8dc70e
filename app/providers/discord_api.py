"""What a bot writes at Discord: messages to channels and users, and the answers to slash commands.

Sources: Discord, create DM, create message (`nonce`, `enforce_nonce`), edit original interaction response, opcodes and
status codes (JSON error codes), rate limits.
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx2
import msgspec

from app.providers.chat_api import Said, read_discord, unanswered
from app.providers.json_call import Unanswered, call, object_of
from app.providers.outgoing import Reply

_CANNOT_BE_WRITTEN_TO = 50_007  # they share no server with the bot, or have closed their messages
_EPHEMERAL = 64


def nonce_of(key: str) -> str:
    """A task's key as a nonce: for some minutes Discord answers a repetition with the message that it has. Pure."""
    return hashlib.blake2b(key.encode(), digest_size=12).hexdigest()  # at most 25 characters


class Bot:
    """Discord as one bot sees it; knows the channels of users that it wrote to."""

    def __init__(self, client: httpx2.AsyncClient, base_url: str) -> None:
        """`base_url` with its version, `https://discord.com/api/v10`; `client` is closed by whoever opened it."""
        self._client = client
        self._base = base_url.rstrip("/")
        self._direct: dict[str, str] = {}  # user → channel

    async def write(self, token: str, destination: str, message: Mapping[str, Any], key: str) -> Said:
        """A message to `user:ID` or `channel:ID`; `key` makes it the same again. Never raises."""
        kind, _, number = destination.partition(":")
        if kind == "user":
            opened = await self._channel_of(token, number)
            if isinstance(opened, Said):
                return opened
            number = opened
        body = {**message, "nonce": nonce_of(key), "enforce_nonce": True}
        reply = await self._call("POST", f"/channels/{number}/messages", token, body)
        return unanswered(reply) if isinstance(reply, Unanswered) else read_bot(reply)

    async def _channel_of(self, token: str, user: str) -> str | Said:
        known = self._direct.get(user)
        if known is not None:
            return known
        reply = await self._call("POST", "/users/@me/channels", token, {"recipient_id": user})
        if isinstance(reply, Unanswered):  # nothing was written yet, whatever became of the question
            return Said("refused" if reply.refused else "unavailable", reply.detail)
        said = read_bot(reply)
        if said.kind == "sent" and said.message_id:
            self._direct[user] = said.message_id
            return said.message_id
        return said if said.kind not in {"sent", "lost"} else Said("unavailable", said.detail)

    async def answer(self, application: str, token: str, message: Mapping[str, Any], *, first: bool) -> Said:
        """The answer to a deferred command: in the place of "is thinking", further parts after it. Never raises.

        `token` is the interaction's, which is good for a quarter of an hour and is never named.
        """
        path = f"/webhooks/{application}/{token}"
        if first:
            reply = await self._call("PATCH", f"{path}/messages/@original", "", message)
        else:
            reply = await self._call("POST", path, "", {**message, "flags": _EPHEMERAL})
        return unanswered(reply) if isinstance(reply, Unanswered) else read_discord(reply)

    async def _call(self, method: str, path: str, token: str, body: Mapping[str, Any]) -> Reply | Unanswered:
        headers = {"authorization": f"Bot {token}"} if token else {}
        return await call(self._client, method, f"{self._base}{path}", body, headers=headers)


def read_bot(reply: Reply) -> Said:
    """What one answer to a bot means. Pure."""
    said = read_discord(reply)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return msgspec.structs.replace(said, kind="key_refused")
    if reply.status == HTTPStatus.FORBIDDEN and (object_of(reply.body) or {}).get("code") == _CANNOT_BE_WRITTEN_TO:
        return msgspec.structs.replace(said, kind="blocked")
    return said
