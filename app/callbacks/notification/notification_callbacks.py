"""Notifications that programs of yours ask for: to Discord, Telegram and other channels, sent in the slow lane."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import Connection

from app.callbacks.base.base_handlers import WebhookCallbackHandler, proved_by_admin_token
from app.callbacks.base.reading import digest_of, object_of, text_of
from app.core.config import Settings, get_settings, secrets_of
from app.core.errors import FieldError, UnknownProvider, UnreadableBody
from app.engine.callback import Callback, Identity, Outcome, OutcomeWord, Request, Verification
from app.engine.tasks.queue import enqueue, known
from app.operate.chats.messaging import other_task_of, task_of
from app.providers.chat_messages import DISCORD, TELEGRAM, Message, message_of
from app.providers.other_channels import OtherMessage, channels_of, other_message


class NotificationWebhookHandler(WebhookCallbackHandler):
    """`POST /callbacks/webhook/notification` `{"webhook_type": "discord" | "telegram" | channel, "data": {…}, "id"?}`.

    Proved by the management token. The message is a task of the same transaction as the callback's outcome: never
    lost, and sent once. `id` makes it the same again; without one each callback is a message of its own.
    """

    kept_headers = ()
    proof = "token"
    #: which service it is for; "" where `webhook_type` says so
    webhook_type = ""

    def __init__(self, db: Any = None, settings: Settings | None = None, name: str = "notification") -> None:
        """`db`: a Session, Engine or Connection for direct calls; by default the engine that the settings name."""
        super().__init__(name, name, db=db, settings=settings)
        #: the names of other channels; raises StartRefused
        self.channels = tuple(channels_of(self.settings.callback_channels))

    @property
    def configured(self) -> bool:
        """Whether a management token is set."""
        return bool(secrets_of(self.settings.callback_admin_token))

    def verify(self, request: Request, at: int) -> Verification:
        """The bearer token of the management addresses."""
        return proved_by_admin_token(self, request, at)

    def identify(self, request: Request) -> Identity:
        """By `id` where there is one; raises UnreadableBody for a message that cannot be sent."""
        data = object_of(self.read(request.body))
        try:
            message = self._message(data)
        except FieldError as error:
            raise UnreadableBody(str(error).partition(": ")[2], field=error.field) from None
        return Identity(message.service, text_of(data.get("id")) or digest_of(request.body), message.destination)

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Enqueue a task each, in the worker's transaction."""
        new = []
        for callback in callbacks:
            data = object_of(self.read(callback.body))
            told = text_of(data.get("id"))
            key = f"message:{callback.provider}:{told or callback.id}"
            repeatable = self._data(data).get("repeatable") is True
            message = self._message(data)
            if isinstance(message, OtherMessage):
                new.append(other_task_of(message, key, at, repeatable=repeatable, callback_id=callback.id))
            else:
                new.append(task_of(message, key, at, repeatable=repeatable, callback_id=callback.id))
        before = known(connection, [task.key for task in new])
        enqueue(connection, new, at)
        outcomes = []
        for callback, task in zip(callbacks, new, strict=True):
            word = OutcomeWord.DUPLICATE if task.key in before else OutcomeWord.APPLIED
            outcomes.append(Outcome(callback.id, word, "message_enqueued" if word is OutcomeWord.APPLIED else ""))
            before.add(task.key)
        return outcomes

    def _message(self, data: Mapping[str, Any]) -> Message | OtherMessage:
        kind = self.webhook_type or text_of(data.get("webhook_type"))
        if kind in self.channels:
            return other_message(kind, self._data(data))
        if kind not in {TELEGRAM, DISCORD}:
            known_ones = ", ".join([TELEGRAM, DISCORD, *self.channels])
            raise FieldError("webhook_type", f"is {kind!r}; known are {known_ones}")
        return message_of(kind, self._data(data), discord_api=self.settings.discord_api_url)

    def _data(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return data if self.webhook_type else object_of(data.get("data"))


class DiscordWebhookHandler(NotificationWebhookHandler):
    """Sends to a Discord webhook: `{webhook_url, message, title?, color?, fields?, …}`."""

    webhook_type = DISCORD

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """As its base."""
        super().__init__(db, settings, name="notification_discord")


class TelegramWebhookHandler(NotificationWebhookHandler):
    """Sends to a Telegram chat: `{chat_id, message, parse_mode?}`."""

    webhook_type = TELEGRAM

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """As its base."""
        super().__init__(db, settings, name="notification_telegram")


class _ChannelHandler(NotificationWebhookHandler):
    """Sends over one of the other channels: `{address, message, title?}`."""

    def __init__(self, channel: str, db: Any = None, settings: Settings | None = None) -> None:
        super().__init__(db, settings, name=f"notification_{channel}")
        self.webhook_type = channel


class NotificationCallbackFactory:
    """Makes notification handlers by name."""

    MAKERS: ClassVar[dict[str, type[NotificationWebhookHandler]]] = {
        "notification": NotificationWebhookHandler,
        DISCORD: DiscordWebhookHandler,
        TELEGRAM: TelegramWebhookHandler,
    }

    @classmethod
    def create_webhook_handler(cls, name: str, db: Any = None, **settings: Any) -> NotificationWebhookHandler:
        """`discord`, `telegram`, `notification` or a channel; `settings` as in `Settings`. Raises UnknownProvider."""
        maker = cls.MAKERS.get(str(name).lower())
        told = Settings(**settings) if settings else None
        if maker is not None:
            return maker(db, told)
        for handler in cls.channel_handlers(db, told):
            if handler.webhook_type == str(name).lower():
                return handler
        raise UnknownProvider(str(name))

    @classmethod
    def channel_handlers(cls, db: Any = None, settings: Settings | None = None) -> list[NotificationWebhookHandler]:
        """One for each channel of CALLBACK_CHANNELS, named `notification_{channel}`."""
        names = channels_of((settings or get_settings()).callback_channels)
        return [_ChannelHandler(name, db, settings) for name in names]
