"""What the specification says there is: its folders, its classes, and what each of them does."""

import hashlib
import importlib
import re
from typing import Any

import pytest

from app.callbacks.base.base_handlers import (
    BaseCallbackHandler,
    CallbackRegistry,
    EventCallbackHandler,
    WebhookCallbackHandler,
)
from app.callbacks.callback_manager import (
    CallbackManager,
    CallbackRouter,
    get_callback_manager,
    initialize_callbacks,
)
from app.callbacks.discord.discord_callbacks import DiscordBotEventHandler, DiscordSlashCommandHandler
from app.callbacks.ppob.ppob_callbacks import DigiflazzCallbackHandler, PPOBCallbackFactory
from app.core.errors import UnknownProvider
from tests.fakes.chat_api import TOKEN, ChatApi
from tests.pictures import picture
from tests.spec.house import House, a_house
from tests.spec.specification import blocks, example, sections

KEY = "SB-Mid-server-of-the-tests"


def paid(order_id: str = "ORDER-123", status: str = "settlement", key: str = KEY) -> dict[str, str]:
    """As Midtrans signs it."""
    body = {"order_id": order_id, "transaction_id": "a", "transaction_status": status, "status_code": "200"}
    signed = f"{order_id}200100000.00{key}"
    return {**body, "gross_amount": "100000.00", "signature_key": hashlib.sha512(signed.encode()).hexdigest()}


def test_overview(house: House) -> None:
    """Payment gateway, PPOB provider, Discord bot, file system: one system keeps and decides them all."""
    for name, body in (("midtrans", example("Midtrans Webhook")), ("digiflazz", example("Digiflazz Webhook"))):
        assert house.outcome(name, body) == "parked"
    assert house.outcome("discord", {"event_type": "on_ready"}, "event") == "ignored"
    assert house.outcome("file", example("File Event"), "event") == "ignored"
    assert {row["provider"] for row in house.ask("/callbacks/log")["callbacks"]} == {
        "midtrans",
        "digiflazz",
        "event/discord",
        "event/file",
    }


