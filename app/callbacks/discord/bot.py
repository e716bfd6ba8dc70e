"""The bot's process: connected to Discord until it is told to stop, and again whenever the connection is lost."""

import asyncio
import logging
import signal

import aiohttp
import discord
import yarl
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from app.callbacks.discord.gateway import Handlers, setup_discord_handlers
from app.core.config import Settings
from app.core.errors import CallbackError, NoAnswer, StartRefused
from app.core.telemetry import get_logger

log = get_logger(__name__)

_PREFIX = "!"
_SYNC_SECONDS = 30.0
_ENDING_SECONDS = 10.0
_TOKEN_REFUSED = 4004  # Discord, gateway close codes: the token was changed while we were connected
_PORTAL = "https://discord.com/developers/applications, under Bot"
_UNREACHABLE = (aiohttp.ClientError, OSError, discord.HTTPException, discord.GatewayNotFound, discord.ConnectionClosed)


def run(manager: Handlers, token: str) -> int:
    """Run until SIGTERM or SIGINT → exit code 0.

    Raises StartRefused for what Discord does not let in, NoAnswer when it is not reached at the start.
    """
    # At debug discord.py writes what passes its socket, with the tokens of interactions.
    quiet = logging.getLogger("discord")
    quiet.setLevel(max(logging.INFO, logging.getLogger().level))
    asyncio.run(_until_stopped(CallbackBot(manager), token))
    log.info("bot.stopped")
    return 0


class CallbackBot(commands.Bot):
    """A bot with our handlers and nothing else."""

    def __init__(self, manager: Handlers, *, ready_seconds: float = 2.0) -> None:
        """`ready_seconds`: how long it waits for further guilds before it is ready."""
        intents = discord.Intents.default()
        intents.members = intents.message_content = True
        super().__init__(command_prefix=_PREFIX, intents=intents, guild_ready_timeout=ready_seconds)
        self._elsewhere = _api_elsewhere(manager.settings)
        if self._elsewhere:
            Route.BASE = self._elsewhere
        self.attached = setup_discord_handlers(self, manager)

    async def setup_hook(self) -> None:
        """Once, after the login: tell Discord our commands; without that those of last time stay."""
        if self._elsewhere:  # discord.py knows the gateway of its own Discord, and asks for that of no other
            _, url, _ = await self.http.get_bot_gateway()
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        try:
            async with asyncio.timeout(_SYNC_SECONDS):
                synced = await self.tree.sync()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.warning("bot.commands_not_synced", error=f"{type(error).__name__}: {error}")
        else:
            log.info("bot.commands_synced", commands=[command.name for command in synced])


def _api_elsewhere(settings: Settings) -> str:
    """The API's address where it is not Discord's own, else "": discord.py knows that one best."""
    usual = type(settings).model_fields["discord_api_url"].default
    return "" if settings.discord_api_url == usual else settings.discord_api_url.rstrip("/")


async def _until_stopped(bot: CallbackBot, token: str) -> None:
    async with bot:
        running = asyncio.create_task(bot.start(token), name="bot")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        log.info("bot.started")
        try:
            await running
        except asyncio.CancelledError:
            log.info("bot.stopping")
        except Exception as error:
            if (refusal := refusal_of(error)) is None:
                raise
            raise refusal from None
        finally:
            if not await bot.attached.under_way.done(_ENDING_SECONDS):
                log.warning("bot.unfinished")


def refusal_of(error: Exception) -> CallbackError | None:
    """What ended the connection for good, as a line that says what to mend; None for what is a fault of ours."""
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return StartRefused(
            "Discord refuses the bot's intents; switch on Server Members Intent and Message Content Intent at"
            f" {_PORTAL}, Privileged Gateway Intents"
        )
    token_changed = isinstance(error, discord.ConnectionClosed) and error.code == _TOKEN_REFUSED
    if token_changed or isinstance(error, discord.LoginFailure):
        return StartRefused(f"Discord refuses DISCORD_BOT_TOKEN; copy the token, or reset it, at {_PORTAL}")
    if isinstance(error, _UNREACHABLE):
        return NoAnswer(f"Discord did not let the bot in: {type(error).__name__}: {error}")
    return None
