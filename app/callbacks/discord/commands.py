"""The slash commands, as data: registered over HTTP for the interactions address, on a command tree for the gateway.

Source: Discord, application commands (structure, option types, localizations).
"""

from typing import Any, NamedTuple

from app.core.language import Text
from app.operate.chats.commands import LINK_BUTTON, TOPUP_BUTTON

_STRING, _INTEGER = 3, 4
_CHAT_INPUT = 1
#: Discord's own names of the two languages.
_LOCALES = {"id": "id", "en": "en-US"}

#: The command that opens the form for a code.
LINK_COMMAND = "link"
#: The form of ours, by its `custom_id`.
LINK_FORM = "link-account"
LINK_FIELD = "code"
#: What the form says, and how long a code may be.
FORM_TITLE = Text("Hubungkan akun", "Link your account")
FORM_LABEL = Text("Kode dari toko", "The shop's code")
CODE_CHARS = (4, 32)


class Option(NamedTuple):
    """One argument of a command."""

    name: str
    type: int
    description: Text
    autocomplete: bool = False
    choices: tuple[str, ...] = ()


class Command(NamedTuple):
    """One command; every option of ours is required."""

    name: str
    description: Text
    options: tuple[Option, ...] = ()


COMMANDS = (
    Command("saldo", Text("Lihat saldo Anda", "Show your balance")),
    Command(
        "status",
        Text("Lihat status pesanan Anda", "Show how an order of yours stands"),
        (Option("order_id", _STRING, Text("Nomor pesanan", "The order's number"), autocomplete=True),),
    ),
    Command(
        "topup",
        Text("Isi saldo", "Top up your balance"),
        (Option("amount", _INTEGER, Text("Jumlah dalam rupiah, mis. 50000", "Amount in rupiah, such as 50000")),),
    ),
    Command("link", Text("Hubungkan akun Anda dengan kode", "Link your account with a code")),
    Command("unlink", Text("Lepaskan akun Anda dari chat ini", "Unlink your account")),
    Command(
        "bahasa",
        Text("Pilih bahasa", "Choose the language"),
        (Option("lang", _STRING, Text("Bahasa", "Language"), choices=("id", "en")),),
    ),
)


def as_json(command: Command) -> dict[str, Any]:
    """A command as Discord's API takes it: English, with Indonesian beside it."""
    return {
        "type": _CHAT_INPUT,
        "name": command.name,
        **_described(command.description),
        "options": [_option(option) for option in command.options],
    }


def _option(option: Option) -> dict[str, Any]:
    told: dict[str, Any] = {"type": option.type, "name": option.name, "required": True}
    told |= _described(option.description)
    if option.autocomplete:
        told["autocomplete"] = True
    if option.choices:
        told["choices"] = [{"name": choice, "value": choice} for choice in option.choices]
    return told


def _described(text: Text) -> dict[str, Any]:
    return {"description": text.en, "description_localizations": {_LOCALES["id"]: text.id, _LOCALES["en"]: text.en}}


def is_ours(custom_id: str) -> bool:
    """Whether a button or form of this `custom_id` is one of ours, and not the application's own."""
    return custom_id in {LINK_BUTTON, LINK_FORM} or custom_id.startswith(TOPUP_BUTTON)