def test_struktur_direktori(root: Any) -> None:
    (tree,) = blocks("Struktur Direktori")
    folders: list[str] = []
    for line in tree.splitlines():
        drawn = re.fullmatch(r"([│├└─ ]*)([\w./]+).*", line)
        assert drawn, line
        del folders[len(drawn[1]) // 4 :]
        folders.append(drawn[2].strip("/"))
        assert root.joinpath(*folders).exists(), folders
    assert folders == ["app/callbacks", "callback_controller.py"]


def test_komponen_utama() -> None:
    """Every class that the eight sections name stands in the file that they name."""
    found = []
    for title, text in sections().items():
        if named := re.match(r"### \d\. .*\(`(.+)\.py`\)", text):
            module = importlib.import_module("app.callbacks." + named[1].replace("/", "."))
            for name in re.findall(r"\*\*(\w+)\*\*", text):
                assert isinstance(getattr(module, name), type), (title, name)
                found.append(name)
    assert len(found) == 17


def test_base_handlers() -> None:
    class Parcels(WebhookCallbackHandler):
        async def handle(self, data: Any, **_: Any) -> Any:
            return data

    class Stock(EventCallbackHandler):
        async def handle(self, data: Any, **_: Any) -> Any:
            return data

    registry = CallbackRegistry()
    for handler in (Parcels("parcels"), Stock("stock")):
        assert isinstance(handler, BaseCallbackHandler)
        registry.register(handler.name, handler)
        assert registry.get(handler.name) is handler
    assert list(registry) == ["parcels", "stock"]


def test_payment_callbacks(chats: ChatApi) -> None:
    """Verified, the transaction's status, the wallet's balance, a message to the user."""
    with a_house(MIDTRANS_SERVER_KEY=KEY, TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_API_URL=chats.url) as house:
        house.announce()
        link = {"user_id": "ani", "service": "telegram", "address": "4711"}
        assert house.web.post("/channels", json=link).status_code == 201
        assert house.send("midtrans", paid() | {"signature_key": "0" * 128}).status_code == 401
        assert house.balance() == "0.00"
        assert house.outcome("midtrans", paid()) == "applied"
        assert house.ask("/transactions/ORDER-123")["status"] == "paid"
        assert house.balance() == "100000.00"
        assert "ORDER-123" in chats.to("4711")[-1].text


def test_ppob_callbacks(house: House) -> None:
    house.announce("TU-1")
    house.send("midtrans", paid("TU-1"))
    house.announce("REF-123", kind="ppob", amount="25000.00")
    assert house.ask("/wallets/ani")["held"] == "25000.00"
    assert house.outcome("digiflazz", example("Digiflazz Webhook")) == "applied"
    assert house.ask("/transactions/REF-123")["status"] == "succeeded"
    assert house.balance() == "75000.00"
    assert isinstance(PPOBCallbackFactory.create_handler("digiflazz", None), DigiflazzCallbackHandler)
    with pytest.raises(UnknownProvider):
        PPOBCallbackFactory.create_handler("nobody", None)


def test_discord_callbacks(house: House) -> None:
    events = re.findall(r"on_\w+", sections()["Discord Callbacks"])
    assert len(events) == 5
    for event in events:
        assert event in DiscordBotEventHandler.event_types
        assert house.outcome("discord", {"event_type": event}, "event") == "ignored"
    assert isinstance(house.manager.handlers["discord"], DiscordSlashCommandHandler)
    assert house.web.post("/callbacks/webhook/discord", json={"type": 1}).json() == {"type": 1}  # PING, PONG


def test_file_monitor_callbacks(house: House) -> None:
    becomes = {"created": "ignored", "modified": "ignored", "deleted": "applied"}  # no watched folder has it
    for word, outcome in becomes.items():
        told = {"event_type": f"file_{word}", "path": "/srv/notes.txt", "filename": "notes.txt"}
        seen = house.told(house.send("file", told, "event"))
        assert (seen["outcome"], seen["event_type"]) == (outcome, told["event_type"])
    form = {"upload_type": "topup_proof", "user_id": "ani", "amount": "50000.00"}
    taken = house.web.post("/callbacks/event/upload", data=form, files={"file": ("bukti.png", picture())})
    assert taken.status_code == 200, taken.text
    house.work()
    (waiting,) = house.ask("/topups")["topups"]
    assert (waiting["user_id"], waiting["amount"]) == ("ani", "50000.00")
    refused = house.web.post("/callbacks/event/upload", data=form, files={"file": ("a.png", b"no picture")})
    assert refused.status_code == 415


def test_notification_callbacks(chats: ChatApi) -> None:
    api = {"TELEGRAM_API_URL": chats.url, "DISCORD_API_URL": f"{chats.url}/api/v10"}
    with a_house(TELEGRAM_BOT_TOKEN=TOKEN, **api) as house:
        telegram = {"chat_id": "4711", "message": "to a chat"}
        discord = {"webhook_url": chats.webhook("shop"), "message": "to a webhook"}
        for kind, data in (("telegram", telegram), ("discord", discord)):
            assert house.outcome("notification", {"webhook_type": kind, "data": data}) == "applied"
            assert house.outcome(f"notification_{kind}", data) == "applied"
        assert [each.text for each in chats.to("4711")] == ["to a chat"] * 2
        assert [each.text for each in chats.to("shop")] == ["to a webhook"] * 2


async def test_callback_manager(db: Any) -> None:
    manager = initialize_callbacks(db)
    assert isinstance(manager, CallbackManager)
    assert get_callback_manager() is manager
    router = CallbackRouter(manager)
    assert (await router.route_webhook("midtrans", example("Midtrans Webhook")))["outcome"] == "parked"
    assert (await router.route_event("file_created", {"path": "/a.txt"}))["outcome"] == "ignored"
    assert (await router.route_webhook("nobody", {}))["success"] is False


def test_callback_controller(house: House) -> None:
    """The addresses of the section, each answered by what it names."""
    webhook, event, management = re.findall(r"endpoints: (.+)", sections()["Callback Controller"])
    for name in house.manager.handlers:
        assert house.web.post(webhook.strip("`").format(provider=name), content=b"").status_code == 400
    for name in house.manager.event_handlers:
        assert house.web.post(event.strip("`").format(type=name), content=b"").status_code == 400
    for path in re.findall(r"`(.+?)`", management):
        assert house.web.get(path).status_code == 200
