import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from app.callbacks.callback_manager import use_manager
from app.cli import app as cli
from app.core.config import get_settings
from app.core.database import engine_for, ensure_schema, make_engine
from tests.cli.shell import run, running
from tests.fakes import discord_payloads as payloads
from tests.fakes.discord_gateway import TOKEN, Discord, discord_gateway


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Discord]:
    """A Discord on loopback, and discord.py as it was afterwards."""
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    with discord_gateway() as fake:
        yield fake


def settings(fake: Discord, folder: Path, **more: str) -> dict[str, str]:
    urls = {"DATABASE_URL": f"sqlite:///{folder}/state.db", "CALLBACK_LOG_URL": f"sqlite:///{folder}/log.db"}
    return {"DISCORD_API_URL": fake.url, "DISCORD_BOT_TOKEN": f"{TOKEN},older", **urls, **more}


def migrate(folder: Path) -> None:
    engine = make_engine(f"sqlite:///{folder}/state.db")
    ensure_schema(engine)
    engine.dispose()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_bot_logs_what_it_sees_and_stops_with_exit_code_0(
    elsewhere: Discord, tmp_path: Path, number: int
) -> None:
    its = settings(elsewhere, tmp_path)
    assert run("migrate", **its).code == 0
    with running("bot", **its) as bot:
        elsewhere.until(lambda: elsewhere.connections)
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!saldo"))
        elsewhere.emit("GUILD_MEMBER_ADD", payloads.comes())
        elsewhere.emit("INTERACTION_CREATE", payloads.slash("saldo"))
        elsewhere.until(lambda: elsewhere.asked_for("POST", "/interactions/"))
        assert bot.stop(number) == 0, bot.err
    found = json.loads(run("log", "--json", **its).out)["callbacks"]
    assert {"on_message", "on_member_join", "command:saldo"} <= {each["event_type"] for each in found}
    lines = [json.loads(line) for line in bot.err.splitlines()]
    assert {"bot.started", "bot.commands_synced", "bot.stopped"} <= {line["event"] for line in lines}
    assert TOKEN not in bot.err
    elsewhere.until(lambda: not elsewhere.connections)


def test_handlers_of_one_s_own_see_what_the_bot_sees(elsewhere: Discord, tmp_path: Path, root: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from app.callbacks.base.base_handlers import EventCallbackHandler\n"
        "class Mine(EventCallbackHandler):\n"
        "    async def handle(self, data):\n"
        "        print('heard', data['event_type'], flush=True)\n"
        "def setup(manager):\n"
        "    manager.register_handler('discord', Mine('discord'), replace=True)\n"
    )
    migrate(tmp_path)
    its = settings(elsewhere, tmp_path, CALLBACK_APP="mine:setup", PYTHONPATH=f"{root}:{tmp_path}")
    with running("bot", **its) as bot:
        elsewhere.until(lambda: elsewhere.connections)
        elsewhere.emit("MESSAGE_CREATE", payloads.message("!saldo"))
        bot.line("heard on_message")
        assert bot.stop() == 0


class Starting:
    """`callbacks bot` in this process, for starts that are refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def refused(self, its: dict[str, str], code: int = 2) -> str:
        """The one line with which it ends."""
        for name, value in its.items():
            self._monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        engine_for.cache_clear()
        self._capsys.readouterr()
        ended = cli.run(["bot"])
        use_manager(None)
        told = self._capsys.readouterr().err
        assert ended == code, told
        assert "Traceback" not in told
        (line,) = [each for each in told.splitlines() if not each.startswith("{")]
        assert line.startswith("error: ")
        return line


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Starting:
    return Starting(monkeypatch, capsys)


def test_what_keeps_a_bot_from_running_is_one_line_that_says_what_to_mend(
    elsewhere: Discord, tmp_path: Path, starting: Starting
) -> None:
    its = settings(elsewhere, tmp_path)
    assert "DISCORD_BOT_TOKEN is not set" in starting.refused(its | {"DISCORD_BOT_TOKEN": " , "})
    assert "callbacks migrate" in starting.refused(its)
    migrate(tmp_path)
    assert "refuses DISCORD_BOT_TOKEN" in starting.refused(its | {"DISCORD_BOT_TOKEN": "another"})
    elsewhere.identify_refused = 4014
    assert "Server Members Intent" in starting.refused(its)
    away = {"DISCORD_API_URL": "http://127.0.0.1:9/api"}
    assert "did not let the bot in" in starting.refused(its | away, code=1)


def test_without_discord_py_the_bot_names_how_to_install_it(
    elsewhere: Discord, tmp_path: Path, starting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "discord.ext.commands", None)
    assert "pip install discord.py" in starting.refused(settings(elsewhere, tmp_path))
