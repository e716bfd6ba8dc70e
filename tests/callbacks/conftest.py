from collections.abc import Iterator

import pytest

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
