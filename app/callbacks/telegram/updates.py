"""What an update of Telegram's says: a command and who gave it, a chat that is gone, a group that moved. Pure.

Source: Telegram Bot API, Update, Message, ChatMemberUpdated; bots' commands in groups.
"""

import re
from typing import Any

import msgspec

from app.callbacks.base.reading import line_of, object_of, text_of
from app.core.language import Lang

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,32}))?(?:\s+(.*))?", re.DOTALL)
_GONE = frozenset({"kicked", "left"})
_BUTTON = re.compile(r"(topup):([0-9]{1,10})")
ARGUMENTS_CHARS_MAX = 200


class Heard(msgspec.Struct, frozen=True):
    """A command."""

    command: str  # small letters, without slash
    arguments: str
    user: str
    chat: str
    private: bool
    lang: Lang


class Moved(msgspec.Struct, frozen=True):
    """A group that became a supergroup."""

    chat: str
    to: str


class Blocked(msgspec.Struct, frozen=True):
    """A user who blocked the bot, or a group that sent it away."""

    chat: str


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


def said(update: dict[str, Any], *, bot_name: str, default: Lang) -> Heard | Moved | Blocked | None:
    """What this update means to us; None: nothing. `bot_name`: ours, "" answers to any; `default`: a language."""
    kind = kind_of(update)
    inner = object_of(update.get(kind))
    match kind:
        case "message":
            if moved := text_of(inner.get("migrate_to_chat_id")):
                return Moved(chat_of(inner), moved)
            return _command(inner, bot_name, default)
        case "callback_query":
            return _pressed(inner, default)
        case "my_chat_member":
            status = object_of(inner.get("new_chat_member")).get("status")
            return Blocked(chat_of(inner)) if status in _GONE else None
    return None


def _command(message: dict[str, Any], bot_name: str, default: Lang) -> Heard | None:
    text, sender = message.get("text"), object_of(message.get("from"))
    found = _COMMAND.fullmatch(text.strip()) if isinstance(text, str) else None
    user = _person(sender)
    # Who speaks as a group or a channel is nobody in particular.
    if found is None or not user or "sender_chat" in message:
        return None
    addressed = found[2] or ""
    if addressed and bot_name and addressed.lower() != bot_name.lower().removeprefix("@"):
        return None
    arguments = line_of(found[3] or "", chars_max=ARGUMENTS_CHARS_MAX).strip()
    private = object_of(message.get("chat")).get("type") == "private"
    return Heard(found[1].lower(), arguments, user, chat_of(message), private, _lang(sender, default))


def _pressed(query: dict[str, Any], default: Lang) -> Heard | None:
    """A button of ours."""
    data, sender = query.get("data"), object_of(query.get("from"))
    found = _BUTTON.fullmatch(data) if isinstance(data, str) else None
    user, message = _person(sender), object_of(query.get("message"))
    if found is None or not user:
        return None
    private = object_of(message.get("chat")).get("type") == "private"
    return Heard(found[1], found[2], user, chat_of(query), private, _lang(sender, default))


def _person(sender: dict[str, Any]) -> str:
    return "" if sender.get("is_bot") is True else text_of(sender.get("id"))


def _lang(sender: dict[str, Any], default: Lang) -> Lang:
    told = text_of(sender.get("language_code")).partition("-")[0]
    if told == "id":
        return "id"
    return "en" if told == "en" else default
