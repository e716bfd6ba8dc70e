"""What the specification asks of handlers, and how it is extended: each promise shown by one short test."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.callbacks.base.base_handlers import WebhookCallbackHandler, current_callback
from app.callbacks.callback_manager import CallbackRouter
from app.core.config import Settings
from app.core.database import get_engine
from app.core.errors import DatabaseError, ExternalAPIError, ProcessingError, ValidationError
from app.core.telemetry import configure
from app.engine.callback import Callback
from tests.spec.house import House, a_house
from tests.spec.specification import blocks, example, items, sections
from tests.spec.test_components import KEY, paid

ORDER = example("Midtrans Webhook")


class Noting(WebhookCallbackHandler):
    """Has seen these; raises what it was given."""

    unverified_ok = True

    def __init__(self, name: str = "noting", error: Exception | None = None) -> None:
        super().__init__(name)
        self.seen: list[Any] = []
        self.error = error

    async def handle(self, data: Any, **_: Any) -> Any:
        self.seen.append((data, current_callback().provider))
        if self.error is not None:
            raise self.error
        return {"success": True}


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (ValidationError("no"), "dead"),
        (ProcessingError("no"), "ready"),
        (DatabaseError("no"), "ready"),
        (ExternalAPIError("no"), "ready"),
    ],
)
def test_error_handling(house: House, error: Exception, becomes: str) -> None:
    """One tree of four; what no repetition mends goes to a person at once, all else is tried again."""
    assert len(re.findall(r"\*\*\w.+ Errors\*\*", sections()["Error Handling"])) == 4
    house.manager.register_handler("noting", Noting(error=error))
    assert house.send("noting", {}).status_code == 200
    with get_engine().connect() as connection:
        assert connection.execute(text("SELECT state FROM callback_tasks")).scalar() == becomes
    assert len(house.ask("/callbacks/dead")["dead_letters"]) == (becomes == "dead")


def test_logging(house: House) -> None:
    """What came in, what became of it, what failed, and how long it took."""

    class Broken(Noting):
        def apply(self, *_: Any) -> None:
            raise RuntimeError("the table is gone")

    configure("info", stream=(out := io.StringIO()))
    house.manager.register_handler("broken", Broken("broken"))
    house.send("midtrans", ORDER)
    answer = house.send("broken", {})
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    first = next(line for line in lines if line["event"] == "batch")
    assert (first["callbacks"], first["parked"]) == (1, 1)
    assert first["seconds"] > 0
    failed = next(line for line in lines if line["event"] == "set_aside")
    assert (failed["provider"], failed["callback_id"]) == ("broken", answer.json()["callback_id"])
    assert "the table is gone" in failed["exception"]


def test_testing(root: Path) -> None:
    """Both kinds of tests of the specification are run as they stand there."""
    run = (root / "tests" / "spec" / "test_specification.py").read_text(encoding="utf-8")
    for heading in ("Unit Tests", "Integration Tests"):
        (code,) = blocks(heading)
        assert code.replace("import pytest\n", "").partition("@pytest")[2].strip() in run


async def test_unit_tests(db: Any) -> None:
    known: dict[str, Any] = {"db": db}
    exec(blocks("Unit Tests")[0], known)  # noqa: S102 - the specification, word for word
    await known["test_midtrans_callback"]()


async def test_integration_tests(client: Any) -> None:
    known: dict[str, Any] = {}
    exec("import pytest\n" + blocks("Integration Tests")[0], known)  # noqa: S102 - the same
    await known["test_webhook_endpoint"](client)


def test_best_practices() -> None:
    assert items("Best Practices") == [
        "Idempotency",
        "Validation",
        "Error Handling",
        "Logging",
        "Security",
        "Performance",
        "Monitoring",
    ]


def test_best_practice_idempotency(house: House) -> None:
    house.announce()
    assert [house.outcome("midtrans", ORDER) for _ in range(3)] == ["applied", "duplicate", "duplicate"]
    assert house.balance() == "100000.00"


def test_best_practice_validation(house: House) -> None:
    for body in (b"", b"{", b"[]"):
        answer = house.web.post("/callbacks/webhook/midtrans", content=body)
        assert (answer.status_code, answer.json()["success"]) == (400, False), body
    house.announce()
    assert house.outcome("midtrans", ORDER | {"gross_amount": "1.00"}) == "rejected"
    assert house.balance() == "0.00"


def test_best_practice_error_handling(house: House) -> None:
    """A handler that fails costs neither its sender an answer nor another handler its turn, and is tried again."""
    house.manager.register_handler("noting", Noting(error=RuntimeError("asleep")))
    house.announce()
    assert house.send("noting", {}).status_code == 200
    assert house.outcome("midtrans", ORDER) == "applied"
    assert house.told(house.send("noting", {}))["outcome"] == "applied"


def test_best_practice_logging(house: House) -> None:
    """All that came is kept with its bytes, what proved it, and what came of it."""
    told = house.told(house.send("midtrans", ORDER))
    assert (json.loads(told["body"]), told["verification"], told["outcome"]) == (ORDER, "unverified", "parked")


def test_best_practice_security() -> None:
    with a_house(MIDTRANS_SERVER_KEY=KEY) as house:
        forged = house.send("midtrans", paid() | {"signature_key": "f" * 128})
        assert (forged.status_code, house.ask("/callbacks/log")["callbacks"]) == (401, [])
        assert house.outcome("midtrans", paid()) == "parked"


def test_best_practice_performance(house: House) -> None:
    """A callback costs no commit of its own worker: many wait together, and are decided in one transaction."""
    house.announce()
    for _ in range(200):
        house.web.post("/callbacks/webhook/midtrans", json=ORDER)
    house.work()
    stats = house.ask("/callbacks/stats")
    assert stats["outcomes"] == {"applied": 1, "duplicate": 199}
    assert house.balance() == "100000.00"


def test_best_practice_monitoring(house: House) -> None:
    house.send("midtrans", ORDER)
    page = house.web.get("/metrics").text
    assert 'callbacks_accepted_total{provider="midtrans"} 1.0' in page
    assert 'callbacks_outcomes{outcome="parked"} 1.0' in page
    assert "callbacks_lag 0.0" in page


def test_extensibility() -> None:
    assert items("Extensibility") == ["Custom Handlers", "New Providers", "Custom Routing", "Middleware"]


def test_custom_handlers(house: House) -> None:
    handler = Noting()
    house.manager.register_handler("noting", handler)
    assert house.send("noting", {"a": 1}).status_code == 200
    assert handler.seen == [({"a": 1}, "noting")]


def test_new_providers(tmp_path: Path) -> None:
    (tmp_path / "parcels.toml").write_text(
        'title = "Parcels"\ngroup = "ours"\nconfirmed = "yours"\nidentity = { ordering_key = "{order}" }\n'
        '[secret]\nvariable = "PARCELS_SECRET"\n'
        '[scheme]\nkind = "token"\nfrom = "header:X-Token"\nencoding = "none"\n'
        '[payment]\norder_id = "{order}"\nattempt = "{order}"\namount = "paid"\n'
        'says = [{ when = { status = "PAID" }, word = "paid" }]\n'
    )
    told = {"order": "ORDER-123", "status": "PAID", "paid": "100000.00"}
    with a_house(CALLBACK_PROVIDERS=str(tmp_path), PARCELS_SECRET="hush") as house:
        assert house.send("parcels", told, **{"X-Token": "loud"}).status_code == 401
        house.announce(provider="parcels")
        assert house.told(house.send("parcels", told, **{"X-Token": "hush"}))["outcome"] == "applied"
        assert house.balance() == "100000.00"


def test_custom_routing(house: House) -> None:
    class ByType(CallbackRouter):
        def route(self, callback: Callback) -> str:
            return "second" if callback.event_type == "special" else super().route(callback)

    first, second, third = (Noting(name) for name in ("first", "second", "third"))
    for handler in (first, second, third):
        house.manager.register_handler(handler.name, handler)
    house.manager.add_rule(lambda callback: b"game" in callback.body, "third")
    house.manager.use_router(ByType(house.manager))
    for body in ({"n": 1}, {"event": "special"}, {"kind": "game"}):
        house.send("first", body)
    assert [each.seen for each in (first, second, third)] == [
        [({"n": 1}, "first")],
        [({"event": "special"}, "first")],
        [({"kind": "game"}, "first")],
    ]


def test_middleware(house: House) -> None:
    handler, around = Noting(), []

    @house.manager.add_middleware
    async def outer(callback: Callback, call_next: Any) -> Any:
        around.append(callback.provider)
        told = await call_next(callback)
        around.append(told["success"])
        return told

    house.manager.register_handler("noting", handler)
    house.send("noting", {})
    assert around == ["noting", True]


def test_configuration(db: Any) -> None:
    """Every variable of the section is a setting; unset, empty and blank are the same."""
    del db
    (env,) = blocks("Configuration")
    named = [line.partition("=")[0] for line in env.splitlines() if "=" in line]
    assert len(named) == 6
    given = Settings.model_validate({name.lower(): f"of {name}" for name in named})
    for name in named:
        value = getattr(given, name.lower())
        assert (value.get_secret_value() if hasattr(value, "get_secret_value") else value) == f"of {name}"
    with a_house(MIDTRANS_SERVER_KEY="  ") as house:
        assert not house.manager.handlers["midtrans"].configured
