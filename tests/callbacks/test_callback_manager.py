import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.callbacks import callback_manager
from app.callbacks.base.base_handlers import EventCallbackHandler, WebhookCallbackHandler
from app.callbacks.callback_manager import (
    CallbackManager,
    CallbackRouter,
    get_callback_manager,
    initialize_callbacks,
    load_app,
    use_manager,
)
from app.core.database import make_engine
from app.core.errors import HandlerNameTaken, StartRefused
from tests.callbacks.vectors import settings


class Own(WebhookCallbackHandler):
    def __init__(self) -> None:
        super().__init__("Own", "own")

    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        return {"success": True, "mine": data}


class OwnEvent(EventCallbackHandler):
    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        return {"success": True, "event": data}


@pytest.fixture(autouse=True)
def no_manager_is_left_behind() -> Iterator[None]:
    use_manager(None)
    yield
    use_manager(None)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`module(text)` writes an application's module and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def write(text: str) -> str:
        name = f"shop_{len(names)}_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


def test_the_specifications_handlers_are_there() -> None:
    manager = CallbackManager(settings=settings())
    assert sorted(manager.handlers) == [
        "digiflazz",
        "discord",
        "midtrans",
        "notification",
        "notification_discord",
        "notification_telegram",
        "telegram",
    ]
    assert sorted(manager.event_handlers) == ["discord", "file", "upload"]
    assert sorted(manager.lookup) == [
        "digiflazz",
        "discord",
        "event/discord",
        "event/file",
        "event/upload",
        "midtrans",
        "notification",
        "notification_discord",
        "notification_telegram",
        "telegram",
    ]


def test_a_handler_registered_late_counts_at_once_and_a_name_is_given_once() -> None:
    manager = CallbackManager(settings=settings())
    manager.register_handler("own", Own())
    manager.register_handler("own", OwnEvent("own"))
    assert manager.lookup["own"] is manager.handlers["own"]
    assert manager.lookup["event/own"] is manager.event_handlers["own"]
    with pytest.raises(HandlerNameTaken):
        manager.register_handler("midtrans", Own())
    replacement = Own()
    manager.register_handler("midtrans", replacement, replace=True)
    assert manager.lookup["midtrans"] is replacement
    assert "nobody" not in manager.lookup
    assert len(manager.lookup) == len(list(manager.lookup))


def test_handlers_are_listed_with_what_proves_their_senders_and_no_secret() -> None:
    manager = CallbackManager(settings=settings(midtrans_server_key="very-secret-key"))
    manager.register_handler("own", Own())
    rows = {row["path"]: row for row in manager.list_handlers()}
    midtrans, own = rows["/callbacks/webhook/midtrans"], rows["/callbacks/webhook/own"]
    assert (midtrans["verification"], midtrans["configured"], midtrans["runs"]) == ("signature", True, "worker")
    assert (own["verification"], own["configured"], own["runs"]) == ("nothing", False, "slow lane")
    assert rows["/callbacks/event/file"]["verification"] == "token"
    assert "very-secret-key" not in repr(rows)
    assert manager.get_statistics() == {"webhook_handlers": 8, "event_handlers": 3, "middleware": 0}


async def test_a_router_of_ones_own_may_route_otherwise(tmp_path: Path) -> None:
    class ByShop(CallbackRouter):
        def resolve_webhook(self, name: str, data: Any) -> Any:
            return super().resolve_webhook("own" if data.get("shop") else name, data)

    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    manager = CallbackManager(engine, settings())
    manager.register_handler("own", Own())
    assert await ByShop(manager).route_webhook("midtrans", {"shop": 1}) == {"success": True, "mine": {"shop": 1}}
    engine.dispose()


async def test_middleware_sees_direct_calls_of_handlers_of_ones_own(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    manager = CallbackManager(engine, settings())
    manager.register_handler("own", Own())

    @manager.add_middleware
    async def middleware(callback: Any, call_next: Any) -> Any:
        return {**await call_next(callback), "seen": callback.provider}

    told = await CallbackRouter(manager).route_webhook("own", {})
    assert told == {"success": True, "mine": {}, "seen": "own"}
    engine.dispose()


def test_there_is_one_manager_a_process_and_the_first_call_makes_it(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    first = initialize_callbacks(engine)
    assert initialize_callbacks(None) is first
    assert get_callback_manager(None) is first
    assert first.db is engine
    engine.dispose()


@pytest.mark.parametrize(
    "text",
    [
        "from app.callbacks.callback_manager import CallbackManager\napp = CallbackManager()\n",
        "from app.callbacks.callback_manager import get_callback_manager\napp = get_callback_manager()\n",
        "def app(manager):\n    manager.marked = True\n",
        "def app(manager):\n    return manager\n",
        "class holder:\n    @staticmethod\n    def app(manager):\n        return manager\n",
    ],
)
def test_the_application_is_a_manager_or_a_function_that_takes_one(module: Any, text: str) -> None:
    name = "holder.app" if "holder" in text else "app"
    manager = load_app(settings(callback_app=f"{module(text)}:{name}"))
    assert isinstance(manager, CallbackManager)
    assert callback_manager.get_callback_manager() is manager
    if "marked" in text:
        assert manager.marked is True  # type: ignore[attr-defined]


def test_without_an_application_the_ordinary_manager_is_used() -> None:
    assert load_app(settings()) is get_callback_manager()


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("raise RuntimeError('no stock')", "app", "RuntimeError: no stock"),
        ("import a_module_that_is_not_there", "app", "ModuleNotFoundError"),
        ("app = 5", "other", "AttributeError"),
        ("app = 5", "app", "TypeError"),
        ("def app(manager): return 5", "app", "neither a CallbackManager nor a function"),
        ("def app(manager): manager.register_handler('midtrans', manager)", "app", "FieldError"),
        ("import sys; sys.exit(3)", "app", "SystemExit"),
    ],
)
def test_an_application_that_fails_stops_the_start_with_its_reason(
    module: Any, text: str, name: str, reason: str
) -> None:
    with pytest.raises(StartRefused, match="CALLBACK_APP") as raised:
        load_app(settings(callback_app=f"{module(text)}:{name}"))
    assert reason in str(raised.value)


@pytest.mark.parametrize("address", ["shop", "shop:", ":app", "not there:app", "nowhere_at_all:app", "..x:app"])
def test_an_address_that_names_nothing_stops_the_start(address: str) -> None:
    with pytest.raises(StartRefused, match="CALLBACK_APP"):
        load_app(settings(callback_app=address))
