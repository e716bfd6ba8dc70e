"""A server that is killed at any moment: whatever it said was acknowledged is in the log."""

import random
import select
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.engine.log.sqlite import SqliteLog
from tests.engine.log.building import Child, all_ids

KILLS = 5


@pytest.mark.parametrize("batch_rows", [1, 40, 2000], ids=["one", "a group", "so many that checkpoints are under way"])
def test_every_id_that_was_reported_before_a_kill_is_in_the_log(
    path: Path, start: Callable[..., Child], batch_rows: int
) -> None:
    chance = random.Random(batch_rows)  # noqa: S311 - moments, no secrets
    reported: list[int] = []
    for _ in range(KILLS):
        server = start(server=True)
        server.say(f"pour {batch_rows}")
        said = [server.hear()]
        # The moment is random in work done and in time: after so many batches, and so long into the next one.
        said += [server.hear() for _ in range(chance.randrange(60))]
        select.select([], [], [], chance.random() * 0.01)
        server.process.send_signal(signal.SIGKILL)
        said += server.out.read().splitlines()
        reported += [int(line) for line in said]  # a line is shorter than what a pipe takes as one

    with closing(SqliteLog(str(path), server=True)) as log:
        kept = all_ids(log)

    due = {first + n for first in reported for n in range(batch_rows)}
    assert len(due) == len(reported) * batch_rows
    assert due <= set(kept)
    assert len(kept) - len(due) <= KILLS * batch_rows * 2
