"""A state database that somebody else holds locked: who writes is told in time, who reads or receives never waits."""

from collections.abc import Iterator

import pytest
from sqlalchemy import QueuePool
from starlette.testclient import TestClient

from app.callbacks import examples
from app.core import database
from app.core.database import get_engine, writing
from tests.callbacks.web import application


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(database, "_BUSY_MS", 50)  # fifteen seconds in earnest
    with application() as client:
        yield client


def test_while_the_state_is_locked_announcing_is_503_and_receiving_goes_on(web: TestClient) -> None:
    with writing(get_engine()):
        refused = web.post("/transactions", json=examples.TRANSACTION)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert "nothing was done" in refused.json()["detail"]
        assert web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS).status_code == 200
        assert web.get("/wallets/ani").status_code == 404
    assert web.post("/transactions", json=examples.TRANSACTION).status_code == 201


def test_who_finds_no_connection_free_is_told_in_time(web: TestClient) -> None:
    pool = get_engine().pool
    assert isinstance(pool, QueuePool)
    held = [get_engine().connect() for _ in range(pool.size())]
    try:
        refused = web.get("/wallets/ani")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert "too many requests wait" in refused.json()["detail"]
    finally:
        for each in held:
            each.close()
    assert web.get("/wallets/ani").status_code == 404
