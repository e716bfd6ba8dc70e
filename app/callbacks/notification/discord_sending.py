"""What the bot writes at Discord, in the slow lane: messages to channels and users, and answers to slash commands."""

import httpx2
import msgspec

from app.callbacks.notification.sending import Sender
from app.core.config import Settings, secrets_of
from app.engine.tasks import Circuit, Policy, Task
from app.providers.chat_api import Said
from app.providers.chat_messages import DISCORD, DISCORD_BOT, DISCORD_REPLY, Message
from app.providers.discord_api import Bot


class DiscordBotSender(Sender):
    """Messages of the bot of DISCORD_BOT_TOKEN to channels and users. Limits: fifty requests a second in all."""

    service, provider = DISCORD_BOT, DISCORD
    rate_in_all_per_second: float | None = 25.0  # the first message to a user is two requests

    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        """`client` is closed by whoever opened it."""
        super().__init__(settings)
        self._bot = Bot(client, settings.discord_api_url)

    def rate_of(self, destination: str) -> float | None:
        """Five in five seconds."""
        del destination
        return 1.0

    async def send(self, task: Task, message: Message) -> Said:
        """Send the next part; a repetition carries the same nonce."""
        tokens = secrets_of(self.settings.discord_bot_token)
        if not tokens:
            return Said("unavailable", "DISCORD_BOT_TOKEN is not set")
        key = f"{task.key}:{message.sent}"
        return await self._bot.write(tokens[0].decode(), message.destination, message.part, key)


class DiscordReplySender(Sender):
    """Answers to slash commands, by the token of each: good for a quarter of an hour, and no bot's token needed."""

    service, provider = DISCORD_REPLY, DISCORD
    policy = Policy(base_seconds=0.5, cap_seconds=60.0, tries_max=12, age_seconds_max=840.0)
    circuit: Circuit | None = None  # each answer is a destination of its own
    rate_in_all_per_second: float | None = 50.0

    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        """`client` is closed by whoever opened it."""
        super().__init__(settings)
        self._bot = Bot(client, settings.discord_api_url)

    def rate_of(self, destination: str) -> float | None:
        """Any."""
        del destination
        return None

    async def send(self, task: Task, message: Message) -> Said:
        """Put the first part in the place of "is thinking", further ones after it."""
        said = await self._bot.answer(_application(message), message.address, message.part, first=message.sent == 0)
        if said.kind == "gone" and task.tries <= _EARLY_TRIES:
            # We may be faster than Discord: it knows nothing of an answer until it has read that one will come.
            return msgspec.structs.replace(said, kind="unavailable")
        return said


_EARLY_TRIES = 4


def _application(message: Message) -> str:
    return message.destination.partition(":")[0]
