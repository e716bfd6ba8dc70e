"""Growing is made by the real worker, and the check of a measurement would notice a loss."""

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from app.core.database import make_engine, reading
from bench import growth
from bench.filling import pay
from bench.growth_report import Level, Report, Search, show, write
from bench.machine import machine
from bench.ours import announce


def a_level(callbacks: int, *, serve_us: float = 20.0, worker_us: float = 25.0, wrong: Sequence[str] = ()) -> Level:
    """What a measurement found."""
    searches = [Search("an order", 1.5, 20.0), Search("a user", 2.5, 3.0)]
    return Level(callbacks, serve_us, worker_us, 30_000.0, 29_000.0, 9.0, 200.0, 1, 1, searches, list(wrong))


def test_what_was_filled_was_applied_and_gives_searching_something_to_find(tmp_path: Path) -> None:
    announce(tmp_path, 0, 200, "ascending")
    pay(tmp_path, 0, 200, lambda _: None)
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    with reading(engine) as connection:
        found = connection.exec_driver_sql("SELECT outcome, count(*) FROM callback_outcomes GROUP BY outcome").all()
    engine.dispose()
    assert dict(map(tuple, found)) == {"applied": 199, "duplicate": 2, "rejected": 1}


def test_each_level_is_measured_on_what_the_one_before_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "ROOT", tmp_path)
    monkeypatch.setattr(growth, "CALLBACKS", 100)
    monkeypatch.setattr(growth, "TIMES", 1)
    report = growth.run((300, 600), Console(file=io.StringIO()))
    assert [level.callbacks for level in report.levels] == [300, 600]
    assert [level.wrong for level in report.levels] == [[], []]
    assert all(level.accepted_per_second > 0 for level in report.levels)
    assert {search.what for search in report.levels[0].searches} == set(growth.questions(300))
    assert not list((tmp_path / "data" / "bench").iterdir())


def test_too_little_disk_is_said_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "ROOT", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(SystemExit, match="GB of disk are needed"):
        growth.run((10_000,), Console(file=io.StringIO()))


def test_the_ratio_is_the_largest_level_by_the_smallest(tmp_path: Path) -> None:
    report = Report(machine(tmp_path), [a_level(10), a_level(1_000, serve_us=22.0, worker_us=30.0, wrong=["one lost"])])
    assert report.ratios() == {"receiving": 1.1, "applying": 1.2}
    console = Console(file=io.StringIO(), width=160)
    show(report, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "applying: 1.2 x" in text
    assert "wrong at 1,000: one lost" in text
    assert all(path.stat().st_size > 100 for path in write(report, tmp_path, "growth"))
