import hashlib
import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.callbacks import examples
from app.callbacks.callback_controller import callback_router, install
from app.core.config import get_settings
from app.core.telemetry import METRICS
from tests.callbacks.web import application, settle, web

__all__ = ["web"]

ORDER = {"order_id": "ORDER-123", "user_id": "ani", "kind": "topup", "amount": "100000.00"}


def announce(web: TestClient, **more: Any) -> Any:
    return web.post("/transactions", json={**ORDER, **more})


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["success"] is False
    assert body["status"] == status
    assert body["detail"]
    return body


def test_the_specification_s_midtrans_example_credits_the_wallet(web: TestClient) -> None:
    assert announce(web).status_code == 201
    taken = web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
    assert taken.status_code == 200
    assert taken.json()["success"] is True
    assert isinstance(taken.json()["callback_id"], str)
    assert settle() == 1
    assert web.get("/wallets/ani").json() == {
        "user_id": "ani",
        "balance": "100000.00",
        "held": "0.00",
        "currency": "IDR",
    }
    shown = web.get("/transactions/ORDER-123").json()
    assert shown["status"] == "paid"
    assert {posting["account"] for posting in shown["postings"]} == {"wallet:ani", "clearing:midtrans"}
    [entry] = web.get("/wallets/ani/entries").json()["entries"]
    assert (entry["amount"], entry["balance"], entry["order_id"]) == ("100000.00", "100000.00", "ORDER-123")


def test_an_order_is_created_once_and_found_again(web: TestClient) -> None:
    first, second = announce(web), announce(web)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert "announced already" in problem(announce(web, amount="5"), 409)["detail"]
    assert "costs" in problem(announce(web, order_id="B", kind="ppob", amount="5"), 402)["detail"]
    problem(web.get("/transactions/nothing"), 404)
    problem(web.get("/wallets/nobody"), 404)
    problem(web.get("/wallets/nobody/entries"), 404)


def test_an_order_id_may_hold_slashes(web: TestClient) -> None:
    assert announce(web, order_id="INV/2025/7").status_code == 201
    assert web.get("/transactions/INV%2F2025%2F7").json()["order_id"] == "INV/2025/7"
    word = {"word": "paid", "reason": "seen at the bank"}
    assert web.post("/transactions/INV%2F2025%2F7/resolve", json=word).json()["status"] == "paid"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "1,5"),
        ("amount", True),
        ("amount", None),
        ("kind", "gift"),
        ("order_id", "a b"),
        ("user_id", []),
        ("amout", "1"),
    ],
)
def test_a_field_that_does_not_fit_is_named(web: TestClient, field: str, value: object) -> None:
    assert problem(announce(web, **{field: value}), 422)["field"].startswith(field)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b'{"amount": 1' + b"0" * 5000 + b"}",
        b'{"a": "\xff"}',
        b'{"order_id": "a", "user_id": "b", "kind": "topup", "amount": "1", "\\ud800": 1}',
        b'{"order_id": {"\\ud800": 1}}',
    ],
)
def test_a_body_that_is_no_announcement_is_a_problem(web: TestClient, body: bytes) -> None:
    answer = web.post("/transactions", content=body, headers={"content-type": "application/json"})
    problem(answer, answer.status_code)
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize(
    ("body", "kind", "status", "field", "detail"),
    [
        (b'{"order_id": true}', "application/json", 422, "order_id", "order_id: Input should be a valid string or: "),
        (b'{"order_id": "T-1"}', "application/json", 422, "user_id", "user_id: Field required"),
        (b"{bad", "application/json; charset=utf-8", 400, "", "the body is not JSON: Expecting property name"),
        (b'{"order_id": "T-1"}', "application/x-www-form-urlencoded", 415, "Content-Type", "Content-Type: send JSON"),
        (b'{"order_id": "T-1"}', "application/jsonish", 415, "Content-Type", "Content-Type: send JSON"),
        (b'{"order_id": "T-1"}', "application/vnd.shop+json", 422, "user_id", "user_id: "),
    ],
)
def test_what_is_wrong_with_a_body_is_told_in_one_line_with_its_field(
    web: TestClient, body: bytes, kind: str, status: int, field: str, detail: str
) -> None:
    told = problem(web.post("/transactions", content=body, headers={"content-type": kind}), status)
    assert (told.get("field", ""), told["detail"][: len(detail)]) == (field, detail)
    assert {"str", "int", "order_id.str"}.isdisjoint(each["field"] for each in told.get("errors", []))


