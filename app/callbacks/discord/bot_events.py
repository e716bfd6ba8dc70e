"""What a bot's event asks for: a command to answer, somebody to welcome, an error to explain. Pure.

The events are those of `setup_discord_handlers`, and of any other program that sends the same form.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.callbacks.base.reading import line_of, object_of, text_of
from app.core.language import Lang, Text
from app.operate.chats.messaging import ReplyTo
from app.operate.chats.texts import say
from app.operate.texts import fill
from app.providers.chat_messages import DISCORD_BOT

_ARGUMENTS_CHARS_MAX = 200
_NAME_CHARS_MAX = 64
_SECONDS_MAX = 86_400.0

#: Why a command was not carried out, by the name of discord.py's exception; a base class stands after its children.
ERRORS: Mapping[str, Text] = {
    "CommandNotFound": Text(
        "Perintah {command} tidak ada. Coba !saldo atau !status NOMOR.",
        "There is no command {command}. Try !saldo or !status ORDER.",
    ),
    "MissingRequiredArgument": Text(
        "{parameter} belum diisi. Tulis lagi: !{command} {parameter}",
        "{parameter} is missing. Write it again: !{command} {parameter}",
    ),
    "TooManyArguments": Text("Terlalu banyak yang ditulis setelah {command}.", "Too much stands after {command}."),
    "BadArgument": Text("{parameter} tidak dikenali.", "{parameter} cannot be read."),
    "CommandOnCooldown": Text(
        "Terlalu sering. Coba lagi dalam {retry_after} detik.", "Too often. Try again in {retry_after} seconds."
    ),
    "MissingPermissions": Text("Anda perlu izin: {missing}.", "You need the permission: {missing}."),
    "BotMissingPermissions": Text("Bot perlu izin: {missing}.", "The bot needs the permission: {missing}."),
    "NoPrivateMessage": Text("Perintah ini hanya bisa dipakai di server.", "This command is for servers only."),
    "PrivateMessageOnly": Text(
        "Perintah ini hanya bisa dipakai di chat pribadi.", "This command is for private chats."
    ),
    "DisabledCommand": Text("Perintah ini sedang dinonaktifkan.", "This command is switched off at the moment."),
    "CheckFailure": Text("Anda tidak punya izin untuk perintah ini.", "You may not use this command."),
}
_OTHERWISE = Text(
    "Perintah {command} gagal. Kesalahannya sudah dicatat; coba lagi nanti.",
    "The command {command} failed. The error is noted; try again later.",
)


class Called(msgspec.Struct, frozen=True):
    """A prefix command of ours."""

    command: str
    arguments: str
    user: str
    #: of a server; "" in private
    channel: str


class Told(msgspec.Struct, frozen=True):
    """A text that answers an event by itself."""

    to: ReplyTo
    text: str


def meant(data: Mapping[str, Any], *, lang: Lang) -> Called | Told | None:
    """What this event asks for; None: nothing, it is kept."""
    match data.get("event_type"):
        case "on_message":
            return _called(data)
        case "on_member_join":
            return _welcome(data, lang)
        case "on_command_error" if data.get("explain") is True:
            return _explained(data, lang)
    return None


def _called(data: Mapping[str, Any]) -> Called | None:
    command, user, channel = text_of(data.get("command")), _person(data), text_of(data.get("channel_id"))
    if not command or not user.isdecimal() or object_of(data.get("author")).get("bot") is True:
        return None
    arguments = line_of(data.get("arguments"), chars_max=_ARGUMENTS_CHARS_MAX).strip()
    in_server = channel.isdecimal() and not _is_private(data)
    return Called(command, arguments, user, channel if in_server else "")


def _welcome(data: Mapping[str, Any], lang: Lang) -> Told | None:
    who, channel = object_of(data.get("user")), text_of(data.get("channel_id"))
    user = text_of(who.get("id"))
    if who.get("bot") is True:
        return None
    place = f"channel:{channel}" if channel.isdecimal() else f"user:{user}" if user.isdecimal() else ""
    name = line_of(who.get("name"), chars_max=_NAME_CHARS_MAX)
    return Told(ReplyTo(DISCORD_BOT, place), say("welcome", lang, name=name)) if place else None


def _explained(data: Mapping[str, Any], lang: Lang) -> Told | None:
    channel, error = text_of(data.get("channel_id")), text_of(data.get("error"))
    # Other bots of a server may know the command: only in private it was surely for us.
    if not channel.isdecimal() or (error == "CommandNotFound" and not _is_private(data)):
        return None
    missing = data.get("missing")
    values = {
        "command": line_of(data.get("command"), chars_max=_NAME_CHARS_MAX),
        "parameter": line_of(data.get("parameter"), chars_max=_NAME_CHARS_MAX),
        "retry_after": text_of(data.get("retry_after")) or _rounded(data.get("retry_after")),
        "missing": ", ".join(text_of(each) for each in missing[:10]) if isinstance(missing, list) else "",
    }
    return Told(ReplyTo(DISCORD_BOT, f"channel:{channel}"), fill(ERRORS.get(error, _OTHERWISE), values, lang))


def _rounded(seconds: Any) -> str:
    return f"{min(seconds, _SECONDS_MAX):.0f}" if isinstance(seconds, float) else "?"


def _person(data: Mapping[str, Any]) -> str:
    return text_of(object_of(data.get("author")).get("id"))


def _is_private(data: Mapping[str, Any]) -> bool:
    return not data.get("guild_id")
