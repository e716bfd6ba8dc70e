from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.callbacks.world import World
from tests.fakes.chat_api import ChatApi, chat_api


@pytest.fixture(scope="module")
def running() -> Iterator[ChatApi]:
    with chat_api() as api:
        yield api


@pytest.fixture
def api(running: ChatApi) -> ChatApi:
    running.sent.clear()
    running.forget()
    return running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.log.close()
    world.engine.dispose()
