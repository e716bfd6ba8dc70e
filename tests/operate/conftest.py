from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operate.arrivals import Arrivals
from tests.operate.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.engine.dispose()


@pytest.fixture
def arrivals(tmp_path: Path) -> Iterator[Arrivals]:
    arrivals = Arrivals(tmp_path)
    yield arrivals
    arrivals.close()
