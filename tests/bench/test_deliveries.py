"""The measurement of messages goes through the whole program, and tells who was delayed."""

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from bench import deliveries
from bench.deliveries import show


@pytest.mark.timeout(120)
def test_every_message_to_a_living_place_came_once_and_the_figures_are_of_those(tmp_path: Path) -> None:
    found = deliveries.run(tmp_path, count=120, rate=120.0, each=2, destinations=12)
    loads = (found.channels, found.channels_beside_dead, found.chats, found.chats_beside_dead)
    assert [(one.messages, one.dead) for one in loads] == [(120, 0), (70, 5), (24, 0), (14, 5)]
    assert all(0 <= one.p50_seconds <= one.p99_seconds <= one.most_seconds <= one.seconds + 1 for one in loads)
    assert found.channels.seconds >= 0.9  # at the rate that was asked for

    slow = msgspec.structs.replace(found.channels, p99_seconds=found.channels.p99_seconds * 1.6)
    assert not msgspec.structs.replace(found, channels_beside_dead=slow).good
    told = io.StringIO()
    show(found, Console(file=told, width=120))
    assert "5 of 12 dead" in told.getvalue()
