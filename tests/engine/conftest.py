"""The hot path is tested on the loop that serves in earnest."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

_ON_UVLOOP = {"test_protocol.py"}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of each test file of this folder."""
    if item.path.name in _ON_UVLOOP:
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