def test_an_address_that_reads_no_body_does_not_ask_what_it_is(web: TestClient) -> None:
    assert web.request("GET", "/callbacks/stats", content=b"x").status_code == 200
    problem(web.post("/callbacks/dead/1/retry", headers={"content-length": "00"}), 404)


def test_an_address_or_method_that_is_none_is_told_what_to_look_at() -> None:
    app = FastAPI()
    app.include_router(callback_router)
    install(app)
    with TestClient(app) as client:
        assert "/openapi.json" in problem(client.get("/nowhere"), 404)["detail"]
        answer = client.get("/callbacks/dead/1/retry")
        assert "Allow" in problem(answer, 405)["detail"]
        assert answer.headers["allow"] == "POST"
        below = client.delete("/transactions/TU-1/resolve")  # an order's id may hold a slash: its own address fits too
        assert below.headers["allow"] == "GET, POST"


def test_a_word_that_no_order_takes_is_a_wrong_field_and_one_of_another_kind_a_conflict(web: TestClient) -> None:
    announce(web)
    word = {"word": "banana", "reason": "why not"}
    assert problem(web.post("/transactions/ORDER-123/resolve", json=word), 422)["field"] == "word"
    problem(web.post("/transactions/ORDER-123/resolve", json={**word, "word": "returned"}), 409)


def test_a_body_that_is_too_large_is_not_read(web: TestClient) -> None:
    problem(web.post("/transactions", content=b"x" * ((1 << 20) + 1)), 413)


def test_a_persons_word_is_kept_with_who_and_why(web: TestClient) -> None:
    announce(web)
    word = {"word": "paid", "reason": "seen at the bank", "who": "budi"}
    shown = web.post("/transactions/ORDER-123/resolve", json=word).json()
    assert [(cause["who"], cause["reason"]) for cause in shown["causes"]] == [("budi", "seen at the bank")]
    problem(web.post("/transactions/ORDER-123/resolve", json=word), 409)
    problem(web.post("/transactions/ORDER-9/resolve", json=word), 404)
    assert problem(web.post("/transactions/ORDER-123/resolve", json={"word": "paid"}), 422)["field"] == "reason"


def test_a_callback_is_shown_with_its_bytes_and_everything_that_came_of_it(web: TestClient) -> None:
    announce(web)
    body = json.dumps(examples.MIDTRANS).encode()
    callback_id = web.post("/callbacks/webhook/midtrans", content=body).json()["callback_id"]
    assert web.get(f"/callbacks/log/{callback_id}").json()["outcome"] == ""
    settle()
    shown = web.get(f"/callbacks/log/{callback_id}").json()
    assert shown["body"] == body.decode()
    assert shown["outcome"] == "applied"
    assert shown["verification"] == "unverified"
    assert shown["order_id"] == "ORDER-123"
    assert [fact["kind"] for fact in shown["facts"]] == ["paid"]
    assert {posting["journal_id"] for posting in shown["postings"]} == {callback_id}
    assert shown["explanation"]["facts"] == ["paid()"]
    assert "transaction_status settlement" in shown["explanation"]["said"]
    problem(web.get("/callbacks/log/7"), 404)
    problem(web.get("/callbacks/log/abc"), 422)
    problem(web.get(f"/callbacks/log/{2**63}"), 422)


def test_the_log_is_read_in_pages_and_by_what_one_looks_for(web: TestClient) -> None:
    announce(web)
    ids = [web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS).json()["callback_id"] for _ in range(3)]
    other = {**examples.MIDTRANS, "order_id": "ORDER-999"}
    ids.append(web.post("/callbacks/webhook/midtrans", json=other).json()["callback_id"])
    settle()
    ids.append(web.post("/callbacks/webhook/midtrans", json=other).json()["callback_id"])

    def found(**query: Any) -> list[str]:
        return [line["callback_id"] for line in web.get("/callbacks/log", params=query).json()["callbacks"]]

    assert found() == ids[::-1]
    assert found(order_id="ORDER-123") == ids[2::-1]
    assert found(outcome="duplicate") == ids[2:0:-1]
    assert found(outcome="applied") == [ids[0]]
    assert found(outcome="parked", provider="midtrans") == [ids[3]]
    assert found(provider="digiflazz") == []
    first = web.get("/callbacks/log", params={"rows": 2}).json()
    assert [line["callback_id"] for line in first["callbacks"]] == ids[:2:-1]
    assert found(rows=2, cursor=first["next_cursor"]) == ids[2:0:-1]
    second = web.get("/callbacks/log", params={"rows": 1, "outcome": "duplicate"}).json()
    assert found(outcome="duplicate", cursor=second["next_cursor"]) == [ids[1]]
    assert problem(web.get("/callbacks/log", params={"outcome": "lost"}), 422)["field"] == "outcome"
    problem(web.get("/callbacks/log", params={"cursor": "x"}), 422)


