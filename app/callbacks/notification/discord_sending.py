"""What is written at Discord, in the slow lane: to webhooks, by the bot, and the answers to slash commands."""

from urllib.parse import urlsplit

import httpx2
import msgspec

from app.callbacks.notification.sending import Sender
from app.core.config import Settings, usable_secrets
from app.engine.tasks import Circuit, Policy, Task
from app.providers.chat_api import Said, send_discord
from app.providers.chat_messages import DISCORD, DISCORD_BOT, DISCORD_REPLY, Message
from app.providers.discord_api import Bot


class DiscordSender(Sender):
    """Messages to Discord webhooks. Limits: Discord, rate limits; thirty a minute in a channel."""

    service = provider = DISCORD
    rate_in_all_per_second: float | None = 50.0

    def __init__(self, settings: Settings, client: httpx2.AsyncClient, public: httpx2.AsyncClient) -> None:
        """`client` reaches where DISCORD_API_URL is, `public` the internet only."""
        super().__init__(settings)
        self._client = client
        self._public = public

    def rate_of(self, destination: str) -> float | None:
        """One every two seconds."""
        del destination
        return 0.5

    async def send(self, task: Task, message: Message) -> Said:
        """Send the next part."""
        del task
        client = self._client if self.is_at_our_api(message.address) else self._public
        return await send_discord(client, message.address, message.part)

    def is_at_our_api(self, address: str) -> bool:
        """Whether the operator has said that Discord is there: a private address is as good as any then."""
        told = self.settings.discord_api_url
        if told == type(self.settings).model_fields["discord_api_url"].default:
            return False
        ours, theirs = urlsplit(told), urlsplit(address)
        return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)


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
        tokens = usable_secrets(self.settings.discord_bot_token)
        if not tokens:
            return Said("key_refused", "DISCORD_BOT_TOKEN is not set")
        key = f"{task.key}:{message.sent}"
        return await self._bot.write(tokens[0].decode(), message.destination, message.part, key)


#: We may be faster than Discord: it knows nothing of an answer until it has read that one will come.
_EARLY_TRIES = 4


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
            return msgspec.structs.replace(said, kind="unavailable")
        return said


def _application(message: Message) -> str:
    return message.destination.partition(":")[0]
