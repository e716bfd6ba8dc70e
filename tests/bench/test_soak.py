"""Memory that grows is found, memory that is flat is not accused, and the short run has right books."""

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from bench import soak, traffic
from bench.soak import Memory, memory_of, show


def test_a_leak_is_a_slope_and_the_filling_of_caches_is_none() -> None:
    filling = [(5.0 * n, 60 + min(n, 20)) for n in range(100)]
    leaking = [(second, mib + second / 60) for second, mib in filling]
    assert memory_of(filling) == Memory(60.0, 80.0, 80.0, 0.0)
    assert memory_of(leaking).mib_a_minute == pytest.approx(1.0)


def test_one_outlier_bends_nothing() -> None:
    samples = [(5.0 * n, 70.0) for n in range(100)]
    samples[-1] = (495.0, 500.0)
    assert memory_of(samples) == Memory(70.0, 500.0, 500.0, 0.0)


def test_both_processes_are_watched_and_the_books_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "ORDERS", {False: 50, True: 10})
    monkeypatch.setattr(soak, "_LOOK_SECONDS", 0.1)
    found = soak.soak(tmp_path, seconds=1, rate=500, seed=1, console=Console(file=io.StringIO()))
    assert found.memory.keys() == {"serve", "worker"}
    assert all(one.first_mib > 10 for one in found.memory.values())
    assert found.callbacks > 10
    assert found.differences == 0
    for wrong in ({"differences": 1}, {"callbacks": 0}, {"memory": {"worker": Memory(1.0, 9.0, 9.0, 1.0)}}):
        worse = msgspec.structs.replace(found, **wrong)
        assert not worse.good
        console = Console(file=io.StringIO(), width=100)
        show(worse, console)
        assert isinstance(console.file, io.StringIO)
        assert f"{worse.differences:,} balances" in console.file.getvalue()
