"""Other processes that end with their test."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.engine.log.building import Child


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is to be; its folder is there, the file is not."""
    return tmp_path / "log.db"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[..., Child]]:
    """`start(server=True)` → another process on the same log, as it says that it is ready."""
    children: list[Child] = []

    def starting(*, server: bool = False, environment: Mapping[str, str] = {}) -> Child:
        child = Child(path, server=server, environment=environment)
        children.append(child)
        assert child.hear() == "ready"
        return child

    yield starting
    for child in children:
        child.end()
