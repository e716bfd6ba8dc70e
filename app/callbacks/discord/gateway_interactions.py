"""Slash commands, buttons and forms of ours on a bot: acknowledged within three seconds, then handed to the handlers.

The answer is written later by whoever carries it out, by the interaction's token; here only a failure is told.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import discord
from discord import app_commands

from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.callbacks.discord import gateway_events as events
from app.callbacks.discord.commands import (
    CODE_CHARS,
    COMMANDS,
    FORM_LABEL,
    FORM_TITLE,
    LINK_COMMAND,
    LINK_FIELD,
    LINK_FORM,
    Command,
    as_json,
    is_ours,
)
from app.callbacks.discord.interactions import lang_of
from app.callbacks.discord.under_way import UnderWay
from app.core.config import get_settings
from app.core.database import get_engine
from app.core.language import Lang, Text
from app.core.telemetry import get_logger
from app.operate.chats import commands as chat
from app.operate.chats.commands import LINK_BUTTON

log = get_logger(__name__)

#: `(user_id, typed)` → orders to choose from; called in a thread.
Suggestions: TypeAlias = Callable[[str, str], list[str]]

# Discord, application commands: choices of an autocomplete; modals.
_CHOICES_MAX, _CHOICE_LENGTH_MAX = 25, 100
_SUGGESTING_SECONDS = 2.0  # a third of what Discord waits is left for the way
_TYPES: Mapping[int, type] = {3: str, 4: int}
_PRESSED, _SENT = discord.InteractionType.component, discord.InteractionType.modal_submit

_SORRY = Text(
    "Maaf, permintaan Anda tidak dapat diproses. Silakan coba lagi.",
    "Sorry, your request could not be processed. Please try again.",
)


def own_orders(user_id: str, typed: str) -> list[str]:
    """The newest orders of whoever is linked with this Discord user; raises what the state database raises."""
    return chat.suggestions(get_engine(), "discord", user_id, typed)


class Handlers(Protocol):
    """What interactions need of a CallbackManager."""

    @property
    def handlers(self) -> Mapping[str, BaseCallbackHandler]:
        """Those of webhooks, `discord` among them."""


class SlashCommand(app_commands.Command[Any, ..., None]):
    """A command of ours on a command tree, registered in the same words as over HTTP, in both languages."""

    def __init__(self, told: Command, carry_out: Callable[[discord.Interaction[Any]], Awaitable[None]]) -> None:
        """`carry_out` reads the options from the interaction itself."""
        super().__init__(name=told.name, description=told.description.en, callback=_callback(told, carry_out))
        self._told = told

    def to_dict(self, tree: app_commands.CommandTree[Any]) -> dict[str, Any]:
        """What Discord is told about it."""
        return {**super().to_dict(tree), **as_json(self._told)}

    async def get_translated_payload(
        self, tree: app_commands.CommandTree[Any], translator: app_commands.Translator
    ) -> dict[str, Any]:
        """The same: it is translated already, whatever the application translates its own by."""
        del translator
        return self.to_dict(tree)


class Interactions:
    """What comes from people's hands, on its way to the handlers."""

    def __init__(self, manager: Handlers, under_way: UnderWay, suggestions: Suggestions) -> None:
        """`suggestions` completes the options of commands that say so."""
        self._manager = manager
        self._under_way = under_way
        self._suggestions = suggestions

    def add_to(self, tree: app_commands.CommandTree[Any]) -> None:
        """Our slash commands, but for names that the application has taken."""
        for told in COMMANDS:
            if tree.get_command(told.name) is None:
                opens_form = told.name == LINK_COMMAND
                command = SlashCommand(told, self.open_form if opens_form else self.hand_over)
                for option in told.options:
                    if option.autocomplete:
                        command.autocomplete(option.name)(self._complete)
                tree.add_command(command)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Buttons and forms of ours; the command tree has its commands, the application has its own."""
        data: Mapping[str, Any] = interaction.data or {}
        custom_id = str(data.get("custom_id", ""))
        if interaction.type not in {_PRESSED, _SENT} or not is_ours(custom_id) or interaction.response.is_done():
            return
        opens_form = interaction.type is _PRESSED and custom_id == LINK_BUTTON
        await (self.open_form if opens_form else self.hand_over)(interaction)

    async def open_form(self, interaction: discord.Interaction[Any]) -> None:
        """Answer with the form that asks for the code."""
        with self._under_way.noted("form"):
            await _acknowledged(interaction, interaction.response.send_modal(_link_form(_lang_of(interaction))))

    async def hand_over(self, interaction: discord.Interaction[Any]) -> None:
        """Acknowledge, then have the handlers take it as if it had come to the interactions address."""
        with self._under_way.noted("interaction"):
            if not await _acknowledged(interaction, interaction.response.defer(ephemeral=True, thinking=True)):
                return
            if not await self._taken(events.interaction(interaction)):
                await interaction.edit_original_response(content=getattr(_SORRY, _lang_of(interaction)))

    async def _taken(self, payload: dict[str, Any]) -> bool:
        try:
            answer = await self._manager.handlers["discord"].handle(payload, trusted=True)
        except Exception:
            log.exception("bot.interaction_failed", interaction=payload["id"])
            return False
        if not isinstance(answer, dict) or answer.get("success", True):
            return True
        log.warning("bot.interaction_not_taken", interaction=payload["id"], why=answer.get("message"))
        return False

    async def _complete(self, interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        try:
            async with asyncio.timeout(_SUGGESTING_SECONDS):
                found = await asyncio.to_thread(self._suggestions, str(interaction.user.id), typed)
        except Exception as error:  # noqa: BLE001 - whoever types goes on typing
            log.warning("bot.no_suggestions", error=f"{type(error).__name__}: {error}".partition("\n")[0])
            return []
        fitting = [each for each in found if len(each) <= _CHOICE_LENGTH_MAX]  # a part of an id is no order
        return [app_commands.Choice(name=each, value=each) for each in fitting[:_CHOICES_MAX]]


async def _acknowledged(interaction: discord.Interaction[Any], answer: Awaitable[object]) -> bool:
    """The one first answer → whether it was; that it came too late (10062) or second (40060) is final."""
    try:
        await answer
    except (discord.HTTPException, discord.InteractionResponded) as error:
        log.warning("bot.interaction_lost", interaction=str(interaction.id), error=str(error))
        return False
    return True


def _callback(told: Command, carry_out: Callable[[discord.Interaction[Any]], Awaitable[None]]) -> Any:
    """A callback with the signature that discord.py reads the options from; it takes them and leaves them."""

    async def callback(interaction: discord.Interaction[Any], **options: Any) -> None:
        del options
        await carry_out(interaction)

    kinds = inspect.Parameter
    parameters = [kinds("interaction", kinds.POSITIONAL_OR_KEYWORD)]
    parameters += [kinds(each.name, kinds.KEYWORD_ONLY, annotation=_TYPES[each.type]) for each in told.options]
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what inspect looks at first
    return callback


def _link_form(lang: Lang) -> discord.ui.Modal:
    form = discord.ui.Modal(title=getattr(FORM_TITLE, lang), custom_id=LINK_FORM)
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label=getattr(FORM_LABEL, lang), custom_id=LINK_FIELD, min_length=CODE_CHARS[0], max_length=CODE_CHARS[1]
    )
    form.add_item(field)
    # What is sent in it comes as an interaction, known by its id, also to a bot that was started since: nobody waits.
    form.stop()
    return form


def _lang_of(interaction: discord.Interaction[Any]) -> Lang:
    return lang_of({"locale": str(interaction.locale)}, get_settings().callback_lang)
