"""Telegram: updates at its webhook address, proved by the token that was given to setWebhook; commands answered."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from app.callbacks.base.base_handlers import WebhookCallbackHandler, proved
from app.callbacks.base.reading import decode_object, object_of, read, text_of
from app.callbacks.telegram.updates import Blocked, Heard, Moved, chat_of, kind_of, said, written
from app.core.config import Settings, get_settings
from app.core.errors import UnreadableBody
from app.core.secrets import Secrets
from app.engine.callback import Answer, Callback, Identity, Outcome, OutcomeWord, Request, Verification
from app.operate.chats.answering import Answerer, Question, chat_key
from app.operate.chats.commands import LINKING, Speaker
from app.operate.chats.links import end_address, move_address, void
from app.operate.chats.messaging import ReplyTo
from app.providers.chat_messages import TELEGRAM
from app.providers.schemes import fixed_token


class TelegramUpdateHandler(WebhookCallbackHandler):
    """`POST /callbacks/webhook/telegram`. Updates of one chat wait for each other's answers: answered when on disk."""

    kept_headers = ()
    proof = "token"

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """`db`: a Session, Engine or Connection for direct calls; by default the engine that the settings name."""
        super().__init__("telegram", "telegram", db=db, settings=settings or get_settings())
        self._tokens = Secrets(self.settings.telegram_webhook_secret)

    @property
    def configured(self) -> bool:
        """Whether a secret token is set."""
        return bool(self._tokens)

    def verify(self, request: Request, at: int) -> Verification:
        """By `X-Telegram-Bot-Api-Secret-Token`."""
        tokens = self._tokens.always or self._tokens.at(at)
        if not tokens:
            return self.unproved(request)
        verdict = fixed_token(request.headers.get(b"x-telegram-bot-api-secret-token"), tokens)
        return proved(verdict, how="token", field="X-Telegram-Bot-Api-Secret-Token")

    def identify(self, request: Request) -> Identity:
        """By `update_id`, which repeats carry too; in order within a chat. Raises UnreadableBody."""
        update = read(decode_object, request.body)
        update_id = text_of(update.get("update_id"))
        if not update_id:
            raise UnreadableBody("is missing; every update has one", field="update_id")
        kind = kind_of(update)
        return Identity(kind[:64] or "unknown", update_id, chat_of(object_of(update.get(kind))))

    def reply(self, request: Request) -> Answer | None:
        """A pressed button is let go at once, by a method in the answer; all else has the ordinary one."""
        update = read(decode_object, request.body)
        pressed = text_of(object_of(update.get("callback_query")).get("id"))
        if not pressed:
            return None
        return Answer(200, msgspec.json.encode({"method": "answerCallbackQuery", "callback_query_id": pressed}))

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Answer commands, follow chats that moved, end those that are gone; all else is kept."""
        answerer = Answerer(connection, callbacks, at=at, settings=self.settings)
        return [self._outcome(connection, callback, answerer, at) for callback in callbacks]

    def _outcome(self, connection: Connection, callback: Callback, answerer: Answerer, at: int) -> Outcome:
        update = read(decode_object, callback.body)
        meant = said(update, bot_name=self.settings.telegram_bot_username, default=self.settings.callback_lang)
        match meant:
            case Heard():
                if meant.command not in LINKING:  # a code behind another command, or seen by a group
                    void(connection, written(update))
                return answerer.answer(_question(callback, meant))
            case Moved():
                move_address(connection, TELEGRAM, meant.chat, meant.to, at)
                return Outcome(callback.id, OutcomeWord.APPLIED, "chat_moved")
            case Blocked():
                if end_address(connection, TELEGRAM, meant.chat, "blocked", at, linked_before=meant.at):
                    return Outcome(callback.id, OutcomeWord.APPLIED, "chat_blocked")
                return Outcome(callback.id, OutcomeWord.IGNORED, "not_linked")
        if void(connection, written(update)):
            return Outcome(callback.id, OutcomeWord.IGNORED, "code_seen")
        return Outcome(callback.id, OutcomeWord.IGNORED, "no_command")


def _question(callback: Callback, heard: Heard) -> Question:
    return Question(
        callback.id,
        callback.received_at,
        chat_key(callback),
        Speaker(TELEGRAM, heard.user, heard.lang, heard.private),
        heard.command,
        heard.arguments,
        to=ReplyTo(TELEGRAM, heard.chat),
        in_private=ReplyTo(TELEGRAM, heard.user),  # with a person, the chat has the person's number
    )
