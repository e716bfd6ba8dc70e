"""What an update of Telegram's says: a command and who gave it, a chat that is gone, a group that moved. Pure.

Source: Telegram Bot API, Update, Message, ChatMemberUpdated; bots' commands in groups.
"""

import re
from typing import Any

import msgspec

from app.callbacks.base.reading import line_of, object_of, text_of
from app.core.language import Lang
from app.operate.chats.commands import TOPUP_BUTTON
from app.operate.codes import told_code

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,32}))?(?:\s+(.*))?", re.DOTALL)
#: What is meant for us in a group though it names no bot; the one with a code is refused there, and voids it.
_IN_GROUPS = frozenset({"saldo", "status", "topup", "unlink", "bahasa", "start", "link"})
_NUMBER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_DATE_END = 10**11  # seconds
_GONE = frozenset({"kicked", "left"})
_BUTTON = re.compile(re.escape(TOPUP_BUTTON) + r"([0-9]{1,10})")
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
    at: int  # microseconds; the sender's clock has whole seconds


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
            moved = text_of(inner.get("migrate_to_chat_id"))
            if _NUMBER.fullmatch(moved):
                return Moved(chat_of(inner), moved)
            return _command(inner, bot_name, default)
        case "callback_query":
            return _pressed(inner, default)
        case "my_chat_member":
            status, date = object_of(inner.get("new_chat_member")).get("status"), inner.get("date")
            if isinstance(status, str) and status in _GONE and isinstance(date, int) and 0 <= date < _DATE_END:
                return Blocked(chat_of(inner), date * 1_000_000)
    return None


def _command(message: dict[str, Any], bot_name: str, default: Lang) -> Heard | None:
    text, sender = message.get("text"), object_of(message.get("from"))
    found = _COMMAND.fullmatch(text.strip()) if isinstance(text, str) else None
    user = _person(sender)
    if not user or _is_anothers(message):
        return None
    private, chat = object_of(message.get("chat")).get("type") == "private", chat_of(message)
    if private and chat != user:
        return None
    if found is None:
        code = told_code(text) if private and isinstance(text, str) else ""
        return Heard("start", code, user, chat, private, _lang(sender, default)) if code else None
    addressed = found[2] or ""
    if addressed and bot_name and addressed.lower() != bot_name.lower().removeprefix("@"):
        return None
    command = found[1].lower()
    if not private and command not in _IN_GROUPS and not (addressed and bot_name):
        return None  # there are other bots in groups, with commands of theirs
    arguments = line_of(found[3] or "", chars_max=ARGUMENTS_CHARS_MAX).strip()
    return Heard(command, arguments, user, chat, private, _lang(sender, default))


def _is_anothers(message: dict[str, Any]) -> bool:
    """Whether it was written by somebody else than who sends it: forwarded, or as a group or a channel."""
    return any(name in message for name in ("sender_chat", "forward_origin", "forward_date"))


def written(update: dict[str, Any]) -> str:
    """What somebody wrote in this update: a message's text, or a picture's caption."""
    inner = object_of(update.get(kind_of(update)))
    return " ".join(told for told in (inner.get("text"), inner.get("caption")) if isinstance(told, str))


def _pressed(query: dict[str, Any], default: Lang) -> Heard | None:
    """A button of ours."""
    data, sender = query.get("data"), object_of(query.get("from"))
    found = _BUTTON.fullmatch(data) if isinstance(data, str) else None
    user, message = _person(sender), object_of(query.get("message"))
    if found is None or not user:
        return None
    private = object_of(message.get("chat")).get("type") == "private"
    return Heard("topup", found[1], user, chat_of(query), private, _lang(sender, default))


def _person(sender: dict[str, Any]) -> str:
    number = text_of(sender.get("id"))
    return number if sender.get("is_bot") is not True and _NUMBER.fullmatch(number) else ""


def _lang(sender: dict[str, Any], default: Lang) -> Lang:
    told = text_of(sender.get("language_code")).partition("-")[0]
    if told == "id":
        return "id"
    return "en" if told == "en" else default
