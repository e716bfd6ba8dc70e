"""What a person types to prune, export and import."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.callbacks import examples
from app.core.config import get_settings
from app.engine.log.place import take_import_lock
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
    assert "no longer in the log (pruned, or the log was replaced)" in shown
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
    for file in ("nowhere/old.jsonl", "closed", "-"):
        shell("prune", "--older-than", "90d", "--yes", "--export", file, code=2)
    assert data(shell("show", str(first), "--json"))["kept"] is True


def test_an_age_that_is_none_is_refused(shell: Shell) -> None:
    assert "--older-than" in shell("prune", "--older-than", "soon", "--yes", code=2).err
    assert "future" in shell("prune", "--older-than", "2999-01-01", "--yes", code=2).err


def test_an_export_enters_another_system_and_nothing_twice(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    two(shell)
    assert data(shell("export", "all.jsonl.gz", "--json")) == {"callbacks": 2, "file": "all.jsonl.gz"}
    lines = shell("export", "-", "--provider", "midtrans", "--from", "2025-01-01").out.splitlines()
    assert [json.loads(line)["provider"] for line in lines] == ["midtrans", "midtrans"]
    assert shell("export", "none.jsonl", "--to", "2025-01-01").err == "0 callbacks written\n"
    assert shell("import", "all.jsonl.gz").out == "0 imported, 2 here already, 0 refused\n"
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other/state.db")
    monkeypatch.setenv("CALLBACK_LOG_URL", "sqlite:///other/log.db")
    get_settings.cache_clear()
    shell("migrate")
    assert data(shell("import", "all.jsonl.gz", "--json"))["imported"] == 2
    assert data(shell("import", "all.jsonl.gz", "--json"))["here_already"] == 2
    page = data(shell("log", "--json"))["callbacks"]
    assert len(page) == 2
    assert "imported-id" in shell("show", page[0]["callback_id"]).out


def test_lines_that_are_not_taken_are_told_by_number(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b'{"id": "\x1b[31m\n' * 30)
    ran = shell("import", "in.jsonl", code=1)
    assert ran.out == "0 imported, 0 here already, 30 refused\n"
    assert ran.err.startswith("line 1: line: is no exported callback")
    assert "… and 10 more" in ran.err
    assert "\x1b" not in ran.err


def test_a_packed_file_that_is_broken_is_one_line(shell: Shell, tmp_path: Path) -> None:
    two(shell)
    shell("export", "all.jsonl.gz")
    whole = (tmp_path / "all.jsonl.gz").read_bytes()
    for broken in (whole[:-12], whole[:20] + b"\xff" * 40, b"no archive"):
        (tmp_path / "broken.jsonl.gz").write_bytes(broken)
        assert "FILE" in shell("import", "broken.jsonl.gz", code=2).err
    assert "nowhere" in shell("import", "nowhere.jsonl", code=2).err


def test_two_imports_at_once_do_not_run(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("")
    held = take_import_lock(tmp_path / "data" / "log.db")
    assert "another import" in shell("import", "in.jsonl", code=2).err
    os.close(held)
    shell("import", "in.jsonl")


def test_show_still_explains_what_only_a_log_that_was_replaced_had(shell: Shell) -> None:
    first, _ = two(shell)
    for path in Path("data").glob("log.db*"):
        path.unlink()
    take(examples.MIDTRANS)  # makes the log anew
    shown = shell("show", str(first)).out
    assert "no longer in the log (pruned, or the log was replaced)" in shown
    assert "wallet:ani" in shown
