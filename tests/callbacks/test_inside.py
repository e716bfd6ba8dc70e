import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.callback_manager import initialize_callbacks, use_manager
from app.core.database import make_engine
from app.core.errors import StartRefused
from app.engine.log import open_log
from tests.callbacks.vectors import settings


@pytest.fixture(autouse=True)
def no_manager_is_left_behind() -> Iterator[None]:
    use_manager(None)
    yield
    use_manager(None)


async def test_a_worker_inside_decides_and_hands_over_what_others_append(tmp_path: Path) -> None:
    handled, loop = asyncio.Event(), asyncio.get_running_loop()

    class Own(WebhookCallbackHandler):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            assert data == {"n": 1}
            loop.call_soon_threadsafe(handled.set)

    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    manager = initialize_callbacks(engine, worker=True)
    assert initialize_callbacks(worker=True).worker is manager.worker is not None
    try:
        manager.register_handler("own", Own("own", settings=settings()))
        log = open_log(manager.settings.callback_log_url, server=False)
        log.write_batch([(0, "own", "x", "x", "", 1, "", b'{"n": 1}', "unverified", "127.0.0.1")])
        log.close()
        await asyncio.wait_for(handled.wait(), 20)
    finally:
        manager.worker.stop()
    manager.worker.stop()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT deaths FROM callback_offsets")).scalar_one() == 0
    engine.dispose()


def test_a_single_connection_is_no_place_for_a_worker(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    with engine.connect() as connection, pytest.raises(StartRefused, match="engine"):
        initialize_callbacks(connection, worker=True)
    engine.dispose()


def test_a_worker_inside_does_not_start_with_a_rule_that_leads_to_nobody(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    manager = initialize_callbacks(engine)
    manager.add_rule(lambda _: True, "nobody")
    with pytest.raises(StartRefused, match="nobody"):
        initialize_callbacks(worker=True)
    assert manager.worker is None
    engine.dispose()
