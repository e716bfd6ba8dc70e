"""Setting up the Discord application: registering its commands, and looking at what Discord knows of it."""

from collections.abc import Iterator, Mapping, Sequence
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from app.core.config import Settings, usable_secrets
from app.core.language import Text
from app.core.telemetry import redact
from app.operate.checkup.finding import Finding, FindingShown, shown, warn, wrong
from app.operate.setting_up import token_of, told_by
from app.operate.shown import Shown
from app.providers import discord_setup as discord
from app.providers.bot_setup import text_of
from app.providers.outgoing import open_client

_WHERE = "the application's page Bot at https://discord.com/developers/applications shows it once, after Reset Token"
_SETTING = "discord_bot_token"


class DiscordCommandsShown(Shown):
    """What was registered."""

    name: str
    application_id: str
    commands: list[str]


class DiscordShown(Shown):
    """The application that the bot's token belongs to."""

    name: str
    application_id: str
    verify_key: str = Field(description="Its public key, as Discord knows it.")
    public_key_fits: bool = Field(description="Whether DISCORD_PUBLIC_KEY is that key.")
    interactions_endpoint_url: str = Field(description="Where Discord sends interactions; empty: nowhere.")
    invitation: str = Field(description="The link by which a server's owner invites the bot.")
    findings: list[FindingShown]


async def register(settings: Settings, commands: Sequence[Mapping[str, Any]]) -> DiscordCommandsShown:
    """Make these the application's slash commands, instead of whichever there were.

    `commands` as Discord's API takes them. Raises StartRefused (no token), ExternalAPIError. To repeat it is harmless.
    """
    token = token_of(settings, _SETTING, _WHERE)
    async with open_client(public_only=False) as client:
        told = told_by("Discord", _SETTING, await discord.application(client, settings.discord_api_url, token))
        number = text_of(told, "id")
        heard = await discord.register(client, settings.discord_api_url, token, number, commands)
    names = [redact(text_of(command, "name")) for command in told_by("Discord", _SETTING, heard)]
    return DiscordCommandsShown(name=redact(text_of(told, "name")), application_id=number, commands=names)


async def show(settings: Settings) -> DiscordShown:
    """Ask Discord about the application, and say what is wrong. Raises StartRefused, ExternalAPIError."""
    token = token_of(settings, _SETTING, _WHERE)
    async with open_client(public_only=False) as client:
        told = told_by("Discord", _SETTING, await discord.application(client, settings.discord_api_url, token))
    return DiscordShown(
        name=redact(text_of(told, "name")),
        application_id=text_of(told, "id"),
        verify_key=text_of(told, "verify_key"),
        public_key_fits=_fits(settings, told),
        interactions_endpoint_url=redact(text_of(told, "interactions_endpoint_url")),
        invitation=discord.invitation(text_of(told, "id")),
        findings=[shown(finding, settings.callback_lang) for finding in _findings(settings, told)],
    )


def _fits(settings: Settings, told: Any) -> bool:
    key = text_of(told, "verify_key").lower().encode()
    return bool(key) and any(compare_digest(key, ours.lower()) for ours in usable_secrets(settings.discord_public_key))


def _findings(settings: Settings, told: Any) -> Iterator[Finding]:
    """What a person should mend."""
    key = text_of(told, "verify_key")
    if not usable_secrets(settings.discord_public_key):
        yield warn("key", _NO_KEY, _SET_KEY, key=key)
    elif not _fits(settings, told):
        yield wrong("key", _OTHER_KEY, _SET_KEY, key=key)
    url = text_of(told, "interactions_endpoint_url")
    if not url:
        yield warn("endpoint", _NOWHERE, _ENTER, path=discord.PATH)
    elif not _is_ours(url):
        yield warn("endpoint", _ELSEWHERE, _ENTER, path=discord.PATH)


def _is_ours(url: str) -> bool:
    try:
        return urlsplit(url).path.rstrip("/").endswith(discord.PATH)
    except ValueError:
        return False


_NO_KEY = Text("DISCORD_PUBLIC_KEY tidak terpasang", "DISCORD_PUBLIC_KEY is not set")
_OTHER_KEY = Text(
    "DISCORD_PUBLIC_KEY milik aplikasi lain: setiap interaksi dijawab 401",
    "DISCORD_PUBLIC_KEY belongs to another application: every interaction is answered 401",
)
_SET_KEY = Text(
    "pasang DISCORD_PUBLIC_KEY={key} lalu jalankan ulang server", "set DISCORD_PUBLIC_KEY={key}, start the server anew"
)
_NOWHERE = Text("Discord tidak mengirim interaksi ke alamat mana pun", "Discord sends interactions to no address")
_ELSEWHERE = Text("alamatnya tidak berakhir dengan {path}", "the address does not end in {path}")
_ENTER = Text(
    "selagi server berjalan, isi https://ALAMAT{path} sebagai Interactions Endpoint URL (General Information)",
    "while the server runs, enter https://YOUR-HOST{path} as Interactions Endpoint URL (General Information)",
)
