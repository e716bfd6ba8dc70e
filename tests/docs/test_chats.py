"""What the page about chats says is so: its snippet runs, its commands are those that there are."""

import re
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from app.callbacks.callback_manager import use_manager
from app.callbacks.discord.commands import COMMANDS
from app.core.config import get_settings
from app.core.database import engine_for, get_engine
from app.operate.chats import links, topups


async def test_the_snippet_attaches_our_part_to_a_bot(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "chats.md").read_text(), re.DOTALL)
    get_settings.cache_clear()
    engine_for.cache_clear()
    use_manager(None)
    space: dict[str, object] = {}
    exec(compile("\n".join(line[2:] for line in snippet.splitlines()), "chats.md", "exec"), space)  # noqa: S102
    bot = space["bot"]
    assert isinstance(bot, commands.Bot)
    assert {command.name for command in bot.tree.get_commands()} == {command.name for command in COMMANDS}
    assert isinstance(bot.intents, discord.Intents)
    get_engine().dispose()
    use_manager(None)


def test_the_figures_on_the_page_are_those_of_the_code(root: Path) -> None:
    page = (root / "docs" / "chats.md").read_text()
    assert links.CODE_SECONDS == 15 * 60
    assert "fifteen minutes" in page
    assert links.GUESSES_MAX == 5
    assert "Five wrong codes" in page
    assert f"Rp{topups.LEAST // 100:,}".replace(",", ".") in page
    assert f"Rp{topups.MOST // 100:,}".replace(",", ".") in page
    for command in COMMANDS:
        assert f"`/{command.name}" in page
