import sys
from typing import Any

import discord
import pytest
from discord.ext import commands

from app.callbacks.callback_manager import CallbackManager
from app.core.errors import StartRefused
from tests.callbacks.discord.conftest import Offline, kept
from tests.fakes import discord_payloads as payloads

ANI = {"id": payloads.ANI["id"], "name": "Ani"}


async def test_a_message_to_the_bot_is_kept_whole_with_its_ids_as_text(
    manager: CallbackManager, offline: Offline
) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    said = payloads.message("<@845027738276462632> halo", mentions_bot=True)
    await offline.gets("MESSAGE_CREATE", said)
    assert kept() == [
        {
            "event_type": "on_message",
            "id": said["id"],
            "channel_id": payloads.CHANNEL_ID,
            "guild_id": payloads.GUILD_ID,
            "author": ANI,
            "content": "<@845027738276462632> halo",
        }
    ]


async def test_a_private_message_is_to_the_bot_and_has_no_guild(manager: CallbackManager, offline: Offline) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("halo", private=True))
    (event,) = kept()
    assert "guild_id" not in event
    assert event["channel_id"] == payloads.DM_ID


async def test_what_people_say_to_each_other_is_kept_only_when_all_is_asked_for(
    manager: CallbackManager, offline: Offline
) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("apa kabar, Budi?"))
    assert kept() == []
    other = commands.Bot(command_prefix="!", intents=discord.Intents.all())
    manager.setup_discord_handlers(other, all_messages=True)
    await (listening := Offline(other)).connected()
    await listening.gets("MESSAGE_CREATE", payloads.message("apa kabar, Budi?"))
    assert [event["content"] for event in kept()] == ["apa kabar, Budi?"]


async def test_bots_are_never_listened_to(manager: CallbackManager, offline: Offline) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot, all_messages=True)
    for author in (payloads.BOT, payloads.OTHER_BOT):
        await offline.gets("MESSAGE_CREATE", payloads.message("!saldo", author))
    assert kept() == []


async def test_a_command_of_ours_is_one_event_with_its_arguments(manager: CallbackManager, offline: Offline) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("!saldo"))
    await offline.gets("MESSAGE_CREATE", payloads.message("!status ORDER-123"))
    assert [(each["content"], each["command"], each["arguments"]) for each in kept()] == [
        ("!saldo", "saldo", ""),
        ("!status ORDER-123", "status", "ORDER-123"),
    ]
    assert {each["event_type"] for each in kept()} == {"on_message"}


async def test_a_missing_argument_is_one_event_that_is_to_be_explained(
    manager: CallbackManager, offline: Offline
) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    said = payloads.message("!status")
    await offline.gets("MESSAGE_CREATE", said)
    assert kept() == [
        {
            "event_type": "on_command_error",
            "id": said["id"],
            "channel_id": payloads.CHANNEL_ID,
            "guild_id": payloads.GUILD_ID,
            "author": ANI,
            "content": "!status",
            "command": "status",
            "error": "MissingRequiredArgument",
            "parameter": "order_id",
            "explain": True,
        }
    ]


async def test_an_error_of_a_command_of_the_applications_own_says_what_helps_its_user(
    manager: CallbackManager, offline: Offline
) -> None:
    bot = offline.bot

    @bot.command()
    async def beli(_: commands.Context[Any], amount: int) -> None:
        raise RuntimeError(f"{amount} are not there")

    @bot.command()
    @commands.cooldown(1, 60)
    async def promo(context: commands.Context[Any]) -> None:
        """Nothing; once a minute."""

    @bot.command()
    @commands.has_permissions(administrator=True, manage_guild=True)
    async def tutup(context: commands.Context[Any]) -> None:
        """Nothing; for administrators."""

    await offline.connected()
    manager.setup_discord_handlers(bot)
    said = ["!nosuch", "!beli banyak", "!beli 3", "!promo", "!promo", "!tutup"]
    for content in said:
        await offline.gets("MESSAGE_CREATE", payloads.message(content))
    errors = [event for event in kept() if event["event_type"] == "on_command_error"]
    assert [(each["command"], each["error"]) for each in errors] == [
        ("nosuch", "CommandNotFound"),
        ("beli", "BadArgument"),
        ("beli", "CommandInvokeError"),
        ("promo", "CommandOnCooldown"),
        ("tutup", "MissingPermissions"),
    ]
    assert all(each["explain"] for each in errors)
    assert errors[1]["parameter"] == "amount"
    assert 59 < errors[3]["retry_after"] <= 60
    assert sorted(errors[4]["missing"]) == ["administrator", "manage_guild"]
    assert [event["content"] for event in kept() if event["event_type"] == "on_message"] == said


