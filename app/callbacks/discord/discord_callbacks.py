"""Discord: interactions and webhook events at its address, and events that a bot hands in."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from app.callbacks.base.base_handlers import EventCallbackHandler, WebhookCallbackHandler, proved
from app.callbacks.base.reading import decode_object, digest_of, object_of, read, text_of
from app.callbacks.discord.bot_events import Called, Told, meant
from app.callbacks.discord.interactions import (
    AUTOCOMPLETE,
    NAMES,
    PING,
    Heard,
    at_once,
    choices,
    heard,
    typed,
    user_of,
)
from app.core.config import Settings, get_settings
from app.core.database import engine_for
from app.core.errors import StartRefused, UnreadableBody
from app.core.language import Lang
from app.core.secrets import Secrets
from app.engine.callback import Answer, Callback, Identity, Outcome, OutcomeWord, Request, Verification
from app.engine.tasks.queue import enqueue
from app.operate.chats.answering import Answerer, Question, chat_key, is_late
from app.operate.chats.commands import Speaker, suggestions
from app.operate.chats.messaging import ReplyTo, reply_task
from app.providers.chat_messages import DISCORD, DISCORD_BOT, DISCORD_REPLY
from app.providers.schemes import STALE, ed25519, is_ed25519_key

_PONG = Answer(200, b'{"type":1}')
_NO_CHOICES = Answer(200, b'{"type":8,"data":{"choices":[]}}')
_NO_CONTENT = Answer(204, b"")


class DiscordSlashCommandHandler(WebhookCallbackHandler):
    """`POST /callbacks/webhook/discord`: commands, buttons, forms; and the application's webhook events.

    An interaction must be answered within three seconds and only once: it is answered when it is on disk.
    """

    kept_headers = ()
    proof = "signature"

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """Raises StartRefused when DISCORD_PUBLIC_KEY is no public key."""
        super().__init__("discord", "discord", db=db, settings=settings or get_settings())
        self._keys = Secrets(self.settings.discord_public_key)
        if not all(is_ed25519_key(secret.text) for secret in self._keys.each):
            raise StartRefused("DISCORD_PUBLIC_KEY is not a public key: 64 hex digits, from the application's page")

    @property
    def configured(self) -> bool:
        """Whether a public key is set."""
        return bool(self._keys)

    def verify(self, request: Request, at: int) -> Verification:
        """By Ed25519 over timestamp and body; Discord itself probes with bad ones and wants 401."""
        keys = self._keys.always or self._keys.at(at)
        if not keys:
            return self.unproved(request)
        told = request.headers.get
        verdict = ed25519(request.body, told(b"x-signature-timestamp"), told(b"x-signature-ed25519"), keys, at=at)
        return proved(verdict, field="X-Signature-Timestamp" if verdict is STALE else "X-Signature-Ed25519")

    def identify(self, request: Request) -> Identity:
        """By the interaction's id, in order within its channel; raises UnreadableBody."""
        data = read(decode_object, request.body)
        if is_webhook_event(data):
            event = object_of(data.get("event"))
            return Identity(text_of(event.get("type")).lower()[:64] or "event", digest_of(request.body), user_of(event))
        kind = data.get("type")
        if not isinstance(kind, int) or isinstance(kind, bool):
            raise UnreadableBody("is missing; an interaction says what it is", field="type")
        channel = text_of(data.get("channel_id")) or user_of(data)
        return Identity(_event_type(data, kind), text_of(data.get("id")) or digest_of(request.body), channel)

    def keeps(self, request: Request) -> bool:
        """All but probes, and what is asked while somebody types."""
        data = read(decode_object, request.body)
        return not (_is_probe(data) or data.get("type") == AUTOCOMPLETE)

    def reply(self, request: Request) -> Answer | None:
        """In the interaction's own protocol: PONG, a form, or that an answer will come, which `apply` then enqueues."""
        data = read(decode_object, request.body)
        if is_webhook_event(data):
            return _NO_CONTENT
        if data.get("type") == PING:
            return _PONG
        if data.get("type") == AUTOCOMPLETE:
            return _NO_CHOICES
        return Answer(200, msgspec.json.encode(at_once(data, default=self.settings.callback_lang)))

    def looks_up(self, request: Request) -> Callable[[], Answer] | None:
        """An autocomplete's choices: the user's own orders."""
        data = read(decode_object, request.body)
        if data.get("type") != AUTOCOMPLETE:
            return None
        user, so_far = user_of(data), typed(data)

        def find() -> Answer:
            found = suggestions(engine_for(self.settings.database_url), DISCORD, user, so_far)
            return Answer(200, msgspec.json.encode(choices(found)))

        return find

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Answer commands, buttons and forms of ours; all else is kept."""
        answerer = Answerer(connection, callbacks, at=at, settings=self.settings)
        outcomes = []
        for callback in callbacks:
            asked = heard(read(decode_object, callback.body), default=self.settings.callback_lang)
            if asked is None:
                outcomes.append(Outcome(callback.id, OutcomeWord.IGNORED, "no_command"))
            else:
                outcomes.append(answerer.answer(_question(callback, asked)))
        return outcomes


def _question(callback: Callback, asked: Heard) -> Question:
    return Question(
        callback.id,
        callback.received_at,
        chat_key(callback),
        Speaker(DISCORD, asked.user, asked.lang, private=True),
        asked.command,
        asked.arguments,
        to=ReplyTo(DISCORD_REPLY, f"{asked.application}:{callback.event_key}", asked.token),
    )


def is_webhook_event(data: dict[str, Any]) -> bool:
    """Whether it is a webhook event (type 0, or 1 with `event`) and no interaction."""
    return data.get("type") == 0 or (data.get("type") == 1 and isinstance(data.get("event"), dict))


def _is_probe(data: dict[str, Any]) -> bool:
    return data.get("type") == 0 or (data.get("type") == PING and not is_webhook_event(data))


def _event_type(data: dict[str, Any], kind: int) -> str:
    if kind == PING:
        return "ping"
    word = NAMES.get(kind, "interaction")
    inner = object_of(data.get("data"))
    name = text_of(inner.get("name")) or text_of(inner.get("custom_id"))
    return f"{word}:{name}"[:64] if name else word


class DiscordBotEventHandler(EventCallbackHandler):
    """`POST /callbacks/event/discord`: what a bot of yours saw (`on_ready`, `on_message`, `on_member_join` …).

    Newcomers are welcomed, errors of commands explained, `saldo` and `status` answered: a message with `command` (and
    `arguments`) is one that the bot took for such a command. All else is kept.
    """

    event_types = ("on_ready", "on_message", "on_command_error", "on_member_join", "on_member_remove")

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """Proved by the management token."""
        super().__init__("discord", db=db, settings=settings)

    def identify(self, request: Request) -> Identity:
        """By `id` where there is one, in order within a channel; raises UnreadableBody."""
        found = super().identify(request)
        data = object_of(self.read(request.body))
        event_key = text_of(data.get("id")) or found.event_key
        return Identity(found.event_type, event_key, text_of(data.get("channel_id")))

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Enqueue what answers them; each once, however often it is told."""
        answerer = Answerer(connection, callbacks, at=at, settings=self.settings)
        return [self._outcome(connection, callback, answerer, at) for callback in callbacks]

    def _outcome(self, connection: Connection, callback: Callback, answerer: Answerer, at: int) -> Outcome:
        lang = self.settings.callback_lang
        match meant(object_of(self.read(callback.body)), lang=lang):
            case Called() as called:
                return answerer.answer(_of_message(callback, called, lang))
            case Told() if is_late(callback.received_at, at):
                return Outcome(callback.id, OutcomeWord.IGNORED, "no_longer_answered")
            case Told() as told:
                task = reply_task(told.to, told.text, chat_key(callback), at, callback_id=callback.id)
                if enqueue(connection, [task], at):
                    return Outcome(callback.id, OutcomeWord.APPLIED, "message_enqueued")
                return Outcome(callback.id, OutcomeWord.DUPLICATE)
        return Outcome(callback.id, OutcomeWord.IGNORED, "no_command")


def _of_message(callback: Callback, called: Called, lang: Lang) -> Question:
    return Question(
        callback.id,
        callback.received_at,
        chat_key(callback),
        Speaker(DISCORD, called.user, lang, private=not called.channel),
        called.command,
        called.arguments,
        # Money is told in a direct message, whatever the event says of its channel.
        to=ReplyTo(DISCORD_BOT, f"channel:{called.channel}" if called.channel else f"user:{called.user}"),
        in_private=ReplyTo(DISCORD_BOT, f"user:{called.user}"),
    )
