"""Setting up a Discord application: what Discord knows of it, and its slash commands.

Sources: Discord, application resource (get current application), application commands (bulk overwrite global
application commands), API reference (authentication, user agent).
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx2

from app import __version__
from app.providers.bot_setup import Service, SetupAnswer, ask, text_of

DISCORD = Service("Discord", "message", frozenset({HTTPStatus.UNAUTHORIZED}))
#: Where our server takes interactions.
PATH = "/callbacks/webhook/discord"
#: To see channels, write messages and embed links, in servers that the bot is invited to.
PERMISSIONS = (1 << 10) | (1 << 11) | (1 << 14)


async def application(client: httpx2.AsyncClient, base_url: str, token: str) -> SetupAnswer:
    """The application that the bot's token belongs to: `id`, `name`, `verify_key`, `interactions_endpoint_url` …."""
    answer = await _ask(client, "GET", f"{base_url.rstrip('/')}/applications/@me", token)
    if answer.kind == "told" and not text_of(answer.told, "id").isdecimal():
        return SetupAnswer("unavailable", detail=f"{answer.detail}: the answer tells of no application")
    return answer


async def register(
    client: httpx2.AsyncClient, base_url: str, token: str, application_id: str, commands: Sequence[Mapping[str, Any]]
) -> SetupAnswer:
    """Make these the application's commands in all servers, instead of whichever there were → them, as registered."""
    url = f"{base_url.rstrip('/')}/applications/{application_id}/commands"
    answer = await _ask(client, "PUT", url, token, list(commands))
    if answer.kind == "told" and not isinstance(answer.told, list):
        return SetupAnswer("unavailable", detail=f"{answer.detail}: the answer is no list of commands")
    return answer


def invitation(application_id: str) -> str:
    """The link by which whoever manages a server invites the bot, with its commands."""
    return (
        f"https://discord.com/oauth2/authorize?client_id={application_id}"
        f"&scope=bot+applications.commands&permissions={PERMISSIONS}"
    )


async def _ask(client: httpx2.AsyncClient, method: str, url: str, token: str, fields: Any = None) -> SetupAnswer:
    headers = {"authorization": f"Bot {token}", "user-agent": f"DiscordBot (callbacks, {__version__})"}
    return await ask(client, DISCORD, method, url, secret=token, headers=headers, fields=fields)
