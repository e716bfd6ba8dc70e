"""Telegram: updates at its webhook address, proved by the token that was given to setWebhook."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from app.callbacks.base.base_handlers import WebhookCallbackHandler, kept_for_later, proved
from app.callbacks.base.reading import decode_object, object_of, read, text_of
from app.core.config import Settings, get_settings, secrets_of
from app.core.errors import UnreadableBody
from app.engine.callback import Callback, Identity, Outcome, Request, Verification
from app.providers.schemes import fixed_token


class TelegramUpdateHandler(WebhookCallbackHandler):
    """`POST /callbacks/webhook/telegram`. Updates of one chat wait for each other's answers: answered when on disk."""

    kept_headers = ()
    proof = "token"

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """`db`: a Session, Engine or Connection for direct calls; by default the engine that the settings name."""
        super().__init__("telegram", "telegram", db=db, settings=settings or get_settings())
        self._tokens = secrets_of(self.settings.telegram_webhook_secret)

    @property
    def configured(self) -> bool:
        """Whether a secret token is set."""
        return bool(self._tokens)

    def verify(self, request: Request, at: int) -> Verification:
        """By `X-Telegram-Bot-Api-Secret-Token`."""
        del at
        if not self._tokens:
            return self.unproved(request)
        verdict = fixed_token(request.headers.get(b"x-telegram-bot-api-secret-token"), self._tokens)
        return proved(verdict, how="token", field="X-Telegram-Bot-Api-Secret-Token")

    def identify(self, request: Request) -> Identity:
        """By `update_id`, which repeats carry too; in order within a chat. Raises UnreadableBody."""
        update = read(decode_object, request.body)
        update_id = text_of(update.get("update_id"))
        if not update_id:
            raise UnreadableBody("is missing; every update has one", field="update_id")
        kind = kind_of(update)
        return Identity(kind[:64] or "unknown", update_id, chat_of(object_of(update.get(kind))))

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Kept."""
        return kept_for_later(connection, callbacks, at)


def kind_of(update: dict[str, Any]) -> str:
    """`message`, `callback_query` …: the one field beside `update_id`, also of kinds that are new. Source: Update."""
    return next((text_of(key) for key in update if key != "update_id"), "")


def chat_of(inner: dict[str, Any]) -> str:
    """The chat, or who sent it where there is none (inline queries)."""
    for holder in (inner, object_of(inner.get("message"))):
        chat_id = text_of(object_of(holder.get("chat")).get("id"))
        if chat_id:
            return chat_id
    return text_of(object_of(inner.get("from")).get("id"))