async def test_what_a_command_raised_is_logged_for_its_developer(
    manager: CallbackManager, offline: Offline, caplog: pytest.LogCaptureFixture
) -> None:
    @offline.bot.command()
    async def beli(_: commands.Context[Any]) -> None:
        raise RuntimeError("the stock is empty")

    await offline.connected()
    manager.setup_discord_handlers(offline.bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("!beli"))
    assert "RuntimeError: the stock is empty" in caplog.text
    assert "in beli" in caplog.text


class WithItsOwn(commands.Bot):
    async def on_command_error(self, *_: Any) -> None:
        """Told elsewhere."""


def overridden(bot: commands.Bot) -> None:
    @bot.event
    async def on_command_error(*_: Any) -> None:
        """Told elsewhere."""


def listened_to(bot: commands.Bot) -> None:
    @bot.listen()
    async def on_command_error(*_: Any) -> None:
        """Told elsewhere."""


def treated_by_the_command(bot: commands.Bot) -> None:
    @bot.command()
    async def beli(context: commands.Context[Any], amount: int) -> None:
        """Buy."""

    @beli.error
    async def failed(*_: Any) -> None:
        """Told elsewhere."""


@pytest.mark.parametrize("treated", [overridden, listened_to, treated_by_the_command])
async def test_an_error_that_the_application_treats_itself_is_not_explained_by_us(
    manager: CallbackManager, offline: Offline, treated: Any
) -> None:
    treated(offline.bot)
    await offline.connected()
    manager.setup_discord_handlers(offline.bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("!beli"))
    assert [each["explain"] for each in kept() if each["event_type"] == "on_command_error"] == [False]


async def test_a_subclass_or_a_cog_with_its_own_treatment_is_not_explained_by_us(manager: CallbackManager) -> None:
    class Shop(commands.Cog):
        @commands.command()
        async def beli(self, context: commands.Context[Any], amount: int) -> None:
            """Buy."""

        async def cog_command_error(self, *_: Any) -> None:
            """Told elsewhere."""

    bots = [
        WithItsOwn(command_prefix="!", intents=discord.Intents.all()),
        commands.Bot(command_prefix="!", intents=discord.Intents.all()),
    ]
    await bots[1].add_cog(Shop())
    for bot in bots:
        manager.setup_discord_handlers(bot)
        await (await Offline(bot).connected()).gets("MESSAGE_CREATE", payloads.message("!beli"))
    assert [each["explain"] for each in kept() if each["event_type"] == "on_command_error"] == [False, False]


async def test_who_comes_and_who_goes_is_kept_with_where_to_greet(manager: CallbackManager, offline: Offline) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("GUILD_MEMBER_ADD", payloads.comes())
    await offline.gets("GUILD_MEMBER_REMOVE", payloads.goes())
    told = {
        "id": f"{payloads.GUILD_ID}:{payloads.BUDI['id']}:{payloads.JOINED_US}",
        "guild_id": payloads.GUILD_ID,
        "guild_name": "Toko",
        "user": {"id": payloads.BUDI["id"], "name": "Budi"},
        "channel_id": payloads.CHANNEL_ID,
    }
    assert kept() == [{"event_type": "on_member_join", **told}, {"event_type": "on_member_remove", **told}]


