"""Other channels by name (e-mail, WhatsApp, …): what CALLBACK_CHANNELS says, and one message to one of them. Pure.

A channel is an address of the library apprise with `{address}` in the place of whoever receives. Such an address holds
passwords: no error here tells any of it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from pydantic import SecretStr

from app.core.errors import FieldError, StartRefused

SETTING = "CALLBACK_CHANNELS"
PLACE = "{address}"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
#: Kinds of tasks, and types of notifications that are something else.
RESERVED = frozenset(
    {"telegram", "discord", "discord_bot", "discord_reply", "snap", "ask", "handler", "notification", "channel"}
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_RECIPIENT_CHARS_MAX, _TITLE_CHARS_MAX, _TEXT_CHARS_MAX = 256, 200, 30_000
#: What separates recipients, or parts of an address once a provider has decoded it: apprise decodes some of them twice.
_SEPARATING = frozenset(' ,;/\\?#&%<>"`|(){}[]')


class OtherMessage(msgspec.Struct, frozen=True):
    """One message as it is kept with its task; text without markup."""

    channel: str
    address: str
    text: str
    title: str = ""

    @property
    def service(self) -> str:
        """What its callback is of."""
        return self.channel

    @property
    def destination(self) -> str:
        """What it stays in order with."""
        return self.address


def channels_of(setting: SecretStr | None) -> Mapping[str, str]:
    """The setting as it was read → its channels; none where it is not set. Raises StartRefused."""
    return channels_from(setting.get_secret_value()) if setting is not None else {}


def channels_from(text: str) -> Mapping[str, str]:
    """`{"email": "mailtos://…&to={address}"}` → the same as a mapping; raises StartRefused, never with an address."""
    if not text.strip():
        return {}
    try:
        told = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise StartRefused(f'{SETTING} is not JSON of the form {{"email": "mailtos://…"}}') from None
    if not isinstance(told, dict):
        raise StartRefused(f'{SETTING} is not a JSON object of the form {{"email": "mailtos://…"}}')
    for name, template in told.items():
        if reason := _refusal(name, template):
            raise StartRefused(f"{SETTING}: channel {name[:40]!r} {reason}")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise StartRefused(f"{SETTING} names a channel twice")
    return told


def _refusal(name: str, template: Any) -> str:
    """Why this cannot be a channel, as the rest of a sentence."""
    if not _NAME.fullmatch(name):
        return "needs a name of at most 32 letters a-z, digits, - and _, that begins with a letter"
    if name in RESERVED:
        return "has a name that is taken"
    if not isinstance(template, str) or not (scheme := _SCHEME.match(template)) or not template.isprintable():
        return "is not an address of apprise such as mailtos://…"
    rest = template[scheme.end() :]
    places = [found.start() for found in re.finditer(re.escape(PLACE), rest)]
    if not places:
        return f"has no {PLACE}, where its recipients go"
    host = re.match(r"[^/?#]*", rest)
    if host is not None and places[0] < host.end():
        return f"has {PLACE} in the place of the host: whoever receives would say where it goes"
    _, _, query = rest.partition("?")
    if any(PLACE in pair.partition("=")[0] for pair in re.split("[&;]", query)):
        return f"has {PLACE} in the place of a parameter's name"
    return ""


def address_for(template: str, recipient: str) -> str:
    """The address of apprise that leads to this recipient, who is percent-encoded whole. Raises FieldError."""
    return template.replace(PLACE, quote(recipient_of(recipient), safe=""))


def recipient_of(told: Any) -> str:
    """Exactly one recipient, as text: no list, nothing that could lead elsewhere. Raises FieldError without it."""
    if not isinstance(told, str) or not told.strip():
        raise FieldError("address", "is a text: whom the message is for")
    if len(told) > _RECIPIENT_CHARS_MAX:
        raise FieldError("address", f"is longer than {_RECIPIENT_CHARS_MAX} characters")
    if not told.isprintable():
        raise FieldError("address", "holds characters that cannot be printed")
    if not _SEPARATING.isdisjoint(told) or set(told) == {"."}:
        raise FieldError("address", "is one recipient: without blanks, commas, slashes and the like")
    return told


def other_message(channel: str, data: Mapping[str, Any]) -> OtherMessage:
    """`{address, message, title?}` → a message; a title is one line. Raises FieldError."""
    address = recipient_of(data.get("address"))
    text = _text(data.get("message"), "message").strip()
    if not text:
        raise FieldError("message", "is empty")
    if len(text) > _TEXT_CHARS_MAX:
        raise FieldError("message", f"is longer than {_TEXT_CHARS_MAX} characters")
    told = data.get("title")
    title = "" if told is None else _text(told, "title")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in title).split())
    return OtherMessage(
        channel, address, text, line if len(line) <= _TITLE_CHARS_MAX else line[: _TITLE_CHARS_MAX - 1] + "…"
    )


def _text(told: Any, field: str) -> str:
    if not isinstance(told, str):
        raise FieldError(field, "is a text")
    try:
        told.encode()
    except UnicodeEncodeError:
        raise FieldError(field, "holds half a character, which nobody can send") from None
    return told.replace("\0", "")
