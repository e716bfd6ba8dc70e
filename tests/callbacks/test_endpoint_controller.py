import pytest
from starlette.testclient import TestClient

from app.callbacks import examples
from app.core.config import get_settings
from tests.callbacks.web import application, settle, web
from tests.fakes.webhook_receiver import webhook_receiver

__all__ = ["web"]

ORDER = {"order_id": "ORDER-123", "user_id": "ani", "kind": "topup", "amount": "100000.00"}


@pytest.fixture
def there(web: TestClient) -> TestClient:
    """Something was received, so that there is a log."""
    web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
    return web


def test_an_endpoint_is_added_shown_exchanged_switched_and_removed(there: TestClient) -> None:
    made = there.post("/endpoints", json=examples.ENDPOINT["events"])
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert there.get("/endpoints").json()["endpoints"] == [made.json()["endpoint"]]
    assert secret not in there.get("/endpoints").text
    assert there.post("/endpoints", json=examples.ENDPOINT["events"]).status_code == 422
    exchanged = there.post("/endpoints/shop/rotate", json={"overlap_hours": 1}).json()
    assert exchanged["secret"] != secret
    assert exchanged["old_until"] is not None
    assert there.post("/endpoints/shop/rotate").status_code == 200
    assert there.post("/endpoints/shop/disable").json()["state"] == "off"
    assert there.post("/endpoints/shop/enable").json()["state"] == "on"
    assert there.post("/endpoints/shop/remove").json()["name"] == "shop"
    assert there.get("/endpoints/shop").status_code == 404


def test_a_test_event_is_answered(there: TestClient) -> None:
    with webhook_receiver() as receiver:
        told = {"name": "shop", "url": receiver.url, "events": ["*"]}
        secret = there.post("/endpoints", json=told).json()["secret"]
        answer = there.post("/endpoints/shop/test").json()
    assert (answer["success"], answer["told"]) == (True, "answers 200")
    assert receiver.taken[0].proved(secret)["id"] == answer["event_id"]


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"name": "shop", "url": "https://shop.example/"}, "events"),
        ({"name": "shop", "url": "javascript:alert(1)", "events": ["*"]}, "url"),
        ({"name": "../x", "url": "https://shop.example/", "events": ["*"]}, "name"),
        ({"name": "shop", "url": "https://shop.example/", "events": ["nothing"]}, "events"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(there: TestClient, told: dict[str, object], field: str) -> None:
    answer = there.post("/endpoints", json=told)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://shop.example/hooks", 422),
        ("https://shop.example/hooks", 201),
        ("http://127.0.0.1:3000/hooks", 201),
        ("http://[::1]:3000/hooks", 201),
        ("http://127.0.0.1.evil.example/hooks", 422),
    ],
)
def test_production_wants_https_or_this_machine_s_own_loopback(
    monkeypatch: pytest.MonkeyPatch, url: str, status: int
) -> None:
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", "letmein")
    monkeypatch.setenv("CALLBACK_ENV", "production")
    get_settings.cache_clear()
    with application() as web:
        headers = {"authorization": "Bearer letmein"}
        told = {"name": "shop", "url": url, "events": ["*"]}
        assert web.post("/endpoints", json=told, headers=headers).status_code == status


def test_the_stream_begins_at_its_end_and_goes_on_from_any_place(there: TestClient) -> None:
    end = there.get("/callbacks/feed").json()
    assert end["callbacks"] == []
    assert there.post("/events/listen").json()["name"] == "pull:forward"
    there.post("/transactions", json=ORDER)
    there.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
    assert there.get(f"/callbacks/feed?after={end['after']}").json()["callbacks"] == []  # not decided
    settle()
    page = there.get(f"/callbacks/feed?after={end['after']}&providers=midtrans").json()
    assert [each["provider"] for each in page["callbacks"]] == ["midtrans"]
    assert there.get(f"/callbacks/feed?after={page['after']}").json()["callbacks"] == []
    told = there.get("/events?after=0&types=transaction.*").json()
    assert ['"transaction.settled"' in each["body"] for each in told["events"]] == [True]
    assert there.get("/events?after=0&types=ppob.*").json()["events"] == []
    assert there.get("/events?types=nothing").status_code == 422
