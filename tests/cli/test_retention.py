"""What a person types to prune, export and import."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.callbacks import examples
from tests.cli.test_commands import Shell, announce, data, shell, take

__all__ = ["shell"]


def two(shell: Shell) -> tuple[int, int]:
    """Two callbacks of last year about an announced order, decided."""
    announce(shell)
    return take(examples.MIDTRANS), take(examples.MIDTRANS)


def test_prune_says_what_goes_removes_it_and_show_still_explains_it(shell: Shell) -> None:
    first, _ = two(shell)
    told = shell("prune", "--older-than", "90d", "--yes").out
    assert told.startswith("1 callbacks to remove, received from 2025-11-25T04:49:00.000000Z")
    assert "1 removed" in told
    assert shell("prune", "--older-than", "90d", "--yes").out == "nothing is so old and can go\n"
    shown = shell("show", str(first)).out
    assert "no longer in the log (pruned)" in shown
    assert "wallet:ani" in shown
    assert shell("wallet", "show", "ani").out == "ani  100000.00 IDR\n"
    assert shell("audit").out


def test_prune_asks_nobody_where_nobody_is_and_a_dry_run_removes_nothing(shell: Shell) -> None:
    first, _ = two(shell)
    assert "--yes" in shell("prune", "--older-than", "90d", code=2).err
    told = data(shell("prune", "--older-than", "90d", "--dry-run", "--json"))
    assert (told["callbacks"], told["removed"], told["oldest"]) == (1, 0, "2025-11-25T04:49:00.000000Z")
    assert data(shell("show", str(first), "--json"))["kept"] is True


@pytest.mark.parametrize("answer", ["y", "n"])
def test_prune_asks_in_a_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    first, _ = two(shell)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("app.cli.retention.typer.confirm", _answering(answer))
    shell("prune", "--older-than", "90d", code=0 if answer == "y" else 130)
    assert data(shell("show", str(first), "--json"))["kept"] is (answer == "n")


def _answering(answer: str) -> Any:
    import typer  # noqa: PLC0415 - what is replaced

    def confirm(*_: object, abort: bool, **__: object) -> bool:
        if answer != "y" and abort:
            raise typer.Abort
        return True

    return confirm


def test_what_is_pruned_is_in_the_file_first_and_no_file_is_written_over(shell: Shell, tmp_path: Path) -> None:
    first, newest = two(shell)
    shell("prune", "--older-than", "90d", "--yes", "--export", "old.jsonl")
    (line,) = [json.loads(line) for line in (tmp_path / "old.jsonl").read_text().splitlines()]
    assert line["id"] == str(first)
    assert json.loads(line["body"]) == examples.MIDTRANS
    assert (tmp_path / "old.jsonl").stat().st_mode & 0o077 == 0
    take(examples.MIDTRANS)
    assert "there already" in shell("prune", "--older-than", "90d", "--yes", "--export", "old.jsonl", code=2).err
    assert data(shell("show", str(newest), "--json"))["kept"] is True


def test_an_export_that_cannot_be_written_removes_nothing(shell: Shell, tmp_path: Path) -> None:
    first, _ = two(shell)
    (tmp_path / "closed").mkdir(mode=0o500)
    for file in ("nowhere/old.jsonl", "closed"):
        shell("prune", "--older-than", "90d", "--yes", "--export", file, code=2)
    assert data(shell("show", str(first), "--json"))["kept"] is True


def test_an_age_that_is_none_is_refused(shell: Shell) -> None:
    assert "--older-than" in shell("prune", "--older-than", "soon", "--yes", code=2).err
    assert "future" in shell("prune", "--older-than", "2999-01-01", "--yes", code=2).err
