"""Setting up the Telegram bot: telling Telegram where our server is, and looking at what it knows of it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pydantic import Field

from app.core.config import Settings, usable_secrets
from app.core.errors import ExternalAPIError, StartRefused
from app.core.language import Text
from app.core.telemetry import hide, redact
from app.operate.checkup.finding import Finding, FindingShown, shown, warn, wrong
from app.operate.setting_up import token_of, told_by
from app.operate.shown import Shown, time_text
from app.providers import telegram_setup as telegram
from app.providers.bot_setup import number_of, text_of
from app.providers.outgoing import open_client

_WHERE = "@BotFather gives it, at /newbot or /mybots"
_RECENT_SECONDS = 3600
_LAST_SECOND = 253_402_300_799  # of the year 9999


class TelegramWebhookShown(Shown):
    """What was set, or that it was taken away."""

    username: str = Field(description="The bot's, without @.")
    url: str = Field(description="Where updates go; empty after deletion.")
    pending_dropped: bool
    allowed_updates: list[str]
    commands: list[str] = Field(description="The bot's menu.")


class TelegramShown(Shown):
    """The bot, and what Telegram says of its webhook."""

    username: str
    url: str
    pending_update_count: int = Field(description="Updates that Telegram holds back until our server takes them.")
    last_error_at: str = Field(description="UTC; empty when there was none.")
    last_error: str
    allowed_updates: list[str] = Field(description="Empty: all but chat_member and the two of reactions.")
    findings: list[FindingShown]


async def set_webhook(settings: Settings, url: str, *, drop_pending: bool) -> TelegramWebhookShown:
    """Let updates come to our server at `url`, proved by the first secret, and set the bot's menu.

    Raises StartRefused (no token, no secret, one that Telegram does not take), FieldError (the address),
    ExternalAPIError (Telegram said no, or was not reached). To repeat it is harmless.
    """
    token = token_of(settings, "telegram_bot_token", _WHERE)
    secret = _secret(settings)
    address = telegram.webhook_address(url.strip(), official=telegram.is_official(settings.telegram_api_url))
    async with open_client(public_only=False) as client:
        bot = await _call(client, settings, token, "getMe")
        fields = telegram.webhook_fields(address, secret, drop_pending=drop_pending)
        await _call(client, settings, token, "setWebhook", fields)
        try:
            for lang in ("en", "id"):
                await _call(client, settings, token, "setMyCommands", telegram.menu_fields(lang))
        except ExternalAPIError as error:
            raise ExternalAPIError(f"the webhook is set, the menu is not: {error}") from None
    return TelegramWebhookShown(
        username=text_of(bot, "username"),
        url=redact(address),
        pending_dropped=drop_pending,
        allowed_updates=list(telegram.UPDATE_KINDS),
        commands=list(telegram.MENU),
    )


async def delete_webhook(settings: Settings, *, drop_pending: bool) -> TelegramWebhookShown:
    """Let no updates come any more; Telegram holds them for 24 hours. Raises StartRefused, ExternalAPIError."""
    token = token_of(settings, "telegram_bot_token", _WHERE)
    async with open_client(public_only=False) as client:
        bot = await _call(client, settings, token, "getMe")
        await _call(client, settings, token, "deleteWebhook", {"drop_pending_updates": drop_pending})
    return TelegramWebhookShown(
        username=text_of(bot, "username"), url="", pending_dropped=drop_pending, allowed_updates=[], commands=[]
    )


async def show(settings: Settings, *, at: int) -> TelegramShown:
    """Ask Telegram about the bot and its webhook, and say what is wrong. Raises StartRefused, ExternalAPIError."""
    token = token_of(settings, "telegram_bot_token", _WHERE)
    async with open_client(public_only=False) as client:
        bot = await _call(client, settings, token, "getMe")
        info = await _call(client, settings, token, "getWebhookInfo")
    kinds = info.get("allowed_updates") if isinstance(info, dict) else None
    return TelegramShown(
        username=text_of(bot, "username"),
        url=redact(text_of(info, "url")),
        pending_update_count=number_of(info, "pending_update_count") or 0,
        last_error_at=_time(info),
        last_error=redact(text_of(info, "last_error_message")),
        allowed_updates=[kind for kind in kinds if isinstance(kind, str)] if isinstance(kinds, list) else [],
        findings=[shown(finding, settings.callback_lang) for finding in _findings(settings, bot, info, at)],
    )


async def _call(
    client: httpx2.AsyncClient, settings: Settings, token: str, method: str, fields: dict[str, Any] | None = None
) -> Any:
    heard = await telegram.call(client, settings.telegram_api_url, token, method, fields)
    return told_by("Telegram", "telegram_bot_token", heard)


def _secret(settings: Settings) -> str:
    secrets = usable_secrets(settings.telegram_webhook_secret)
    if not secrets:
        raise StartRefused(
            "TELEGRAM_WEBHOOK_SECRET is not set, so nobody could tell Telegram's updates from forged ones; put what"
            " `openssl rand -hex 32` prints into .env, start the server anew, and try again"
        )
    secret = secrets[0].decode()
    if trouble := telegram.secret_trouble(secret):
        raise StartRefused(
            f"TELEGRAM_WEBHOOK_SECRET cannot be used: {trouble}; `openssl rand -hex 32` prints one that can"
        )
    hide(secret)
    return secret


def _findings(settings: Settings, bot: Any, info: Any, at: int) -> Iterator[Finding]:
    """What a person should mend."""
    name, told = text_of(bot, "username"), settings.telegram_bot_username.removeprefix("@")
    if told and told.lower() != name.lower():
        yield wrong("name", _ANOTHER_NAME, _SET_NAME, set_to=told, name=name)
    if not usable_secrets(settings.telegram_webhook_secret):
        yield warn("secret", _NO_SECRET, _SET_SECRET)
    url = text_of(info, "url")
    if not url:
        yield warn("webhook", _NOWHERE, _SET)
        return
    if not _is_ours(url):
        yield warn("webhook", _ELSEWHERE, _SET, path=telegram.PATH)
    kinds = info.get("allowed_updates")
    missing = set(telegram.UPDATE_KINDS) - set(map(str, kinds if isinstance(kinds, list) else telegram.UPDATE_KINDS))
    missing |= set() if kinds else {"chat_member", "message_reaction", "message_reaction_count"}
    if missing:
        yield warn("updates", _MISSING, _AGAIN, kinds=", ".join(sorted(missing)))
    yield from _last_error(info, at)


def _last_error(info: Any, at: int) -> Iterator[Finding]:
    """Telegram keeps the last error for ever: an old one counts only while updates wait."""
    since, words = number_of(info, "last_error_date"), text_of(info, "last_error_message")
    recent = since is not None and at // 1_000_000 - since < _RECENT_SECONDS
    if words and (recent or number_of(info, "pending_update_count")):
        to_do = next((text for sign, text in _TO_DO if sign in words), _REACH)
        yield wrong("delivery", _FAILED, to_do, words=words)


def _is_ours(url: str) -> bool:
    try:
        return urlsplit(url).path.rstrip("/").endswith(telegram.PATH)
    except ValueError:
        return False


def _time(info: Any) -> str:
    seconds = number_of(info, "last_error_date")
    return time_text(seconds * 1_000_000) if seconds is not None and 0 < seconds <= _LAST_SECOND else ""


_NO_SECRET = Text(
    "TELEGRAM_WEBHOOK_SECRET tidak terpasang: update tidak dapat dibuktikan",
    "TELEGRAM_WEBHOOK_SECRET is not set: updates cannot be proved",
)
_SET_SECRET = Text(
    "pasang hasil `openssl rand -hex 32`, jalankan ulang server, lalu set-webhook",
    "set what `openssl rand -hex 32` prints, start the server anew, then set-webhook",
)
_ANOTHER_NAME = Text(
    "TELEGRAM_BOT_USERNAME={set_to}, padahal nama bot itu {name}: di grup ia tidak menjawab",
    "TELEGRAM_BOT_USERNAME={set_to}, but the bot's name is {name}: it does not answer in groups",
)
_SET_NAME = Text("pasang TELEGRAM_BOT_USERNAME={name}", "set TELEGRAM_BOT_USERNAME={name}")
_NOWHERE = Text("Telegram tidak mengirim update ke mana pun", "Telegram sends updates nowhere")
_SET = Text("callbacks telegram set-webhook https://ALAMAT", "callbacks telegram set-webhook https://YOUR-HOST")
_ELSEWHERE = Text("alamatnya tidak berakhir dengan {path}", "the address does not end in {path}")
_MISSING = Text("Telegram tidak mengirim: {kinds}", "Telegram does not send: {kinds}")
_AGAIN = Text(
    "jalankan set-webhook lagi; server Bot API sendiri mungkin terlalu lama untuk itu",
    "run set-webhook again; a Bot API server of your own may be too old for these",
)
_FAILED = Text("pengiriman terakhir gagal: {words}", "the last delivery failed: {words}")
_REACH = Text(
    "periksa apakah alamat itu terjangkau dari internet, dengan sertifikat yang sah",
    "see whether that address can be reached from the internet, with a valid certificate",
)
_TO_DO = (
    (
        "401",
        Text(
            "server memakai TELEGRAM_WEBHOOK_SECRET lain: jalankan ulang server, lalu set-webhook lagi",
            "the server has another TELEGRAM_WEBHOOK_SECRET: start it anew, then run set-webhook again",
        ),
    ),
    (
        "404",
        Text("alamatnya salah, atau proxy tidak meneruskannya", "the address is wrong, or a proxy does not pass it on"),
    ),
    (
        "503",
        Text(
            "pasang TELEGRAM_WEBHOOK_SECRET di server, atau lihat `callbacks doctor`",
            "set TELEGRAM_WEBHOOK_SECRET at the server, or look at `callbacks doctor`",
        ),
    ),
    ("Wrong response", Text("lihat log server dan proxy", "look at the logs of server and proxy")),
)
