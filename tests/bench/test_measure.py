"""Small measurements with real processes: what counts is that their checks would notice a loss."""

from pathlib import Path
from typing import Any

import pytest

from bench.load import Result
from bench.measure import Load, Row, Watched, applied_p99_ms, measure
from bench.orders import Shape
from bench.ours import Ours
from bench.peers.celery_peer import PEER_QUEUE, has_redis
from bench.peers.peer import PEER_EFFECTS, PEER_INSERT
from bench.systems import System, differences

SHAPE = Shape("ascending", "random")
LOAD = Load(SHAPE, announced=300, seconds=30, connections=8, count_max=200)
SYSTEMS: list[Any] = [
    PEER_INSERT,
    PEER_EFFECTS,
    pytest.param(PEER_QUEUE, marks=pytest.mark.skipif(not has_redis(), reason="there is no redis-server")),
    Ours(effects=False),
    Ours(effects=True),
]


def a_result(**fields: object) -> Result:
    """A load that came to an end without trouble."""
    usual: dict[str, object] = {
        "statuses": {"200": 1},
        "accepted": 1,
        "accepted_rupiah": 10_000,
        "broken": 0,
        "started_ns": 0,
        "ended_ns": 1_000_000_000,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "max_ms": 3.0,
        "cpu_seconds": 0.1,
        "samples": [],
    }
    return Result(**(usual | fields))  # type: ignore[arg-type]


@pytest.fixture(params=SYSTEMS, ids=lambda system: getattr(system, "name", "queue"))
def measured(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[System, Path, Row]:
    system: System = request.param
    system.announce(tmp_path, LOAD.announced, SHAPE.ids)
    return system, tmp_path, measure(system, tmp_path, LOAD)


def test_each_system_takes_the_load_and_every_200_counts_exactly_once(measured: tuple[System, Path, Row]) -> None:
    system, folder, row = measured
    assert row.wrong == []
    assert (row.accepted, row.statuses) == (200, {"200": 200})
    assert (row.applied_per_second is not None) is system.effects
    # the check sees one callback too few, and one too many
    for accepted in (199, 201):
        assert list(system.check(folder, a_result(accepted=accepted)))


def test_a_sample_waits_from_its_answer_to_the_first_look_that_found_its_effect() -> None:
    watched = Watched(times_ns=[1_000_000, 3_000_000, 9_000_000], offsets=[10, 20, 30])
    assert applied_p99_ms([(15, 1_500_000)], watched) == 1.5
    assert applied_p99_ms([(30, 2_000_000)], watched) == 7.0


def test_an_effect_that_was_there_before_its_answer_was_read_waited_for_nothing() -> None:
    assert applied_p99_ms([(10, 5_000_000)], Watched(times_ns=[1_000_000], offsets=[10])) == 0


def test_what_differs_is_told_with_both_figures() -> None:
    assert list(differences({"journals": 99, "facts": 1}, {"journals": 100, "facts": 1})) == ["journals: 99, not 100"]
