import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from app.callbacks.callback_manager import CallbackManager
from app.callbacks.discord.bot import CallbackBot, refusal_of
from app.callbacks.discord.commands import COMMANDS, as_json
from app.core.config import get_settings
from app.core.errors import NoAnswer, StartRefused
from tests.callbacks.discord.conftest import kept
from tests.fakes import discord_payloads as payloads
from tests.fakes.discord_gateway import TOKEN, Discord, discord_gateway

# Discord, gateway intents.
_MEMBERS, _PRESENCES, _MESSAGE_CONTENT = 1 << 1, 1 << 8, 1 << 15


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Discord]:
    """A Discord on loopback, and discord.py as it was afterwards."""
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    with discord_gateway() as fake:
        monkeypatch.setenv("DISCORD_API_URL", fake.url)
        get_settings.cache_clear()
        yield fake


@asynccontextmanager
async def running(manager: CallbackManager) -> AsyncIterator[CallbackBot]:
    async with CallbackBot(manager, ready_seconds=0.05) as bot:
        started = asyncio.create_task(bot.start(TOKEN))
        await bot.wait_until_ready()
        yield bot
        started.cancel()
        await bot.attached.under_way.done(5)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - of the log: it calls nobody
            await asyncio.sleep(0.01)


def seen() -> list[str]:
    return [str(event["event_type"]) for event in kept()]


async def test_what_a_real_connection_brings_is_in_the_log(elsewhere: Discord, manager: CallbackManager) -> None:
    async with running(manager):
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!status ORDER-123"))
        elsewhere.emit("GUILD_MEMBER_ADD", payloads.comes())
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!status"))
        await until(lambda: len(kept()) == 4)
    assert sorted(seen()) == ["on_command_error", "on_member_join", "on_message", "on_ready"]
    (identified,) = elsewhere.said_op(2)
    asked = identified["d"]["intents"]
    assert asked & _MEMBERS
    assert asked & _MESSAGE_CONTENT
    assert not asked & _PRESENCES
    assert elsewhere.said_op(1)


async def test_the_commands_are_told_to_discord_once(
    elsewhere: Discord, manager: CallbackManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CallbackBot, "before_identify_hook", _at_once)  # Discord wants five seconds between two
    async with running(manager):
        elsewhere.end_session()
        await until(lambda: len(elsewhere.said_op(2)) == 2)
    ((_, _, told),) = elsewhere.asked_for("PUT", "/applications/")
    assert [{name: each[name] for name in as_json(ours)} for each, ours in zip(told, COMMANDS, strict=True)] == [
        as_json(ours) for ours in COMMANDS
    ]


async def test_an_interaction_is_acknowledged_once_and_kept(elsewhere: Discord, manager: CallbackManager) -> None:
    sent = payloads.slash("saldo")
    async with running(manager):
        elsewhere.emit("INTERACTION_CREATE", sent)
        await until(lambda: kept("discord"))
    (answer,) = elsewhere.asked_for("POST", "/interactions/")
    assert answer.path == f"/interactions/{sent['id']}/{sent['token']}/callback"
    assert answer.body == {"type": 5, "data": {"flags": 64}}
    assert elsewhere.asked_for("PATCH", "/webhooks/") == []
    assert [event["id"] for event in kept("discord")] == [sent["id"]]


async def test_what_came_while_the_wire_was_cut_is_kept_after_it_once(
    elsewhere: Discord, manager: CallbackManager
) -> None:
    async with running(manager):
        await until(lambda: seen() == ["on_ready"])
        elsewhere.drop()
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!saldo"))
        await until(lambda: elsewhere.said_op(6))
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!status ORDER-1"))
        await until(lambda: len(kept()) == 3)
    assert seen() == ["on_ready", "on_message", "on_message"]
    # A session that is resumed plays what was missed and what is new side by side.
    assert {event.get("command") for event in kept()} == {None, "saldo", "status"}


async def test_after_a_lost_session_it_is_ready_again_and_hears_everything_once(
    elsewhere: Discord, manager: CallbackManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CallbackBot, "before_identify_hook", _at_once)
    async with running(manager):
        elsewhere.end_session()
        await until(lambda: seen() == ["on_ready", "on_ready"])
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!saldo"))
        await until(lambda: len(kept()) == 3)
    assert seen() == ["on_ready", "on_ready", "on_message"]


async def _at_once(*_: Any, **__: Any) -> None:
    """No pause."""


@pytest.mark.parametrize("code", [50_035, 0])
async def test_commands_that_discord_does_not_take_do_not_end_the_bot(
    elsewhere: Discord, manager: CallbackManager, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    status = 400 if code else 403
    elsewhere.answers["PUT", "/applications/"] = (status, {"message": "no", "code": code})
    async with running(manager):
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!saldo"))
        await until(lambda: len(kept()) == 2)
    assert "bot.commands_not_synced" in caplog.text


async def test_what_is_refused_says_what_to_mend(elsewhere: Discord, manager: CallbackManager) -> None:
    async def refusal(token: str = TOKEN) -> str:
        async with CallbackBot(manager) as bot:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - any that discord.py knows
                await bot.start(token)
        told = refusal_of(caught.value)
        assert isinstance(told, StartRefused)
        return str(told)

    assert "DISCORD_BOT_TOKEN" in await refusal("another")
    elsewhere.identify_refused = 4014
    assert "Message Content Intent" in await refusal()
    elsewhere.identify_refused = 4004
    assert "DISCORD_BOT_TOKEN" in await refusal()


def test_a_discord_that_is_not_reached_is_told_and_a_fault_of_ours_is_not_hidden() -> None:
    told = refusal_of(ConnectionRefusedError("no"))
    assert isinstance(told, NoAnswer)
    assert refusal_of(KeyError("x")) is None
