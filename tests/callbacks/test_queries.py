"""The addresses that list something: the same filters as the commands, a cursor, and the admin token."""

import pytest
from starlette.testclient import TestClient

from app.callbacks import examples
from tests.callbacks.web import settle
from tests.callbacks.web import web as web  # noqa: PLC0414 - a fixture of that room


def test_callbacks_and_orders_are_listed_by_user_time_and_text(web: TestClient) -> None:
    web.post("/transactions", json=examples.TRANSACTION)
    taken = web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS).json()["callback_id"]
    settle()

    def callbacks(**query: str) -> list[str]:
        return [line["callback_id"] for line in web.get("/callbacks/log", params=query).json()["callbacks"]]

    def orders(**query: str) -> list[str]:
        return [line["order_id"] for line in web.get("/transactions", params=query).json()["transactions"]]

    assert callbacks(user_id="ani", text="BANK_transfer") == [taken]
    assert callbacks(**{"from": "1h", "to": "0s"}) == [taken]
    assert callbacks(to="1h") == []
    assert orders(user_id="ani", status="paid", kind="topup", provider="midtrans", **{"from": "1h"}) == ["ORDER-123"]
    assert orders(status="waiting") == []
    assert orders(to="1h") == []


@pytest.mark.parametrize(
    "address",
    [
        "/callbacks/log?from=soon",
        "/callbacks/log?text=" + "x" * 201,
        "/callbacks/dead?kind=letter",
        "/callbacks/dead?to=soon",
        "/callbacks/alerts?kind=lost",
        "/callbacks/alerts?rows=201",
        "/transactions?status=lost",
        "/transactions?rows=0",
        "/callbacks/log?order=TU-1",
        "/callbacks/dead?outcome=applied",
        "/callbacks/alerts?from=1h",
        "/transactions?order_id=TU-1",
        "/wallets/ani/entries?before=1",
    ],
)
def test_what_cannot_be_asked_is_a_422(web: TestClient, address: str) -> None:
    assert web.get(address).status_code == 422


def test_orders_are_listed_for_the_bearer_of_the_token_alone(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", "secret")
    web: TestClient = request.getfixturevalue("web")
    assert web.get("/transactions").status_code == 401
    assert web.get("/transactions", headers={"Authorization": "Bearer secret"}).status_code == 200
