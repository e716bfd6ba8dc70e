"""What is asked to be sent → the requests that send it, within every limit of Telegram and Discord. Pure.

Sources: Telegram Bot API, sendMessage; Discord, Execute Webhook, Embed limits, Allowed mentions.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from app.core.errors import FieldError
from app.providers.chat_text import TELEGRAM_TEXT_MAX, Markup, escape, split, units

TELEGRAM, DISCORD = "telegram", "discord"
#: Through the bot, to a channel or a user; and the answer to a slash command.
DISCORD_BOT, DISCORD_REPLY = "discord_bot", "discord_reply"

_PARTS_MAX = 20
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
_WEBHOOK_PATH = re.compile(r"/api(?:/v[0-9]{1,2})?/webhooks/([0-9A-Za-z_-]{1,32})/[0-9A-Za-z_.-]{8,128}/?")
_DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"})
#: Room for a block of code that is closed at a cut and opened again: Discord counts that too.
_FENCES = 40
_CONTENT_MAX, _DESCRIPTION_MAX = 2_000, 4_096
_NAME_MAX, _VALUE_MAX, _FIELDS_MAX = 256, 1_024, 25
_ADDRESS_MAX = 2_048
#: An embed's short texts: how long they may be, and the field inside of which they stand.
_LINES: Mapping[str, tuple[int, str]] = {
    "title": (256, ""),
    "url": (_ADDRESS_MAX, ""),
    "timestamp": (64, ""),
    "image": (_ADDRESS_MAX, "url"),
    "thumbnail": (_ADDRESS_MAX, "url"),
    "footer": (2_048, "text"),
    "author": (256, "name"),
}
_ALL_MAX = 6_000
_COLOR_MAX = 0xFFFFFF
_USERNAME_MAX = 80
_FORBIDDEN_NAMES = ("discord", "clyde")  # 400 from Discord
_NOBODY: Mapping[str, Any] = {"parse": []}


class Message(msgspec.Struct, frozen=True):
    """One message as it is kept with its task: what is posted, part after part."""

    service: str
    #: what it shares limits with, and what is shown: a chat, the number of a webhook; no secret
    destination: str
    parts: Sequence[Mapping[str, Any]]
    #: a Discord webhook's address, or an interaction's token: a secret
    address: str = ""
    sent: int = 0  # parts that are there already

    @property
    def part(self) -> Mapping[str, Any]:
        """The next one to send."""
        return self.parts[self.sent]


class Button(msgspec.Struct, frozen=True):
    """A button under a message; what pressing it sends."""

    label: str
    custom_id: str


def plain_message(
    service: str, destination: str, text: str, *, address: str = "", buttons: Sequence[Button] = ()
) -> Message:
    """A text that is shown as it is, whatever it holds, nobody mentioned.

    `destination`: a chat of Telegram's; `user:ID` or `channel:ID` of the bot's at Discord; `APPLICATION:INTERACTION`
    for the answer to a slash command, with the interaction's token as `address`.
    """
    if service == TELEGRAM:
        message = telegram_message({"chat_id": destination, "message": text})
        return _with_keyboard(message, buttons) if buttons else message
    texts = _parts(split(_as_it_is(text), "discord", _CONTENT_MAX - _FENCES), "message")
    parts: list[dict[str, Any]] = [{"content": each, "allowed_mentions": _NOBODY} for each in texts]
    if buttons:
        row = [{"type": _BUTTON, "style": _GREY, "label": each.label, "custom_id": each.custom_id} for each in buttons]
        parts[-1]["components"] = [{"type": _ROW, "components": row}]
    return Message(service, destination, parts, address)


def _with_keyboard(message: Message, buttons: Sequence[Button]) -> Message:
    row = [{"text": each.label, "callback_data": each.custom_id} for each in buttons]
    last = {**message.parts[-1], "reply_markup": {"inline_keyboard": [row]}}
    return msgspec.structs.replace(message, parts=[*message.parts[:-1], last])


def _as_it_is(text: str) -> str:
    """Escaped for Discord, but for lines that are an address: they are to be a link."""
    return "\n".join(line if _ADDRESS.fullmatch(line) else escape(line, "discord") for line in text.split("\n"))


_ADDRESS = re.compile(r"https?://[!-~]+")
#: Discord, message components.
_ROW, _BUTTON, _GREY = 1, 2, 2


def message_of(kind: str, data: Mapping[str, Any], *, discord_api: str = "") -> Message:
    """`telegram` or `discord`, and what the specification says of its data → the message. Raises FieldError."""
    if kind == TELEGRAM:
        return telegram_message(data)
    if kind == DISCORD:
        return discord_message(data, api=discord_api)
    raise FieldError("webhook_type", f"is {kind!r}; known are {TELEGRAM} and {DISCORD}")


def telegram_message(data: Mapping[str, Any]) -> Message:
    """`{chat_id, message, parse_mode?, silent?}` → one `sendMessage` a part. Raises FieldError."""
    chat = data.get("chat_id")
    chat = str(chat) if isinstance(chat, int) and not isinstance(chat, bool) else chat
    if not isinstance(chat, str) or not _CHAT.fullmatch(chat):
        raise FieldError("chat_id", "is a chat's number, or @name of a channel")
    markup = data.get("parse_mode") or ""
    if markup not in {"", "HTML", "MarkdownV2", "Markdown"}:
        raise FieldError("parse_mode", "is HTML, MarkdownV2, Markdown or empty")
    texts = _parts(split(_text(data, "message"), cast("Markup", markup), TELEGRAM_TEXT_MAX), "message")
    more: dict[str, Any] = {"parse_mode": markup} if markup else {}
    if data.get("silent") is True:
        more["disable_notification"] = True
    return Message(TELEGRAM, chat, [{"chat_id": chat, "text": text, **more} for text in texts])


def discord_message(data: Mapping[str, Any], *, api: str = "") -> Message:
    """`{webhook_url, message, title?, color?, fields?, footer?, author?, username?, url?, image?}` → its requests.

    An embed where there is more than a message; long texts go on in the next one. Nobody is mentioned unless
    `allowed_mentions` says so. `api` is DISCORD_API_URL, whose host is a webhook's too. Raises FieldError.
    """
    address, number = _webhook(data.get("webhook_url"), api)
    shared: dict[str, Any] = {"allowed_mentions": _mentions(data.get("allowed_mentions"))}
    if username := _line(data, "username", _USERNAME_MAX):
        if any(word in username.lower() for word in _FORBIDDEN_NAMES):
            raise FieldError("username", "may not hold the words discord and clyde: Discord refuses them")
        shared["username"] = username
    embed = _embed(data)
    if not embed:
        texts = _parts(split(_text(data, "message"), "discord", _CONTENT_MAX - _FENCES), "message")
        return Message(DISCORD, number, [{"content": text, **shared} for text in texts], address)
    room = min(_DESCRIPTION_MAX, _ALL_MAX - _length(embed)) - _FENCES
    told = data.get("message")
    texts = _parts(split(_text(data, "message"), "discord", room), "message") if told else [""]
    bodies = []
    for place, text in enumerate(texts):
        # What stands around a text stands around its first part; the colour holds them together.
        around = embed if place == 0 else {name: embed[name] for name in ("color",) if name in embed}
        bodies.append({"embeds": [{**around, **({"description": text} if text else {})}], **shared})
    return Message(DISCORD, number, bodies, address)


def _parts(texts: list[str], field: str) -> list[str]:
    if not texts:
        raise FieldError(field, "is empty")
    if len(texts) > _PARTS_MAX:
        raise FieldError(field, f"is too long: it would be {len(texts)} messages, at most {_PARTS_MAX} are sent")
    return texts


def _embed(data: Mapping[str, Any]) -> dict[str, Any]:
    embed: dict[str, Any] = {}
    for name, (most, inner) in _LINES.items():
        if told := _line(data, name, most):
            embed[name] = {inner: told} if inner else told
    if (color := data.get("color")) is not None:
        embed["color"] = _color(color)
    if fields := _fields(data.get("fields")):
        embed["fields"] = fields
    if _length(embed) > _ALL_MAX - _FENCES - 1:
        raise FieldError("fields", f"title, fields, footer and author together are longer than {_ALL_MAX}")
    return embed


def _fields(told: Any) -> list[dict[str, Any]]:
    if told is None:
        return []
    if not isinstance(told, list) or len(told) > _FIELDS_MAX or not all(isinstance(each, dict) for each in told):
        raise FieldError("fields", f"is a list of at most {_FIELDS_MAX} objects with name and value")
    fields = []
    for place, each in enumerate(told):
        name, value = _line(each, "name", _NAME_MAX), _line(each, "value", _VALUE_MAX)
        if not name or not value:
            raise FieldError(f"fields[{place}]", "needs name and value")
        fields.append({"name": name, "value": value, "inline": each.get("inline") is True})
    return fields


def _length(embed: Mapping[str, Any]) -> int:
    """What Discord adds up: title, names and values of fields, footer, author."""
    texts = [embed.get("title", ""), embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
    for field in embed.get("fields", ()):
        texts += [field["name"], field["value"]]
    return sum(map(units, texts))


def _color(told: Any) -> int:
    if isinstance(told, str) and re.fullmatch(r"(?:#|0x)?[0-9A-Fa-f]{6}", told):
        return int(told[-6:], 16)
    if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _COLOR_MAX:
        return told
    raise FieldError("color", 'is a number up to 16777215, or text such as "#00ff00"')


def _mentions(told: Any) -> Mapping[str, Any]:
    if told is None:
        return _NOBODY
    if not isinstance(told, dict) or set(told) - {"parse", "users", "roles", "replied_user"}:
        raise FieldError("allowed_mentions", "is an object of Discord's form; leave it out and nobody is mentioned")
    return told


def _webhook(told: Any, api: str) -> tuple[str, str]:
    """The address and its number; the reason never names it, for it is a secret."""
    reason = "is the address of a Discord webhook: https://discord.com/api/webhooks/…"
    try:
        parts = urlsplit(told) if isinstance(told, str) else None
        host, port = (parts.hostname, parts.port) if parts is not None else (None, None)
    except ValueError:
        raise FieldError("webhook_url", reason) from None
    if parts is None or host is None or parts.username is not None or not str(told).isprintable():
        raise FieldError("webhook_url", reason)
    ours = urlsplit(api)
    known = (parts.scheme == "https" and host in _DISCORD_HOSTS and port in {None, 443}) or (
        bool(api) and (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
    )
    found = _WEBHOOK_PATH.fullmatch(parts.path)
    if not known or found is None:
        raise FieldError("webhook_url", reason)
    return str(told), found[1]


def _text(data: Mapping[str, Any], field: str) -> str:
    told = data.get(field)
    if not isinstance(told, str):
        raise FieldError(field, "is a text")
    try:
        told.encode()
    except UnicodeEncodeError:
        raise FieldError(field, "holds half a character, which nobody can send") from None
    return told.replace("\0", "")


def _line(data: Mapping[str, Any], field: str, most: int) -> str:
    """A short text, cut with an ellipsis where it is too long; "" where there is none. Raises FieldError."""
    if data.get(field) is None:
        return ""
    text = _text(data, field).strip()
    if units(text) <= most:
        return text
    while units(text) > most - 1:
        text = text[: most - 1 if len(text) > most - 1 else -1]
    return text + "…"
