"""What a bot saw, as the events that the callback log keeps: pure, the same shape that any bot may POST.

Every id is text, as in Discord's own JSON: they are too large for a double.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import discord
from discord.ext import commands

_EPOCH = datetime.fromtimestamp(0, UTC)


def ready(user: discord.abc.User, guilds: int) -> dict[str, Any]:
    """The bot is connected, at the start and after each lost session."""
    return {"event_type": "on_ready", "bot": {"id": str(user.id), "name": user.name}, "guilds": guilds}


def message(said: discord.Message) -> dict[str, Any]:
    """Somebody wrote something."""
    return {"event_type": "on_message", **_of_message(said)}


def called(context: commands.Context[Any], arguments: str) -> dict[str, Any]:
    """Somebody called a prefix command of ours; `arguments` is what stands behind its name."""
    name = context.command.name if context.command else ""
    return {**message(context.message), "command": name, "arguments": arguments}


def command_error(context: commands.Context[Any], error: commands.CommandError, *, explain: bool) -> dict[str, Any]:
    """A command was not carried out; `explain`: nobody but us tells the user why."""
    told = {
        "event_type": "on_command_error",
        **_of_message(context.message),
        "command": context.command.qualified_name if context.command else context.invoked_with or "",
        "error": type(error).__name__,
    }
    parameter = getattr(error, "param", None)  # what is missing; of what is there and wrong discord.py says less
    if parameter is None and isinstance(error, commands.BadArgument):
        parameter = context.current_parameter
    if parameter is not None:
        told["parameter"] = parameter.displayed_name or parameter.name
    if isinstance(error, commands.CommandOnCooldown):
        told["retry_after"] = round(error.retry_after, 1)
    if isinstance(error, (commands.MissingPermissions, commands.BotMissingPermissions)):
        told["missing"] = error.missing_permissions
    return {**told, "explain": explain}


def member(kind: Literal["on_member_join", "on_member_remove"], who: discord.Member, at: int) -> dict[str, Any]:
    """Somebody came or went; the id says which membership, `at` where Discord does not say since when it lasts."""
    guild = who.guild
    since = at if who.joined_at is None else (who.joined_at - _EPOCH) // timedelta(microseconds=1)
    told = {
        "event_type": kind,
        "id": f"{guild.id}:{who.id}:{since}",
        "guild_id": str(guild.id),
        "guild_name": guild.name,
        "user": _person(who),
    }
    return told if guild.system_channel is None else {**told, "channel_id": str(guild.system_channel.id)}


def interaction(came: discord.Interaction[Any]) -> dict[str, Any]:
    """An interaction in the shape of Discord's own JSON, as its interactions address gets it."""
    user = {"id": str(came.user.id), "username": came.user.name, "global_name": came.user.global_name}
    told: dict[str, Any] = {
        "id": str(came.id),
        "application_id": str(came.application_id),
        "type": came.type.value,
        "token": came.token,
        "version": came.version,
        "locale": str(came.locale),
        "data": came.data or {},
    }
    if came.channel_id is not None:
        told["channel_id"] = str(came.channel_id)
    if came.guild_id is None:
        return {**told, "user": user}
    return {**told, "guild_id": str(came.guild_id), "member": {"user": user}}


def is_addressed(said: discord.Message, prefix: str | None, bot: discord.ClientUser | None) -> bool:
    """Whether this is said to the bot: in private, by mentioning it, or behind its prefix."""
    return said.guild is None or bool(prefix) or bot in said.mentions


def explains_itself(bot: commands.Bot, context: commands.Context[Any], ours: object) -> bool:
    """Whether the application treats this command's errors itself; `ours` is the listener that does not count."""
    own = getattr(bot.on_command_error, "__func__", bot.on_command_error)
    return (
        own is not commands.Bot.on_command_error
        or any(listener != ours for listener in bot.extra_events.get("on_command_error", ()))
        or (context.command is not None and context.command.has_error_handler())
        or (context.cog is not None and context.cog.has_error_handler())
    )


def _of_message(said: discord.Message) -> dict[str, Any]:
    told = {"id": str(said.id), "channel_id": str(said.channel.id)}
    if said.guild is not None:
        told["guild_id"] = str(said.guild.id)
    return {**told, "author": _person(said.author), "content": said.content}


def _person(user: discord.abc.User) -> dict[str, Any]:
    told = {"id": str(user.id), "name": user.display_name}
    return {**told, "bot": True} if user.bot else told
