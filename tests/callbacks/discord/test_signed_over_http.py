"""Interactions as Discord sends them: signed, over HTTP, answered within their three seconds."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.callbacks.callback_manager import CallbackManager, use_manager
from app.core.config import get_settings
from app.core.database import engine_for, ensure_schema, get_engine, writing
from app.engine.log import open_log
from app.engine.reception import open_reception
from app.main import create_app
from app.operate import orders
from app.operate.chats import links
from app.operate.policy import UNASKED
from tests.callbacks.web import settle

KEY = Ed25519PrivateKey.generate()
FIELDS: dict[str, Any] = {
    "id": "846462639134605312",
    "application_id": "845027738276462632",
    "token": "interaction-token",
    "locale": "id",
    "user": {"id": "77"},
}


class Discord:
    """Discord's side of the interactions address."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def send(self, kind: int, *, key: Ed25519PrivateKey = KEY, age: int = 0, **fields: Any) -> Any:
        body = json.dumps({**FIELDS, "type": kind, **fields}).encode()
        at = str(int(time.time()) - age)
        headers = {"x-signature-timestamp": at, "x-signature-ed25519": key.sign(at.encode() + body).hex()}
        return await self._client.post("/callbacks/webhook/discord", content=body, headers=headers)


@pytest.fixture
async def discord(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discord]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_PUBLIC_KEY", KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
    get_settings.cache_clear()
    engine_for.cache_clear()
    ensure_schema(get_engine())
    manager = CallbackManager(settings=get_settings())
    use_manager(manager)
    door = create_app(lambda: open_reception(get_settings(), manager.handlers, manager.event_handlers))
    faces: Any = door.faces
    async with faces.router.lifespan_context(faces):
        transport = httpx2.ASGITransport(app=door)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Discord(client)
    use_manager(None)
    get_engine().dispose()
    engine_for.cache_clear()
    get_settings.cache_clear()


def link_with_orders(*order_ids: str) -> None:
    with writing(get_engine()) as connection:
        links.link(connection, "ani", "discord", "77", "id", 1, by="code")
    for order_id in order_ids:
        data = {"order_id": order_id, "user_id": "ani", "kind": "topup", "amount": "100000.00"}
        orders.create_order(get_engine(), data, at=1, policy=UNASKED, lang="id")


async def test_a_ping_is_answered_and_a_bad_signature_refused(discord: Discord) -> None:
    assert (await discord.send(1)).json() == {"type": 1}
    assert (await discord.send(1, key=Ed25519PrivateKey.generate())).status_code == 401
    assert (await discord.send(1, age=3_600)).status_code == 401
    assert (await discord.send(0)).status_code == 204


async def test_a_command_is_deferred_kept_and_then_answered_by_a_task(discord: Discord) -> None:
    link_with_orders()
    answer = await discord.send(2, data={"name": "saldo"})
    assert answer.json() == {"type": 5, "data": {"flags": 64}}
    again = await discord.send(2, data={"name": "saldo"})
    assert again.json() == answer.json()
    assert settle() == 2
    with get_engine().connect() as connection:
        rows = connection.exec_driver_sql("SELECT kind, destination FROM callback_tasks").all()
    assert [tuple(row) for row in rows] == [("discord_reply", f"{FIELDS['application_id']}:{FIELDS['id']}")]


async def test_a_form_opens_at_once(discord: Discord) -> None:
    assert (await discord.send(2, data={"name": "link"})).json()["type"] == 9
    assert (await discord.send(3, data={"custom_id": "link", "component_type": 2})).json()["type"] == 9


async def test_an_autocomplete_tells_ones_own_orders_and_is_not_kept(discord: Discord) -> None:
    link_with_orders("TU-1", "TU-2")
    typed = {"name": "status", "options": [{"name": "order_id", "type": 3, "value": "tu", "focused": True}]}
    told = (await discord.send(4, data=typed)).json()
    assert [each["value"] for each in told["data"]["choices"]] == ["TU-2", "TU-1"]
    stranger = (await discord.send(4, data=typed, user={"id": "78"})).json()
    assert stranger == {"type": 8, "data": {"choices": []}}
    log = open_log(get_settings().callback_log_url, server=False)
    assert log.read_after(0, 10) == []
    log.close()
