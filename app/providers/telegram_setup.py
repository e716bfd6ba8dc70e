"""Setting up a Telegram bot: where its updates go, what proves them, which kinds come, and its menu of commands.

Sources: Telegram Bot API (setWebhook, WebhookInfo, Update, setMyCommands; Using a Local Bot API Server).
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2
import msgspec

from app.core.errors import FieldError
from app.core.language import Text
from app.providers.bot_setup import Service, SetupAnswer, ask

#: The token is part of the address: where it is wrong, there is no such address.
TELEGRAM = Service("Telegram", "description", frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}))
#: Where our server takes updates.
PATH = "/callbacks/webhook/telegram"
MAX_CONNECTIONS = 40

#: Every kind of Update. An empty list would leave out chat_member, message_reaction and message_reaction_count.
UPDATE_KINDS = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
    "subscription",
)

#: What stands in the bot's menu.
MENU: Mapping[str, Text] = {
    "start": Text("Mulai, dan hubungkan akun Anda", "Begin, and link your account"),
    "saldo": Text("Lihat saldo Anda", "Show your balance"),
    "status": Text("Lihat status pesanan Anda", "Show how an order of yours stands"),
    "topup": Text("Isi saldo", "Top up your balance"),
    "unlink": Text("Lepaskan akun Anda dari chat ini", "Unlink your account"),
    "bahasa": Text("Pilih bahasa", "Choose the language"),
}

_OFFICIAL = "api.telegram.org"
_PORTS = (443, 80, 88, 8443)
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_SECRET_CHARS_MAX = 256


async def call(
    client: httpx2.AsyncClient, base_url: str, token: str, method: str, fields: Mapping[str, Any] | None = None
) -> SetupAnswer:
    """One method of the Bot API → its `result`; never raises, and never names the address, which holds the token."""
    url = f"{base_url.rstrip('/')}/bot{token}/{method}"
    answer = await ask(client, TELEGRAM, "POST", url, secret=token, fields=fields or {})
    if answer.kind != "told":
        return answer
    if not isinstance(answer.told, dict) or answer.told.get("ok") is not True:
        return SetupAnswer("unavailable", detail=f"{answer.detail}: the answer is not one of the Bot API")
    return msgspec.structs.replace(answer, told=answer.told.get("result"))


def webhook_fields(url: str, secret: str, *, drop_pending: bool) -> dict[str, Any]:
    """What setWebhook is given."""
    return {
        "url": url,
        "secret_token": secret,
        "allowed_updates": list(UPDATE_KINDS),
        "max_connections": MAX_CONNECTIONS,
        "drop_pending_updates": drop_pending,
    }


def menu_fields(lang: str) -> dict[str, Any]:
    """What setMyCommands is given: `id` for people whose Telegram is Indonesian, `en` for all others."""
    commands = [{"command": name, "description": getattr(text, lang)} for name, text in MENU.items()]
    told: dict[str, Any] = {"commands": commands, "scope": {"type": "all_private_chats"}}
    return told if lang == "en" else {**told, "language_code": lang}


def is_official(base_url: str) -> bool:
    """Whether this is Telegram's own Bot API, and not a server of one's own."""
    try:
        return urlsplit(base_url).hostname == _OFFICIAL
    except ValueError:
        return False


def webhook_address(typed: str, *, official: bool) -> str:
    """The address that Telegram is to call, with our path where none was typed. Raises FieldError.

    `https://shop.example` → `https://shop.example/callbacks/webhook/telegram`. Telegram calls https at the ports 443,
    80, 88 and 8443 only; a Bot API server of one's own (`official` false) also http, at any port.
    """
    if not typed.isprintable() or " " in typed:
        raise FieldError("URL", "has a space or a sign in it that no address has")
    parts, port = _parsed(typed)
    if parts.scheme != "https" and (official or parts.scheme != "http"):
        raise FieldError("URL", "must begin with https:// (Telegram calls nothing else), such as https://shop.example")
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise FieldError("URL", "must be a host's address without user or fragment, such as https://shop.example")
    if official and port not in {None, *_PORTS}:
        raise FieldError("URL", f"Telegram calls the ports 443, 80, 88 and 8443 only, not {port}")
    if parts.path in {"", "/"}:
        parts = parts._replace(path=PATH)
    return parts.geturl()


def _parsed(typed: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(typed)
        port = parts.port
    except ValueError as error:
        raise FieldError("URL", f"cannot be read: {error}") from None
    return parts, port


def secret_trouble(secret: str) -> str:
    """Why Telegram does not take this secret_token, as the rest of a sentence without its value; empty when it does."""
    if _SECRET.fullmatch(secret):
        return ""
    if len(secret) > _SECRET_CHARS_MAX:
        return f"it has {len(secret)} characters, and Telegram takes {_SECRET_CHARS_MAX} at most"
    return "it has a character that Telegram does not take; allowed are A-Z a-z 0-9 _ -"
