"""Sends messages in the slow lane, a part a try; what an answer means for the task is decided with its result.

Neither Telegram nor a Discord webhook can tell a repetition: a message whose answer was lost is sent again only where
its task says so, else a person decides.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Connection

from app.core.config import Settings
from app.core.telemetry import HIDDEN, redact
from app.engine.outcomes import Alert, raise_alerts
from app.engine.tasks import Again, Circuit, Failure, Finished, Policy, Result, Settle, Success, Task, Verdict
from app.engine.tasks.queue import rewrite
from app.operate.chats.links import end_address, hush, is_wanted, move_address
from app.operate.chats.messaging import linked_address
from app.providers.chat_api import Said
from app.providers.chat_messages import DISCORD, Message

_message = msgspec.json.Decoder(Message).decode

#: What no repetition helps, and the words of its dead letter.
_FINAL: Mapping[str, str] = {
    "blocked": "message_blocked",
    "gone": "message_gone",
    "refused": "message_refused",
    "moved": "message_refused",  # a second time
    "markup": "message_refused",  # as plain text too
}
#: How long all of a service's messages wait where it refuses our token: a person has to mend it.
_KEY_SECONDS = 60.0


class Sender(ABC):
    """What both services share. A chat sees one try at a time, so that parts arrive in their order."""

    policy = Policy(base_seconds=2.0, cap_seconds=600.0, tries_max=12)
    circuit: Circuit | None = Circuit()
    concurrency = 1
    timeout_seconds = 20.0
    service: ClassVar[str]
    #: whose key it is, for the alert that it is wrong
    provider: ClassVar[str]

    def __init__(self, settings: Settings) -> None:
        """By the tokens of these."""
        self.settings = settings

    async def perform(self, task: Task) -> Result:
        """Send the next part."""
        message = _message(task.payload)
        said = _without_secrets(await self.send(task, message), message)
        if said.kind == "sent":
            return Success(said)
        return Failure(
            said.detail,
            final=said.kind in _FINAL,
            reason=_FINAL.get(said.kind, ""),
            lost=said.kind == "lost",
            retry_after_seconds=_KEY_SECONDS if said.kind == "key_refused" else said.retry_after_seconds,
            everywhere=said.everywhere or said.kind == "key_refused",
            counts=said.kind != "key_refused",
            value=said,
        )

    @abstractmethod
    async def send(self, task: Task, message: Message) -> Said:
        """Send the next part of this message."""

    @property
    def settle(self) -> Settle:
        """Go on with the next part, follow a chat that moved, try unreadable markup once as plain text."""
        return self._settle

    def _settle(self, connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
        said = result.value
        if not isinstance(said, Said):
            return proposed
        if said.kind == "key_refused":
            raise_alerts(
                connection,
                [Alert("key_refused", f"provider:{self.provider}", {"answer": said.detail})],
                at=at,
            )
        again = _after(_message(task.payload), said)
        _follow(connection, task, said, at)
        if (again is not None or isinstance(proposed, Again)) and not is_wanted(connection, task.key):
            return Finished()  # while it was under way the channel ended, and may be another user's now
        if again is None:
            return Finished() if isinstance(result, Success) else proposed
        rewrite(connection, task, msgspec.json.encode(again).decode(), again.destination)
        return Again(at + 1)


def _without_secrets(said: Said, message: Message) -> Said:
    """Whoever refuses a message may tell the address that it came to, where our token or the webhook's stands."""
    detail = redact(said.detail)
    secret = message.address.partition("?")[0].rstrip("/").rpartition("/")[2]
    if secret:
        detail = detail.replace(secret, HIDDEN)
    return said if detail == said.detail else msgspec.structs.replace(said, detail=detail)


def _follow(connection: Connection, task: Task, said: Said, at: int) -> None:
    """What an answer says of the chat itself: nobody is told anything where they stopped listening."""
    linked = linked_address(task.kind, task.destination)
    if linked is None:
        return
    service, address = linked
    if said.kind == "blocked" and service == DISCORD:
        # They take no messages, and go on asking: commands are answered another way.
        hush(connection, service, address, at)
    elif said.kind in {"blocked", "gone"}:
        end_address(connection, service, address, said.kind, at)
    elif said.kind == "moved":
        move_address(connection, service, address, said.moved_to, at)


def _after(message: Message, said: Said) -> Message | None:
    """The message as it is to be tried again at once, None where nothing is left or nothing can be done. Pure."""
    if said.kind == "sent" and message.sent + 1 < len(message.parts):
        return msgspec.structs.replace(message, sent=message.sent + 1)
    if said.kind == "moved" and said.moved_to != message.destination:
        parts = [{**part, "chat_id": said.moved_to} for part in message.parts]
        return msgspec.structs.replace(message, destination=said.moved_to, parts=parts)
    if said.kind == "markup" and "parse_mode" in message.part:
        return msgspec.structs.replace(message, parts=_plain(message.parts))
    return None


def _plain(parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [{name: value for name, value in part.items() if name != "parse_mode"} for part in parts]
