"""A tail shows each callback once, in the log's order, with its outcome, and waits no longer than it must."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app.engine.log import open_log
from app.operate.tail import PATIENCE, Tail
from tests.operate.arrivals import NOTHING, Arrivals

Shown = list[tuple[int, str]]


class Follower:
    """A tail with a clock of its own."""

    def __init__(self, arrivals: Arrivals, sought: Mapping[str, str] = NOTHING, since: int | None = 0) -> None:
        self.now = 0
        self.arrivals = arrivals
        self.tail = Tail(
            arrivals.shop.engine, arrivals.log, arrivals.wanted(sought), since=since, at=self.now, lang="en"
        )

    def step(self, later: int = 100_000) -> Shown:
        self.now += later
        return [(int(line.callback_id), line.outcome) for line in self.tail.step(self.now)]


@pytest.fixture
def shop(arrivals: Arrivals) -> Arrivals:
    arrivals.shop.announce("TU-1", "ani")
    arrivals.shop.announce("TU-2", "budi")
    return arrivals


def test_what_came_before_is_caught_up_with_and_then_followed_without_a_gap(shop: Arrivals) -> None:
    first, second, third = (shop.receive("TU-1") for _ in range(3))
    shop.decide()
    follower = Follower(shop, since=first)
    assert follower.step() == [(second, "duplicate"), (third, "duplicate")]
    assert follower.step() == []
    fourth = shop.receive("TU-2")
    assert follower.step() == []
    shop.decide()
    assert follower.step() == [(fourth, "applied")]
    assert follower.step() == []
    assert follower.tail.place == fourth


def test_without_a_beginning_only_what_comes_from_now_on_is_shown(shop: Arrivals) -> None:
    shop.receive("TU-1")
    shop.decide()
    follower = Follower(shop, since=None)
    new = shop.receive("TU-1")
    shop.decide()
    assert follower.step() == [(new, "duplicate")]


def test_a_callback_that_nobody_decides_is_shown_undecided_after_a_moment_and_once(shop: Arrivals) -> None:
    follower = Follower(shop)
    new = shop.receive("TU-1")
    assert follower.step() == []
    assert follower.step(PATIENCE // 2) == []
    assert follower.step(PATIENCE) == [(new, "")]
    shop.decide()
    assert follower.step() == []


def test_the_backlog_of_a_worker_that_stands_is_not_waited_for_page_by_page(
    shop: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.operate.tail._HELD_MAX", 2)
    ids = [shop.receive("TU-1") for _ in range(6)]
    follower = Follower(shop)
    assert follower.step() == []
    seen = follower.step(PATIENCE)
    seen += follower.step(1) + follower.step(1)
    assert seen == [(each, "") for each in ids]


def test_a_worker_that_moves_is_waited_for_however_long_it_takes(shop: Arrivals) -> None:
    ids = [shop.receive("TU-1") for _ in range(3)]
    shop.decide()
    late = shop.receive("TU-1")
    follower = Follower(shop)
    assert [each for each, _ in follower.step(PATIENCE * 5)] == ids
    assert follower.step(PATIENCE // 2) == []
    shop.decide()
    assert follower.step(PATIENCE // 2 - 1) == [(late, "duplicate")]


def test_where_an_outcome_is_looked_for_it_is_waited_for(shop: Arrivals) -> None:
    follower = Follower(shop, {"outcome": "duplicate"})
    shop.receive("TU-1")
    again = shop.receive("TU-1")
    assert follower.step() == []
    assert follower.step(PATIENCE * 10) == []
    shop.decide()
    assert follower.step() == [(again, "duplicate")]


@pytest.mark.parametrize(
    ("sought", "expected"),
    [
        ({"order_id": "TU-2"}, [1, 4]),
        ({"user_id": "budi"}, [1, 4]),
        ({"provider": "digiflazz"}, [2]),
        ({"text": "bni"}, [3]),
    ],
)
def test_a_tail_takes_the_filters_of_the_log(shop: Arrivals, sought: dict[str, str], expected: list[int]) -> None:
    ids = [shop.receive("TU-1"), shop.receive("TU-2"), shop.receive("X", provider="digiflazz")]
    ids.append(shop.receive("TU-1", bank="BNI"))
    shop.decide()
    ids.append(shop.receive("TU-2"))
    follower = Follower(shop, sought)
    found = follower.step() + follower.step(PATIENCE)
    assert [each for each, _ in found] == [ids[number] for number in expected]
    assert follower.tail.place == ids[-1]


def test_another_log_in_the_place_of_the_first_is_followed_from_there(shop: Arrivals, tmp_path: Path) -> None:
    old = shop.receive("TU-1")
    shop.decide()
    lost = shop.receive("TU-1")
    follower = Follower(shop)
    assert follower.step() == [(old, "applied")]
    (tmp_path / "other").mkdir()
    other = f"sqlite:///{tmp_path}/other/log.db"
    open_log(other, server=False).close()
    for name in ("log.db-wal", "log.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.move(tmp_path / "other" / "log.db", tmp_path / "log.db")
    assert follower.step() == []
    assert follower.tail.log_changed()
    assert not follower.tail.log_changed()
    new = shop.receive("TU-1")
    shop.decide()
    assert follower.step() == [(lost, ""), (new, "duplicate")]


def test_what_fails_loses_nothing(shop: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    new = shop.receive("TU-1")
    shop.decide()
    follower = Follower(shop)

    def broken(*_: object, **__: object) -> Callable[..., object]:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr("app.operate.tail.lines", broken)
        with pytest.raises(OSError, match="gone"):
            follower.step()
    assert follower.tail.place == 0
    assert follower.step() == [(new, "applied")]