def test_a_dead_letter_can_be_retried_with_todays_facts_or_dropped_with_a_reason(web: TestClient) -> None:
    announce(web)
    mispaid = {**examples.MIDTRANS, "gross_amount": "5.00"}
    callback_id = web.post("/callbacks/webhook/midtrans", json=mispaid).json()["callback_id"]
    settle()
    [letter] = web.get("/callbacks/dead").json()["dead_letters"]
    assert (letter["ref"], letter["reason"]) == (callback_id, "amount_differs")
    assert "5.00 IDR" in letter["text"]
    assert "100000.00 IDR" in letter["text"]
    retried = web.post(f"/callbacks/dead/{letter['id']}/retry", json={"who": "budi"}).json()
    assert retried["outcome"] == "rejected"
    assert (retried["dead_letter"]["closed_how"], retried["dead_letter"]["closed_by"]) == ("retried", "budi")
    problem(web.post(f"/callbacks/dead/{letter['id']}/retry"), 409)
    [again] = web.get("/callbacks/dead").json()["dead_letters"]
    assert problem(web.post(f"/callbacks/dead/{again['id']}/drop", json={}), 422)["field"] == "reason"
    dropped = web.post(f"/callbacks/dead/{again['id']}/drop", json={"reason": "refunded by hand"}).json()
    assert (dropped["closed_how"], dropped["closed_reason"]) == ("dropped", "refunded by hand")
    assert web.get("/callbacks/dead").json()["dead_letters"] == []
    assert len(web.get("/callbacks/dead", params={"closed": True}).json()["dead_letters"]) == 2
    problem(web.post("/callbacks/dead/99/retry"), 404)
    [alert] = web.get("/callbacks/alerts").json()["alerts"]
    assert (alert["kind"], alert["subject"]) == ("mispaid", "order:ORDER-123")


def test_statistics_count_what_was_accepted_refused_and_became_of_it(web: TestClient) -> None:
    announce(web)
    for _ in range(2):
        web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
    assert web.post("/callbacks/webhook/midtrans", content=b"").status_code == 400
    assert web.post("/callbacks/webhook/nobody", json={}).status_code == 404
    before = web.get("/callbacks/stats").json()
    assert before["accepted"] == {"midtrans": 2}
    assert before["lag"]["callbacks"] == 2
    settle()
    after = web.get("/callbacks/stats").json()
    assert after["accepted"] == {"midtrans": 2}
    assert after["outcomes"] == {"applied": 1, "duplicate": 1}
    assert (before["lag"]["moved_at"], after["lag"]["callbacks"], after["lag"]["seconds"]) == (None, 0, 0.0)
    assert after["lag"]["moved_at"] is not None
    assert after["refused"] == {"midtrans": {"empty_body": 1}, "unknown": {"unknown_provider": 1}}


def test_statistics_are_true_after_a_restart() -> None:
    with application() as web:
        announce(web)
        web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
        web.post("/callbacks/webhook/midtrans", content=b"")
        settle()
        before = web.get("/callbacks/stats").json()
    with application() as web:
        after = web.get("/callbacks/stats").json()
    assert lasting(after) == lasting(before)


def lasting(stats: Any) -> Any:
    """What does not depend on which server is asked, and since when it runs."""
    paces = {"last_minute", "last_hour", "each_second", "measured_since", "log_bytes"}
    if isinstance(stats, dict):
        return {name: lasting(value) for name, value in stats.items() if name not in paces}
    return stats


def test_every_metric_of_the_page_is_given_out(web: TestClient) -> None:
    announce(web)
    web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
    web.post("/callbacks/webhook/midtrans", content=b"")
    settle()
    answer = web.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for metric in METRICS:
        assert f"# HELP {metric.name}" in answer.text
    assert 'callbacks_accepted_total{provider="midtrans"} 1.0' in answer.text
    assert 'callbacks_refused_total{provider="midtrans",reason="empty_body"} 1.0' in answer.text
    assert "callbacks_ready 1.0" in answer.text


