"""A bot of discord.py's: what it sees goes into the callback log, what its users ask for to the handlers.

The gateway sends nothing a second time after a cold start: an event counts from the moment at which the log has it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import discord
from discord.ext import commands

from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.callbacks.discord import gateway_events as events
from app.callbacks.discord.commands import COMMANDS
from app.callbacks.discord.gateway_interactions import Interactions, Suggestions, own_orders
from app.callbacks.discord.under_way import UnderWay
from app.core.clock import now_us
from app.core.config import Settings
from app.core.telemetry import get_logger

log = get_logger(__name__)


class Handlers(Protocol):
    """What a bot needs of a CallbackManager."""

    settings: Settings

    @property
    def handlers(self) -> Mapping[str, BaseCallbackHandler]:
        """Those of webhooks: interactions go to `discord`."""

    @property
    def event_handlers(self) -> Mapping[str, BaseCallbackHandler]:
        """Those of events: what the bot sees goes to `discord`."""


def setup_discord_handlers(
    bot: commands.Bot, manager: Handlers, *, suggestions: Suggestions = own_orders, all_messages: bool = False
) -> "Gateway":
    """Attach our listeners and commands to a bot of anybody's, beside its own; a second call changes nothing.

    Names of commands that the bot has already stay the application's: call it after its own are defined. Only messages
    that are addressed to the bot are written, all with `all_messages`. `suggestions(user_id, typed)` completes orders.
    """
    listeners = bot.extra_events.get("on_interaction", [])
    for owner in (getattr(listener, "__self__", None) for listener in listeners):
        if isinstance(owner, Gateway):
            return owner
    return Gateway(bot, manager, suggestions=suggestions, all_messages=all_messages)


class Gateway:
    """Our listeners on one bot."""

    def __init__(self, bot: commands.Bot, manager: Handlers, *, suggestions: Suggestions, all_messages: bool) -> None:
        """Attaches them."""
        self._bot = bot
        self._manager = manager
        self._all_messages = all_messages
        #: what is being written and answered; a process that ends waits for it
        self.under_way = UnderWay()
        self._interactions = Interactions(manager, self.under_way, suggestions)
        self._commands = [command for command in self._prefix_commands() if bot.get_command(command.name) is None]
        for command in self._commands:
            bot.add_command(command)
        self._interactions.add_to(bot.tree)
        for listener in (
            self.on_ready,
            self.on_message,
            self.on_command_error,
            self.on_member_join,
            self.on_member_remove,
            self.on_interaction,
        ):
            bot.add_listener(listener)

    async def on_ready(self) -> None:
        """Write that the bot is connected; again after each session that was lost."""
        with self.under_way.noted("on_ready"):
            if self._bot.user is not None:
                log.info("bot.ready", bot=self._bot.user.name, guilds=len(self._bot.guilds))
                await self._write(events.ready(self._bot.user, len(self._bot.guilds)))

    async def on_message(self, message: discord.Message) -> None:
        """Write what people say to the bot; a command of ours writes its message itself, with its arguments."""
        with self.under_way.noted("on_message"):
            if message.author.bot or message.author == self._bot.user:
                return
            context = await self._bot.get_context(message)
            if context.command in self._commands:
                return
            if self._all_messages or events.is_addressed(message, context.prefix, self._bot.user):
                await self._write(events.message(message))

    async def on_command_error(self, context: commands.Context[Any], error: commands.CommandError) -> None:
        """Write why a command was not carried out, and log what discord.py logs where nobody listens."""
        with self.under_way.noted("on_command_error"):
            if context.author.bot:
                return
            alone = not events.explains_itself(self._bot, context, self.on_command_error)
            cause = getattr(error, "original", None)
            if alone and cause is not None:  # a listener, such as this one, silences discord.py's own line
                log.error("bot.command_failed", command=str(context.command), exc_info=cause)
            # The slash form of a hybrid command has no message to answer: its error goes the way of its interaction.
            explain = alone and context.interaction is None
            await self._write(events.command_error(context, error, explain=explain))

    async def on_member_join(self, member: discord.Member) -> None:
        """Write who came."""
        with self.under_way.noted("on_member_join"):
            await self._write(events.member("on_member_join", member, now_us()))

    async def on_member_remove(self, member: discord.Member) -> None:
        """Write who went."""
        with self.under_way.noted("on_member_remove"):
            await self._write(events.member("on_member_remove", member, now_us()))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Carry buttons and forms of ours to the handlers."""
        await self._interactions.on_interaction(interaction)

    async def _write(self, event: dict[str, Any]) -> None:
        answer = await self._manager.event_handlers["discord"].handle(event, trusted=True)
        if isinstance(answer, dict) and answer.get("success") is False:
            log.warning("bot.event_not_taken", event_type=event["event_type"], why=answer.get("message"))

    def _prefix_commands(self) -> tuple[commands.Command[Any, ..., None], ...]:
        async def saldo(context: commands.Context[Any]) -> None:
            await self._called(context, "")

        async def status(context: commands.Context[Any], *, order_id: str) -> None:
            await self._called(context, order_id)

        lang = self._manager.settings.callback_lang
        help_of = {command.name: getattr(command.description, lang) for command in COMMANDS}
        return tuple(
            commands.Command(call, name=call.__name__, help=help_of[call.__name__]) for call in (saldo, status)
        )

    async def _called(self, context: commands.Context[Any], arguments: str) -> None:
        with self.under_way.noted("command"):
            await self._write(events.called(context, arguments))
