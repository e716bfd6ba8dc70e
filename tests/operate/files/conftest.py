from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operate.files.folder import WatchedFolder
from tests.operate.files.uploading import Uploads


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[WatchedFolder]:
    watched = WatchedFolder(tmp_path)
    yield watched
    watched.engine.dispose()


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Uploads]:
    uploads = Uploads(tmp_path)
    yield uploads
    uploads.engine.dispose()
