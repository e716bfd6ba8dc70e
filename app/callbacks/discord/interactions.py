"""What an interaction says, and what it is told at once: a form, or that an answer will come. Pure.

Source: Discord, receiving and responding to interactions (types, callback types, message flags), message components.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from app.callbacks.base.reading import line_of, object_of, text_of
from app.callbacks.discord.commands import (
    CODE_CHARS,
    COMMANDS,
    FORM_LABEL,
    FORM_TITLE,
    LINK_COMMAND,
    LINK_FIELD,
    LINK_FORM,
)
from app.core.language import Lang
from app.operate.chats.commands import LINK_BUTTON, TOPUP_BUTTON
from app.operate.chats.texts import say

PING, COMMAND, COMPONENT, AUTOCOMPLETE, FORM = 1, 2, 3, 4, 5
NAMES: Mapping[int, str] = {
    PING: "ping",
    COMMAND: "command",
    COMPONENT: "component",
    AUTOCOMPLETE: "autocomplete",
    FORM: "modal",
}
_MESSAGE, _WILL_ANSWER, _WILL_CHANGE, _MODAL = 4, 5, 6, 9
_CHOICES = 8
#: Only who asked sees the answer: nobody else sees a balance, whatever the channel.
EPHEMERAL = 64
#: `/link` opens a form, and that is what comes back with a code.
_ANSWERED = {command.name for command in COMMANDS} - {LINK_COMMAND}
_OPEN_THE_FORM = ((COMMAND, LINK_COMMAND), (COMPONENT, LINK_BUTTON))
_ARGUMENTS_CHARS_MAX = 200
_CHOICE_CHARS_MAX, _CHOICES_MAX = 100, 25
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_TOKEN = re.compile(r"[0-9A-Za-z_.=-]{8,512}")
_ROW, _TEXT_INPUT, _SHORT = 1, 4, 1


class Heard(msgspec.Struct, frozen=True):
    """A command, a button or a form of ours."""

    command: str
    arguments: str
    user: str
    application: str
    token: str  # a secret for a quarter of an hour
    lang: Lang


def heard(data: Mapping[str, Any], *, default: Lang) -> Heard | None:
    """What this interaction asks for; None: nothing that is ours."""
    command, arguments = _asked(data)
    user, application = user_of(data), text_of(data.get("application_id"))
    token = data.get("token")
    if not command or not _NUMBER.fullmatch(user) or not _NUMBER.fullmatch(application):
        return None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    return Heard(command, arguments, user, application, token, lang_of(data, default))


def at_once(data: Mapping[str, Any], *, default: Lang) -> dict[str, Any]:
    """The first answer, due within three seconds: the form for a code, "is thinking", or that it is not known."""
    lang, inner = lang_of(data, default), object_of(data.get("data"))
    if (data.get("type"), inner.get("name" if data.get("type") == COMMAND else "custom_id")) in _OPEN_THE_FORM:
        return _form(lang)
    if heard(data, default=default) is not None:
        return {"type": _WILL_ANSWER, "data": {"flags": EPHEMERAL}}
    if data.get("type") == COMPONENT:
        return {"type": _WILL_CHANGE}
    name = line_of(inner.get("name"), chars_max=32)
    told = say("unknown_command", lang, command=name) if name else say("help", lang)
    return {"type": _MESSAGE, "data": {"content": told, "flags": EPHEMERAL}}


def _form(lang: Lang) -> dict[str, Any]:
    least, most = CODE_CHARS
    field = {"type": _TEXT_INPUT, "custom_id": LINK_FIELD, "style": _SHORT, "label": getattr(FORM_LABEL, lang)}
    rows = [{"type": _ROW, "components": [{**field, "min_length": least, "max_length": most, "required": True}]}]
    return {"type": _MODAL, "data": {"custom_id": LINK_FORM, "title": getattr(FORM_TITLE, lang), "components": rows}}


def choices(found: list[str]) -> dict[str, Any]:
    """The answer to an autocomplete."""
    fitting = [each for each in found if len(each) <= _CHOICE_CHARS_MAX][:_CHOICES_MAX]
    return {"type": _CHOICES, "data": {"choices": [{"name": each, "value": each} for each in fitting]}}


def typed(data: Mapping[str, Any]) -> str:
    """What has been typed into the argument that wants completing."""
    options = object_of(data.get("data")).get("options")
    focused = (each for each in _objects(options) if each.get("focused") is True)
    return text_of(next(focused, {}).get("value"))


def _asked(data: Mapping[str, Any]) -> tuple[str, str]:
    """Command and arguments, ("", "") where it is none of ours."""
    inner, kind = object_of(data.get("data")), data.get("type")
    if kind == COMMAND:
        name = text_of(inner.get("name"))
        values = [line_of(each.get("value"), chars_max=_ARGUMENTS_CHARS_MAX) for each in _objects(inner.get("options"))]
        return (name, " ".join(values).strip()) if name in _ANSWERED else ("", "")
    custom_id = text_of(inner.get("custom_id"))
    if kind == COMPONENT and custom_id.startswith(TOPUP_BUTTON):
        return "topup", custom_id.removeprefix(TOPUP_BUTTON)
    if kind == FORM and custom_id == LINK_FORM:
        return "link", _field(inner.get("components"))
    return "", ""


def _field(rows: Any) -> str:
    fields = [field for row in _objects(rows) for field in _objects(row.get("components"))]
    code = next((field.get("value") for field in fields if field.get("custom_id") == LINK_FIELD), "")
    return line_of(code, chars_max=_ARGUMENTS_CHARS_MAX).strip() or "-"  # an empty form is a wrong code, no question


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def user_of(data: Mapping[str, Any]) -> str:
    """Who did it, in a server or not; also of webhook events."""
    for holder in (data, object_of(data.get("member")), object_of(data.get("data"))):
        user_id = text_of(object_of(holder.get("user")).get("id"))
        if user_id:
            return user_id
    return ""


def lang_of(data: Mapping[str, Any], default: Lang) -> Lang:
    """What the user's Discord speaks, where we speak it too."""
    told = text_of(data.get("locale")).partition("-")[0]
    if told == "id":
        return "id"
    return "en" if told == "en" else default
