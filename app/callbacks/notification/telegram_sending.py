"""What the bot writes on Telegram, in the slow lane."""

import httpx2

from app.callbacks.notification.sending import Sender
from app.core.config import Settings, usable_secrets
from app.engine.tasks import Task
from app.providers.chat_api import Said, send_telegram
from app.providers.chat_messages import TELEGRAM, Message


class TelegramSender(Sender):
    """Messages through the bot of TELEGRAM_BOT_TOKEN. Limits: Telegram Bot API, FAQ, "My bot is hitting limits"."""

    service = provider = TELEGRAM
    rate_in_all_per_second: float | None = 30.0

    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        """`client` is closed by whoever opened it."""
        super().__init__(settings)
        self._client = client

    def rate_of(self, destination: str) -> float | None:
        """One a second in a chat, twenty a minute in a group or channel."""
        return 20 / 60 if destination.startswith(("-", "@")) else 1.0

    async def send(self, task: Task, message: Message) -> Said:
        """Send the next part."""
        del task
        tokens = usable_secrets(self.settings.telegram_bot_token)
        if not tokens:
            return Said("key_refused", "TELEGRAM_BOT_TOKEN is not set")
        return await send_telegram(self._client, self.settings.telegram_api_url, tokens[0].decode(), message.part)