def test_handlers_are_listed_with_what_is_not_configured(web: TestClient) -> None:
    listed = {row["name"]: row for row in web.get("/callbacks/handlers").json()["handlers"]}
    assert listed["midtrans"]["path"] == "/callbacks/webhook/midtrans"
    assert listed["midtrans"]["configured"] is False


def test_health_tells_whether_callbacks_can_be_taken(web: TestClient) -> None:
    assert web.get("/health/live").json() == {"success": True}
    web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
    ready = web.get("/health/ready")
    assert (ready.status_code, ready.json()["success"]) == (200, True)
    assert set(ready.json()["checks"]) == {"log", "state", "worker"}


def test_a_state_without_a_schema_is_not_ready_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with application() as web:
        monkeypatch.setenv("DATABASE_URL", "sqlite:///elsewhere.db")
        get_settings.cache_clear()
        answer = web.get("/health/ready")
        assert answer.status_code == 503
        assert "callbacks migrate" in answer.json()["checks"]["state"]["told"]
        assert "callbacks migrate" in problem(web.get("/wallets/ani"), 503)["detail"]


MANAGED = [
    ("GET", "/transactions"),
    ("GET", "/callbacks/handlers"),
    ("GET", "/callbacks/stats"),
    ("GET", "/callbacks/log"),
    ("GET", "/callbacks/log/1"),
    ("POST", "/callbacks/log/1/replay"),
    ("GET", "/callbacks/dead"),
    ("POST", "/callbacks/dead/1/retry"),
    ("POST", "/callbacks/dead/1/drop"),
    ("GET", "/callbacks/alerts"),
    ("POST", "/transactions"),
    ("GET", "/transactions/x"),
    ("POST", "/transactions/x/resolve"),
    ("GET", "/wallets/x"),
    ("GET", "/wallets/x/entries"),
    ("GET", "/metrics"),
    ("GET", "/channels"),
    ("POST", "/channels"),
    ("POST", "/channels/codes"),
    ("POST", "/channels/1/end"),
    ("GET", "/endpoints"),
    ("POST", "/endpoints"),
    ("GET", "/endpoints/shop"),
    ("POST", "/endpoints/shop/test"),
    ("POST", "/endpoints/shop/rotate"),
    ("POST", "/endpoints/shop/disable"),
    ("POST", "/endpoints/shop/enable"),
    ("POST", "/endpoints/shop/remove"),
    ("GET", "/callbacks/feed"),
    ("GET", "/events"),
    ("POST", "/events/listen"),
    ("GET", "/imports"),
    ("GET", "/products"),
    ("GET", "/topups"),
    ("GET", "/topups/1"),
    ("GET", "/topups/1/proof"),
    ("POST", "/topups/1/approve"),
    ("POST", "/topups/1/reject"),
    ("GET", "/uploads/1/file"),
    ("GET", "/uploads/1/thumbnail"),
    ("POST", "/callbacks/event/file"),
    ("POST", "/callbacks/event/upload"),
]


def test_the_list_of_managed_addresses_is_complete(web: TestClient) -> None:
    paths = web.get("/openapi.json").json()["paths"]
    listed = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    open_ones = {("GET", "/health/live"), ("GET", "/health/ready"), ("POST", "/callbacks/webhook/{provider}")}
    assert len(listed - open_ones) == len(MANAGED)


@pytest.mark.parametrize(("method", "path"), MANAGED)
def test_a_managed_address_is_closed_without_the_token(monkeypatch: pytest.MonkeyPatch, method: str, path: str) -> None:
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", "letmein")
    with application() as web:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": "letmein"},
            {"authorization": "Bearer"},
        ):
            answer = web.request(method, path, headers=headers, content=b"{")
            problem(answer, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert web.request(method, path, headers={"authorization": "Bearer letmein"}).status_code != 401


def test_without_a_token_strangers_are_shut_out_and_production_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with application(peer="192.0.2.7") as web:
        problem(web.get("/callbacks/stats"), 401)
        assert web.get("/health/ready").json()["checks"]["state"]["told"] == ""
    with application(host="evil.example") as web:  # a page that rebinds its own name to this machine
        problem(web.get("/callbacks/stats"), 401)
    monkeypatch.setenv("CALLBACK_ENV", "production")
    with application() as web:
        problem(web.get("/callbacks/stats"), 503)


def test_signed_callbacks_are_verified_behind_somebody_s_own_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDTRANS_SERVER_KEY", "SB-Mid-server-x")
    with application() as web:
        announce(web)
        problem(web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS), 401)
        text = "ORDER-123200100000.00SB-Mid-server-x"
        signed = {
            **examples.MIDTRANS,
            "status_code": "200",
            "transaction_id": "T1",
            "signature_key": hashlib.sha512(text.encode()).hexdigest(),
        }
        assert web.post("/callbacks/webhook/midtrans", json=signed).status_code == 200
        settle()
        assert web.get("/wallets/ani").json()["balance"] == "100000.00"
        callback_id = web.get("/callbacks/log").json()["callbacks"][0]["callback_id"]
        assert web.get(f"/callbacks/log/{callback_id}").json()["verified_how"] == "tanda tangan pengirim cocok"


