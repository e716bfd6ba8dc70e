import asyncio
import json
from collections.abc import Iterator
from typing import Any

import discord
import pytest
from discord.ext import commands
from discord.webhook.async_ import AsyncWebhookAdapter

from app.callbacks.callback_manager import CallbackManager
from app.core.config import get_settings
from app.core.database import engine_for, ensure_schema, get_engine
from app.engine.log import visiting
from tests.fakes import discord_payloads as payloads


@pytest.fixture
def manager() -> Iterator[CallbackManager]:
    """The ordinary manager, on databases of this test."""
    get_settings.cache_clear()
    engine_for.cache_clear()
    ensure_schema(get_engine())
    yield CallbackManager(settings=get_settings())
    get_engine().dispose()
    engine_for.cache_clear()


def kept(provider: str = "event/discord") -> list[dict[str, Any]]:
    """What the callback log holds of events (or `discord`: of interactions), in order."""
    with visiting(get_settings().callback_log_url) as log:
        found = [each for each in log.read_after(0, 1_000) if each.provider == provider]
    assert all(each.verification == "caller" for each in found)
    return [json.loads(each.body) for each in found]


class Offline:
    """A bot of discord.py's own, fed with what the gateway sends, without a network.

    `asked` holds what it would have sent; `refusal` what interactions' first answers are refused with.
    """

    def __init__(self, bot: commands.Bot) -> None:
        self.bot = bot
        self.asked: list[tuple[str, str, Any]] = []
        self.refusal: Exception | None = None

    async def connected(self, **guild: Any) -> "Offline":
        await self.bot._async_setup_hook()  # noqa: SLF001 - discord.py's own way in
        state = self.bot._connection  # noqa: SLF001
        state.user = discord.ClientUser(state=state, data=payloads.BOT)  # type: ignore[arg-type]
        state.application_id = int(payloads.APPLICATION_ID)
        state._add_guild_from_data(payloads.guild(**guild))  # type: ignore[arg-type] # noqa: SLF001
        return self

    async def gets(self, event: str, data: dict[str, Any]) -> None:
        """The gateway sends this; returns when all is done that came of it."""
        self.bot._connection.parsers[event](data)  # noqa: SLF001
        await settled()

    async def request(self, route: Any, *_: Any, payload: Any = None, **more: Any) -> Any:
        """In the place of the network."""
        path = route.url.removeprefix(route.BASE)
        self.asked.append((route.method, path, payload if payload is not None else more.get("json")))
        if path.endswith("/callback"):
            if self.refusal is not None:
                raise self.refusal
            return {"interaction": {"id": "1", "type": 2}}
        return payloads.message("…", payloads.BOT)


async def settled() -> None:
    """Until no task but the test's own is left."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(tasks)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Offline:
    """A bot as the specification makes it."""
    bot = commands.Bot(command_prefix="!", intents=discord.Intents.all())
    offline = Offline(bot)
    monkeypatch.setattr(bot.http, "request", offline.request)
    monkeypatch.setattr(AsyncWebhookAdapter, "request", lambda _, *args, **more: offline.request(*args, **more))
    return offline
