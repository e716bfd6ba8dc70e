"""Every sender's samples and hostile bodies through the real application: answers, what the log keeps, no secrets."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from app.callbacks.callback_manager import CallbackManager, use_manager
from app.core.database import engine_for, get_engine
from app.engine.log import open_log
from app.engine.reception import open_reception
from app.main import create_app
from tests.callbacks.vectors import DIGIFLAZZ_SECRET, HOSTILE_BODIES, MIDTRANS_KEY, VECTORS, settings

SECRETS = {
    "midtrans_server_key": MIDTRANS_KEY,
    "digiflazz_webhook_secret": DIGIFLAZZ_SECRET,
    "telegram_webhook_secret": next(v.secret for v in VECTORS if v.provider == "telegram"),
}


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    engine_for.cache_clear()
    configured = settings(**SECRETS)
    manager = CallbackManager(settings=configured)
    use_manager(manager)
    door = create_app(lambda: open_reception(configured, manager.handlers, manager.event_handlers))
    faces: Any = door.faces
    async with faces.router.lifespan_context(faces):
        transport = httpx2.ASGITransport(app=door)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client
    use_manager(None)
    get_engine().dispose()
    engine_for.cache_clear()


#: Who is not linked has no orders to choose from.
NO_CHOICES = {"type": 8, "data": {"choices": []}}


async def post(client: httpx2.AsyncClient, path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
    return await client.post(f"/callbacks/{path}", content=body, headers=headers or {})


async def test_every_sample_gets_its_answer_and_only_proved_ones_are_kept(client: httpx2.AsyncClient) -> None:
    kept = 0
    for vector in VECTORS:
        if vector.provider == "discord":  # its clock is the samples' own; see the handler's tests
            continue
        headers = {name.decode(): value.decode() for name, value in vector.headers.items()}
        answer = await post(client, f"webhook/{vector.provider}", vector.body, headers)
        assert answer.status_code == (401 if vector.expected == "invalid" else 200), vector
        told = answer.json()  # a pressed button is let go by a method of Telegram's in the answer
        assert told.get("method") == "answerCallbackQuery" or told["success"] is (vector.expected != "invalid")
        kept += vector.expected != "invalid"
    log = open_log("sqlite:///data/log.db", server=False)
    callbacks = log.read_after(0, 1_000)
    log.close()
    assert len(callbacks) == kept
    everything = b"".join(c.body + c.headers.encode() for c in callbacks)
    for secret in (*SECRETS.values(), "somesecretkeywords"):
        assert secret.encode() not in everything


async def test_discord_is_answered_in_its_own_protocol(client: httpx2.AsyncClient) -> None:
    bodies = {vector.case: vector.body for vector in VECTORS if vector.provider == "discord"}
    assert (await post(client, "webhook/discord", bodies["ping"])).json() == {"type": 1}
    assert (await post(client, "webhook/discord", bodies["webhook_event_ping"])).status_code == 204
    assert (await post(client, "webhook/discord", bodies["slash_saldo"])).json()["type"] == 5
    assert (await post(client, "webhook/discord", bodies["autocomplete"])).json() == NO_CHOICES
    assert (await post(client, "webhook/discord", bodies["webhook_event_authorized"])).status_code == 204
    log = open_log("sqlite:///data/log.db", server=False)
    assert [c.event_type for c in log.read_after(0, 10)] == ["command:saldo", "application_authorized"]
    log.close()


@pytest.mark.parametrize("path", ["webhook/midtrans", "webhook/digiflazz", "webhook/discord", "webhook/telegram"])
async def test_a_hostile_body_is_a_4xx_and_nothing_is_kept(client: httpx2.AsyncClient, path: str) -> None:
    for name, body in HOSTILE_BODIES.items():
        answer = await post(client, path, body)
        assert answer.status_code in {400, 401}, name
        assert answer.json()["success"] is False
    log = open_log("sqlite:///data/log.db", server=False)
    assert log.last_id() == 0
    log.close()


async def test_an_event_without_a_type_is_a_400(client: httpx2.AsyncClient) -> None:
    assert (await post(client, "event/file", b'{"path": "x"}')).status_code == 400
    good = b'{"event_type": "file_created", "path": "/uploads/file.txt", "filename": "file.txt", "size": 1024}'
    assert (await post(client, "event/file", good)).status_code == 200
    assert (await post(client, "event/discord", b'{"event_type": "on_ready"}')).status_code == 200
