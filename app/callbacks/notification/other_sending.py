"""Sends e-mail, WhatsApp and whatever else CALLBACK_CHANNELS names, in the slow lane."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from app.core.config import Settings
from app.engine.tasks import Again, Circuit, Failure, Finished, Policy, Result, Settle, Success, Task, Verdict
from app.operate.chats.links import is_wanted
from app.providers.blocking import Threads
from app.providers.chat_api import Said
from app.providers.other_api import open_channels, send_other
from app.providers.other_channels import SETTING, OtherMessage, channels_of

#: Calls of one channel that hang beyond their time-out still hold a thread each.
_THREADS_MAX = 16

_message = msgspec.json.Decoder(OtherMessage).decode


class OtherSender:
    """Messages over the operator's own channels. What failed surely unsent is tried again, what was cut is lost."""

    policy = Policy(base_seconds=2.0, cap_seconds=600.0, tries_max=12)
    circuit: Circuit | None = Circuit()
    concurrency = 4
    timeout_seconds = 30.0
    rate_in_all_per_second: float | None = None

    def __init__(self, settings: Settings) -> None:
        """Raises StartRefused for a channel that apprise does not take, and where apprise is missing."""
        self._channels = open_channels(channels_of(settings.callback_channels))
        self._threads: Mapping[str, Threads[Said]] = {name: Threads(_THREADS_MAX) for name in self._channels}

    def rate_of(self, destination: str) -> float | None:
        """As fast as it takes them."""
        del destination
        return None

    @property
    def settle(self) -> Settle:
        """A notice whose channel ended meanwhile is not tried again; else the policy's verdict stands."""
        return _settle

    async def perform(self, task: Task) -> Result:
        """Send one message."""
        message = _message(task.payload)
        channel = self._channels.get(message.channel)
        if channel is None:
            return Failure(f"channel {message.channel} is not set in {SETTING}")
        busy = Said("unavailable", f"channel {message.channel}: {_THREADS_MAX} earlier messages still hang")
        said = await self._threads[message.channel].call(lambda: send_other(channel, message), busy)
        if said.kind == "sent":
            return Success(said)
        final = said.kind == "refused"
        return Failure(
            said.detail, final=final, reason="message_refused" if final else "", lost=said.kind == "lost", value=said
        )


def _settle(connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
    del result, at
    return Finished() if isinstance(proposed, Again) and not is_wanted(connection, task.key) else proposed
