"""The slow lane's measurement counts what came to its destinations."""

from pathlib import Path

from bench.slow_lane import measure


def test_every_task_of_a_living_destination_came_and_dead_ones_hold_up_nobody(tmp_path: Path) -> None:
    lane = measure(tmp_path, count=400, destinations=10, dead=2, concurrency=4)
    assert (lane.tasks, lane.dead, lane.most_often) == (400, 2, 1)
    assert lane.seconds < 8.0  # a dead one is given up after ten
    assert 0 < lane.p50_seconds <= lane.p99_seconds <= lane.seconds + 1