async def test_a_guild_without_a_system_channel_names_none(manager: CallbackManager, offline: Offline) -> None:
    manager.setup_discord_handlers((await offline.connected(system_channel=False)).bot)
    await offline.gets("GUILD_MEMBER_ADD", payloads.comes(joined_at=None))
    (event,) = kept()
    assert "channel_id" not in event
    assert int(event["id"].rpartition(":")[2]) > payloads.JOINED_US


async def test_each_time_it_is_ready_is_an_event(manager: CallbackManager, offline: Offline) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    for _ in range(2):
        offline.bot.dispatch("ready")
        await offline.gets("RESUMED", {})
    ready = {"event_type": "on_ready", "bot": {"id": payloads.APPLICATION_ID, "name": "tokobot"}, "guilds": 1}
    assert kept() == [ready, ready]


async def test_attached_twice_is_attached_once(manager: CallbackManager, offline: Offline) -> None:
    await offline.connected()
    for _ in range(2):
        manager.setup_discord_handlers(offline.bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("!saldo"))
    await offline.gets("GUILD_MEMBER_ADD", payloads.comes())
    assert [event["event_type"] for event in kept()] == ["on_message", "on_member_join"]


async def test_the_applications_own_listeners_and_commands_stay(manager: CallbackManager, offline: Offline) -> None:
    heard: list[str] = []

    @offline.bot.listen()
    async def on_message(message: discord.Message) -> None:
        heard.append(f"listener {message.content}")

    @offline.bot.event
    async def on_member_join(member: discord.Member) -> None:
        heard.append(f"event {member.name}")

    @offline.bot.command()
    async def saldo(context: commands.Context[Any]) -> None:
        await context.send("our own")

    @offline.bot.tree.command(name="saldo")
    async def slash_saldo(interaction: discord.Interaction) -> None:
        """Ours."""

    await offline.connected()
    manager.setup_discord_handlers(offline.bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("!saldo"))
    await offline.gets("GUILD_MEMBER_ADD", payloads.comes())
    assert heard == ["listener !saldo", "event budi"]
    assert [(method, path, body["content"]) for method, path, body in offline.asked] == [
        ("POST", f"/channels/{payloads.CHANNEL_ID}/messages", "our own")
    ]
    assert offline.bot.tree.get_command("saldo") is slash_saldo
    assert [("command" in event, event["event_type"]) for event in kept()] == [
        (False, "on_message"),
        (False, "on_member_join"),
    ]


async def test_a_log_that_cannot_be_written_is_logged_and_disturbs_nobody(
    manager: CallbackManager, offline: Offline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    told: list[str] = []

    @offline.bot.event
    async def on_error(name: str, *_: Any) -> None:
        told.append(name)

    monkeypatch.setattr(manager.event_handlers["discord"], "handle", full)
    manager.setup_discord_handlers((await offline.connected()).bot)
    for content in ("!saldo", "!status", "!nosuch"):
        await offline.gets("MESSAGE_CREATE", payloads.message(content))
    await offline.gets("GUILD_MEMBER_ADD", payloads.comes())
    assert told == []
    assert caplog.text.count("bot.failed") == 5


async def test_an_event_that_is_not_taken_is_logged_with_the_reason(
    manager: CallbackManager, offline: Offline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def no(*_: Any, **__: Any) -> dict[str, Any]:
        return {"success": False, "message": "not today"}

    monkeypatch.setattr(manager.event_handlers["discord"], "handle", no)
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("MESSAGE_CREATE", payloads.message("!saldo"))
    assert "not today" in caplog.text


def test_without_discord_py_the_refusal_names_how_to_install_it(
    manager: CallbackManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "discord.ext.commands", None)
    with pytest.raises(StartRefused, match=r"pip install discord.py"):
        manager.setup_discord_handlers(object())
