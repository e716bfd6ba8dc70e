from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.callbacks.events.road import Road, a_road
from tests.fakes.webhook_receiver import Receiver, webhook_receiver


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Road]:
    with a_road(tmp_path) as one:
        yield one


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as one:
        yield one
