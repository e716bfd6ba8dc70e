"""The worker's process ends itself rather than to stand still unseen; whoever keeps it alive starts it again."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.callbacks import working


class Ended(Exception):
    """The process would have ended."""


@pytest.mark.parametrize(("busy_seconds", "alive"), [(61.0, True), (0.0, False)])
def test_a_worker_that_hangs_or_has_lost_its_slow_lane_ends(
    monkeypatch: pytest.MonkeyPatch, *, busy_seconds: float, alive: bool
) -> None:
    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(working, "_WATCH_SECONDS", 0.0)
    monkeypatch.setattr("os._exit", end)
    worker: Any = SimpleNamespace(busy_seconds=lambda: busy_seconds)
    runner: Any = SimpleNamespace(alive=alive)
    with pytest.raises(Ended, match="1"):
        working._watch(worker, runner, working._Stop())  # noqa: SLF001


def test_a_worker_that_works_is_left_alone_until_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = working._Stop()  # noqa: SLF001
    looks = []

    def look() -> float:
        looks.append(1)
        stop.asked = len(looks) == 3
        return 59.0

    monkeypatch.setattr(working, "_WATCH_SECONDS", 0.0)
    worker: Any = SimpleNamespace(busy_seconds=look)
    working._watch(worker, SimpleNamespace(alive=True), stop)  # type: ignore[arg-type]  # noqa: SLF001
    assert len(looks) == 3
