from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operate.files.folder import WatchedFolder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[WatchedFolder]:
    watched = WatchedFolder(tmp_path)
    yield watched
    watched.engine.dispose()
