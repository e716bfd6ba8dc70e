from starlette.testclient import TestClient

from tests.callbacks.web import web

__all__ = ["web"]


def test_a_code_is_made_and_shown_once(web: TestClient) -> None:
    answer = web.post("/channels/codes", json={"user_id": "ani"})
    assert answer.status_code == 201
    assert answer.json()["user_id"] == "ani"
    assert answer.json()["code"] in answer.json()["text"]
    assert web.post("/channels/codes", json={"user_id": ""}).status_code == 422


def test_a_channel_is_linked_listed_and_ended(web: TestClient) -> None:
    made = web.post("/channels", json={"user_id": "ani", "service": "discord", "address": "77", "lang": "en"})
    assert made.status_code == 201
    assert made.json()["linked_by"].startswith("api ")
    assert web.get("/channels?user_id=ani").json()["channels"] == [made.json()]
    assert web.get("/channels?user_id=budi").json()["channels"] == []
    ended = web.post(f"/channels/{made.json()['id']}/end").json()
    assert ended["ended_why"] == "person"
    assert web.get("/channels").json()["channels"] == []
    assert web.get("/channels?ended=true").json()["channels"] == [ended]
    assert web.post("/channels/99/end").status_code == 404
    refused = web.post("/channels", json={"user_id": "ani", "service": "fax", "address": "1"})
    assert (refused.status_code, refused.json()["field"]) == (422, "service")