@pytest.mark.parametrize(
    ("path", "body", "status", "reason", "field"),
    [
        ("webhook/midtrans", b'{"order_id":"T-1"}', 401, "signature_missing", "signature_key"),
        ("webhook/midtrans", b'{"signature_key":"no hex"}', 401, "signature_malformed", "signature_key"),
        ("webhook/midtrans", b'{"event_name":"subscription.charge"}', 401, "wrong_address", ""),
        ("webhook/midtrans", b"[]", 400, "unreadable_body", ""),
        ("webhook/digiflazz", b'{"data":{}}', 401, "signature_missing", "X-Hub-Signature"),
        ("webhook/telegram", b"{}", 400, "unreadable_body", "update_id"),
        ("webhook/nobody", b"{}", 404, "unknown_provider", ""),
        ("webhook/midtrans", b"", 400, "empty_body", ""),
        ("event/file", b"{}", 401, "admin_token_missing", "Authorization"),
    ],
)
def test_who_is_refused_is_told_which_field_and_why_by_a_sentence_and_a_word(
    monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, status: int, reason: str, field: str
) -> None:
    for name in ("MIDTRANS_SERVER_KEY", "DIGIFLAZZ_WEBHOOK_SECRET", "CALLBACK_ADMIN_TOKEN"):
        monkeypatch.setenv(name, "secret")
    with application() as web:
        told = problem(web.post(f"/callbacks/{path}", content=body), status)
    assert (told["reason"], told.get("field", "")) == (reason, field)
    assert told["detail"].startswith(f"{field}: " if field else "")
    assert len(told["detail"].removeprefix(f"{field}: ").split()) > 3


def test_a_body_that_cannot_be_read_is_told_where_it_breaks(web: TestClient) -> None:
    told = problem(web.post("/callbacks/webhook/midtrans", content=b'{"order_id": }'), 400)
    assert "byte 13" in told["detail"]
    missing = problem(web.post("/callbacks/event/file", json={"path": "/x"}), 400)
    assert missing["detail"] == "event_type: is missing; an event says what happened"
    assert missing["field"] == "event_type"


def test_openapi_shows_the_addresses_of_callbacks_with_the_specification_s_examples(web: TestClient) -> None:
    paths = web.get("/openapi.json").json()["paths"]

    def shown(path: str) -> dict[str, Any]:
        content = paths[path]["post"]["requestBody"]["content"]["application/json"]
        return {name: example["value"] for name, example in content["examples"].items()}

    assert shown("/callbacks/webhook/{provider}") == {"midtrans": examples.MIDTRANS, "digiflazz": examples.DIGIFLAZZ}
    assert shown("/callbacks/event/{event_type}") == {"file": examples.FILE}
    assert shown("/callbacks/event/upload") == {"upload": examples.UPLOAD}
    assert "application/problem+json" in paths["/transactions"]["post"]["responses"]["422"]["content"]


def operations(web: TestClient) -> dict[tuple[str, str], dict[str, Any]]:
    paths = web.get("/openapi.json").json()["paths"]
    return {(method, path): operation for path, methods in paths.items() for method, operation in methods.items()}


def test_openapi_shows_every_error_as_the_problem_that_it_is(web: TestClient) -> None:
    found = operations(web)
    assert found.pop(("get", "/health/ready"))["responses"].keys() == {"200", "503"}
    for address, operation in found.items():
        errors = {status: told["content"] for status, told in operation["responses"].items() if status >= "400"}
        assert all(list(content) == ["application/problem+json"] for content in errors.values()), address
        assert ("422" in errors) is ("parameters" in operation or "requestBody" in operation), address


def test_openapi_asks_for_the_token_where_the_addresses_do(web: TestClient) -> None:
    open_ones = {path for (_, path), operation in operations(web).items() if "security" not in operation}
    assert open_ones == {"/callbacks/webhook/{provider}", "/health/live", "/health/ready"}


