"""How the specification uses the system: its snippets, its addresses, the data that it sends there."""

from typing import Any

import pytest
from discord.ext import commands

from app.callbacks.callback_manager import CallbackManager, CallbackRouter, get_callback_manager, initialize_callbacks
from tests.spec.house import House
from tests.spec.specification import blocks, example, sections
from tests.spec.test_snippets import SNIPPETS

USED = ("Inisialisasi Callback System", "Register Custom Handler", "Process Webhook", "Process Event")
ORDER = example("Midtrans Webhook")


@pytest.fixture
def snippets(db: Any) -> dict[str, Any]:
    """What the names of the specification's first snippet are then."""
    known: dict[str, Any] = {"db": db}
    exec(blocks("Inisialisasi Callback System")[0], known)  # noqa: S102 - the specification, word for word
    return known


def test_cara_penggunaan() -> None:
    """The snippets that `test_snippets.py` runs in one program are these, word for word."""
    for heading in USED:
        (snippet,) = blocks(heading)
        assert snippet.strip() in SNIPPETS, heading


def test_inisialisasi_callback_system(snippets: dict[str, Any]) -> None:
    assert isinstance(snippets["callback_manager"], CallbackManager)
    assert get_callback_manager() is snippets["callback_manager"]


async def test_register_custom_handler(snippets: dict[str, Any]) -> None:
    exec(blocks("Register Custom Handler")[0], snippets)  # noqa: S102 - the same
    told = await CallbackRouter(snippets["callback_manager"]).route_webhook("custom_webhook", {"a": 1})
    assert told == {"success": True, "message": "Custom webhook processed"}


async def test_process_webhook(snippets: dict[str, Any]) -> None:
    told = await CallbackRouter(snippets["callback_manager"]).route_webhook("midtrans", ORDER)
    assert (told["success"], told["outcome"]) == (True, "parked")


async def test_process_event(snippets: dict[str, Any]) -> None:
    told = await CallbackRouter(snippets["callback_manager"]).route_event("file_created", {"path": "/a/file.txt"})
    assert (told["success"], told["outcome"]) == (True, "ignored")


def test_setup_discord_handlers(db: Any) -> None:
    known = {"callback_manager": initialize_callbacks(db)}
    exec(blocks("Setup Discord Handlers")[0], known)  # noqa: S102 - the same
    assert isinstance(bot := known["bot"], commands.Bot)
    assert {"saldo", "status"} <= {command.name for command in bot.commands}
    assert {"on_ready", "on_message", "on_command_error"} <= set(bot.extra_events) | set(vars(bot))


def test_endpoint_api(house: House) -> None:
    """Whatever is no callback of a known sender is refused in one form."""
    for path in ("/callbacks/webhook/nobody", "/callbacks/event/nothing"):
        answer = house.web.post(path, json={})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["success"] is False


def test_webhook_endpoints(house: House) -> None:
    bodies = {
        "midtrans": ORDER,
        "digiflazz": example("Digiflazz Webhook"),
        "discord": {"type": 1},
        "telegram": {"update_id": 1, "message": {"message_id": 1, "chat": {"id": 1}, "text": "hi"}},
    }
    for name, body in bodies.items():
        assert f"`POST /callbacks/webhook/{name}`" in sections()["Webhook Endpoints"]
        assert house.send(name, body).status_code == 200, name


def test_event_endpoints(house: House) -> None:
    for name in ("file", "discord"):
        assert f"`POST /callbacks/event/{name}`" in sections()["Event Endpoints"]
        assert house.send(name, {"event_type": "something", "path": "/a"}, "event").json()["success"] is True


def test_management_endpoints(house: House) -> None:
    listed = {row["name"] for row in house.ask("/callbacks/handlers")["handlers"]}
    assert {"midtrans", "digiflazz", "discord", "telegram", "file"} <= listed
    house.send("midtrans", ORDER)
    assert house.ask("/callbacks/stats")["accepted"] == {"midtrans": 1}


def test_contoh_webhook_data(house: House) -> None:
    """Both providers' examples about orders that are announced end as they say."""
    house.announce()
    house.send("midtrans", ORDER)
    house.announce("REF-123", kind="ppob", amount="25000.00")
    house.send("digiflazz", example("Digiflazz Webhook"))
    shown = [house.ask(f"/transactions/{order}")["status"] for order in ("ORDER-123", "REF-123")]
    assert shown == ["paid", "succeeded"]


def test_midtrans_webhook(house: House) -> None:
    house.announce()
    assert house.outcome("midtrans", ORDER) == "applied"
    assert house.balance() == "100000.00"


def test_digiflazz_webhook(house: House) -> None:
    told = house.told(house.send("digiflazz", example("Digiflazz Webhook")))
    assert (told["outcome"], told["ordering_key"]) == ("parked", "REF-123")


def test_file_event(house: House) -> None:
    told = house.told(house.send("file", example("File Event"), "event"))
    assert (told["event_type"], told["ordering_key"]) == ("file_created", "/uploads/file.txt")
