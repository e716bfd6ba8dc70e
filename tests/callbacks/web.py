"""An application of somebody's own that mounts our router, for the tests of addresses."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.callbacks.callback_controller import callback_router
from app.callbacks.callback_manager import get_callback_manager, use_manager
from app.core.config import get_settings
from app.core.database import engine_for, ensure_schema, get_engine
from app.engine import offsets
from app.engine.log import open_log
from app.engine.worker import Worker


def settle() -> int:
    """Have a worker decide what is in the log → how many callbacks that were."""
    log = open_log(get_settings().callback_log_url, server=False)
    try:
        worker = Worker(log, get_engine(), get_callback_manager().lookup)
        worker.begin()
        done = worker.step()
        offsets.end(get_engine(), worker.place.epoch_no)
        return done
    finally:
        log.close()


@contextmanager
def application(*, peer: str = "127.0.0.1", host: str = "127.0.0.1") -> Iterator[TestClient]:
    """A client of a fresh application; the settings are those of the environment."""
    get_settings.cache_clear()
    engine_for.cache_clear()
    use_manager(None)
    ensure_schema(get_engine())
    app = FastAPI()
    app.include_router(callback_router)
    with TestClient(app, base_url=f"http://{host}", client=(peer, 50_000)) as client:
        yield client
    get_engine().dispose()
    engine_for.cache_clear()
    use_manager(None)


@pytest.fixture
def web() -> Iterator[TestClient]:
    with application() as client:
        yield client