def test_every_example_of_a_persons_word_is_taken(web: TestClient) -> None:
    announce(web)
    web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS)
    announce(web, order_id="UNPAID")
    settle()
    orders = {"refund": "ORDER-123", "paid": "UNPAID", "failed": "UNPAID"}
    shown = operations(web)["post", "/transactions/{order_id}/resolve"]["requestBody"]["content"]["application/json"]
    assert shown["examples"].keys() == orders.keys()
    for name, example in shown["examples"].items():
        told = web.post(f"/transactions/{orders[name]}/resolve", json=example["value"])
        assert told.status_code == 200, told.text


def test_every_example_of_a_dead_letters_end_is_taken(web: TestClient) -> None:
    announce(web)
    web.post("/callbacks/webhook/midtrans", json={**examples.MIDTRANS, "gross_amount": "5.00"})
    settle()
    for verb in ("retry", "drop"):
        body = operations(web)["post", f"/callbacks/dead/{{dead_id}}/{verb}"]["requestBody"]
        for example in body["content"]["application/json"]["examples"].values():
            [letter] = web.get("/callbacks/dead").json()["dead_letters"]
            told = web.post(f"/callbacks/dead/{letter['id']}/{verb}", json=example["value"])
            assert told.status_code == 200, told.text
    assert web.get("/callbacks/dead").json()["dead_letters"] == []


def test_dead_letters_and_alerts_are_found_by_what_they_are(web: TestClient) -> None:
    for number in range(3):
        announce(web, order_id=f"ORDER-{number}", amount="5.00")
        web.post("/callbacks/webhook/midtrans", json={**examples.MIDTRANS, "order_id": f"ORDER-{number}"})
    settle()

    def found(address: str, name: str, **asked: str | int) -> list[str]:
        return [row["id"] for row in web.get(address, params=asked).json()[name]]

    every = found("/callbacks/dead", "dead_letters")
    assert len(every) == 3
    assert found("/callbacks/dead", "dead_letters", order_id="ORDER-1") == every[1:2]
    wanted: dict[str, str | int] = {"kind": "callback", "reason": "amount_differs", "provider": "midtrans"}
    assert found("/callbacks/dead", "dead_letters", **wanted, **{"from": "1h", "cursor": every[0]}) == every[1:]
    assert found("/callbacks/dead", "dead_letters", to="1h") == []
    assert problem(web.get("/callbacks/dead", params={"from": "soon"}), 422)["field"] == "from"
    alerts = found("/callbacks/alerts", "alerts", kind="mispaid")
    assert len(alerts) == 3
    page = web.get("/callbacks/alerts", params={"rows": 2}).json()
    assert found("/callbacks/alerts", "alerts", cursor=page["next_cursor"]) == alerts[2:]
    assert found("/callbacks/alerts", "alerts", kind="paid_twice", closed=True) == []
    assert problem(web.get("/callbacks/alerts", params={"kind": "lost"}), 422)["field"] == "kind"


def test_a_replay_asks_for_a_reason_and_explaining_for_none(web: TestClient) -> None:
    announce(web, amount="5.00")
    callback_id = web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS).json()["callback_id"]
    address = f"/callbacks/log/{callback_id}/replay"
    problem(web.post(address, json={"reason": "not decided yet"}), 409)
    settle()
    explained = web.post(address, params={"explain": True}).json()
    assert (explained["was"], explained["outcome"], explained["changed"]) == ("rejected", "rejected", False)
    assert explained["explained"]["says"]["facts"] == ["paid()"]
    for body in ({}, None, {"reason": " "}):
        assert problem(web.post(address, json=body), 422)["field"] == "reason"
    shown = operations(web)["post", "/callbacks/log/{callback_id}/replay"]["requestBody"]["content"]
    for example in shown["application/json"]["examples"].values():
        told = web.post(address, json=example["value"]).json()
        assert (told["outcome"], told["explained"]) == ("rejected", None)
    problem(web.post("/callbacks/log/7/replay", json={"reason": "x"}), 404)


def test_events_reach_the_log_too(web: TestClient) -> None:
    assert web.post("/callbacks/event/file", json=examples.FILE).status_code == 200
    [line] = web.get("/callbacks/log").json()["callbacks"]
    assert (line["provider"], line["event_type"]) == ("event/file", "file_created")


def test_unknown_addresses_are_problems_where_the_application_wants_it() -> None:
    app = FastAPI()
    install(app)
    with TestClient(app) as client:
        problem(client.get("/nowhere"), 404)
