"""The command's parts are loaded one by one: what runs for months holds no more than it needs."""

import subprocess
import sys
from typing import Any

import pytest
import typer

from app.cli.app import commands
from tests.cli.shell import run

GROUP: Any = typer.main.get_command(commands)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_what_runs_for_months_loads_no_other_command(command: str) -> None:
    code = f"from app.cli.app import run; run(['{command}', '--help']); import sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    loaded = ran.stdout.split()
    assert "app.cli.processes" in loaded
    others = ("app.simulation", "app.operate.doctor", "app.cli.simulate", "app.cli.providers", "httpx2", "app.main")
    assert [name for name in loaded if name.startswith(others)] == []


@pytest.mark.parametrize("name", list(GROUP.commands))
def test_every_command_is_found_under_its_name(name: str) -> None:
    assert GROUP.commands[name].name == name
    assert GROUP.commands[name].help


def test_the_group_is_a_mapping_like_any_other() -> None:
    group: Any = typer.main.get_command(commands)
    assert len(group.commands) == len(list(group.commands)) == len(GROUP.commands)
    group.commands["mine"] = "made"
    assert group.commands["mine"] == "made"
    del group.commands["mine"]
    del group.commands["up"]
    assert "mine" not in group.commands
    assert "up" not in group.commands
    with pytest.raises(KeyError):
        group.commands["nobody"]


def test_a_typing_mistake_is_told_with_what_was_meant() -> None:
    ran = run("worke")
    assert ran.code == 2
    assert "No such command 'worke'. Did you mean 'worker'? See: callbacks --help" in ran.err
