"""A state database of its own for each test, and tasks to put into it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.core.database import make_engine, writing
from app.engine.tables import metadata


@pytest.fixture
def state_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture
def open_state(state_url: str) -> Iterator[Callable[[], Engine]]:
    """Opens the state as one more process would: an engine of its own on the same file."""
    opened: list[Engine] = []

    def one_more() -> Engine:
        opened.append(make_engine(state_url, "worker"))
        return opened[-1]

    with writing(one_more()) as connection:
        metadata.create_all(connection)
    yield one_more
    for engine in opened:
        engine.dispose()


@pytest.fixture
def state(open_state: Callable[[], Engine]) -> Engine:
    return open_state()
