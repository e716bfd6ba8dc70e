from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection

from app.callbacks.base.base_handlers import (
    BaseCallbackHandler,
    CallbackRegistry,
    EventCallbackHandler,
    OrderCallbackHandler,
    WebhookCallbackHandler,
    level_of,
    proved,
)
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.config import Settings
from app.core.errors import FieldError, HandlerNameTaken, UnreadableBody
from app.engine.callback import Callback, Handler, Outcome, OutcomeWord, Request, Verification
from app.ledger.facts import Level
from app.providers.schemes import MISSING, Verdict
from tests.callbacks.vectors import HOSTILE_BODIES, a_callback, a_request, settings


class Custom(WebhookCallbackHandler):
    def __init__(self, **values: Any) -> None:
        super().__init__("CustomWebhook", "custom", settings=settings(**values))

    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        return {"success": True, "data": data}


class TwoArguments(Custom):
    def apply(self, connection: Connection, callbacks: Sequence[Callback]) -> None:
        connection.info.setdefault("seen", []).extend(callbacks)


class ThreeArguments(Custom):
    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        del connection
        return [Outcome(callback.id, OutcomeWord.IGNORED, str(at)) for callback in callbacks]


class AConnection:
    """Stands for the worker's: a handler's own `apply` gets whatever the engine hands it."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {}


def test_a_handler_of_ones_own_is_one_to_the_engine() -> None:
    handler: Handler = Custom()
    identity = handler.identify(a_request("custom", {"id": 7, "type": "paid"}))
    assert (identity.event_type, identity.event_key) == ("paid", "7")
    assert handler.keeps(a_request("custom", {}))
    assert handler.reply(a_request("custom", {})) is None
    assert handler.kept_body(a_request("custom", b"[1]")) == b"[1]"
    assert handler.identify(a_request("custom", b"[1]")).event_type == "callback"


@pytest.mark.parametrize("name", sorted(set(HOSTILE_BODIES) - {"array", "null", "number", "text"}))
def test_what_is_no_json_is_refused_unless_the_handler_reads_it_otherwise(name: str) -> None:
    request = a_request("custom", HOSTILE_BODIES[name])
    with pytest.raises(UnreadableBody):
        Custom().identify(request)

    class Bytes(Custom):
        def read(self, body: bytes) -> Any:
            return {"bytes": len(body)}

    assert Bytes().identify(request).event_key != ""


def test_nothing_proves_the_sender_of_a_handler_without_verify() -> None:
    request = a_request("custom", {})
    assert Custom().verify(request, 1).how == "unverified"
    assert Custom(callback_env="production").verify(request, 1).status == 503

    class Open(Custom):
        unverified_ok = True

    assert Open(callback_env="production").verify(request, 1).how == "unverified"
    assert (Custom().configured, Open().configured) == (False, True)


def test_an_apply_of_ones_own_may_leave_out_the_time_and_return_nothing() -> None:
    connection: Any = AConnection()
    callbacks = [a_callback("custom", {}, number=1), a_callback("custom", {}, number=2)]
    two: BaseCallbackHandler = TwoArguments()
    three: BaseCallbackHandler = ThreeArguments()
    assert two.apply(connection, callbacks, 5) == [Outcome(1, OutcomeWord.APPLIED), Outcome(2, OutcomeWord.APPLIED)]
    assert connection.info["seen"] == callbacks
    assert [outcome.reason for outcome in three.apply(connection, callbacks, 5)] == ["5", "5"]
    assert [handler.hands_over for handler in (Custom(), two, three)] == [True, False, False]


def test_headers_to_keep_may_be_written_as_text_in_any_case() -> None:
    class Keeping(Custom):
        kept_headers = ("X-Shop-Id", b"x-Other")  # type: ignore[assignment]

    names: tuple[Any, ...] = Keeping().kept_headers
    assert names == (b"x-shop-id", b"x-other")


def test_an_apply_that_is_async_is_a_mistake_that_shows_at_once() -> None:
    with pytest.raises(TypeError, match="cannot be async"):

        class _Async(Custom):
            async def apply(self, connection: Connection, callbacks: Sequence[Callback]) -> None:
                pass


def test_a_sender_with_orders_must_say_its_facts() -> None:
    with pytest.raises(TypeError, match="facts"):
        OrderCallbackHandler("x")  # type: ignore[abstract]


def test_levels_follow_what_the_log_keeps_of_the_proof() -> None:
    assert level_of("unverified") is Level.UNVERIFIED
    assert level_of("status_api") is Level.CONFIRMED
    assert {level_of(how) for how in ("signature", "signature:2", "token", "caller")} == {Level.SIGNED}
    assert proved(Verdict(1)) == Verification("signature")
    assert proved(Verdict(12), "token") == Verification("token:12")
    assert proved(MISSING) == Verification("", 401, "signature_missing")


@pytest.mark.parametrize("name", ["", "UPPER", "a/b", "a b", "x" * 65, "café", "a\n", 5, None])
def test_a_name_that_no_address_can_carry_is_refused(name: Any) -> None:
    with pytest.raises(FieldError):
        CallbackRegistry().register(name, Custom())


def test_a_name_is_given_once_unless_it_is_replaced() -> None:
    registry, first, second = CallbackRegistry(), Custom(), Custom()
    registry.register("mine", first)
    with pytest.raises(HandlerNameTaken):
        registry.register("mine", second)
    registry.register("mine", second, replace=True)
    assert registry.get("mine") is second
    assert (list(registry), len(registry), registry.get("other")) == (["mine"], 1, None)


def test_one_handler_has_one_name_and_a_class_is_none() -> None:
    registry, one = CallbackRegistry(), Custom()
    registry.register("mine", one)
    with pytest.raises(FieldError, match="registered as 'mine'"):
        registry.register("second", one)
    with pytest.raises(FieldError, match=r"register one of it: Custom"):
        registry.register("third", Custom)  # type: ignore[arg-type]
    registry.register("mine", one, replace=True)
    assert list(registry) == ["mine"]


def test_what_does_nothing_or_is_no_handler_is_not_registered() -> None:
    odd: list[Any] = [WebhookCallbackHandler("x"), object(), Custom, None]
    for handler in odd:
        with pytest.raises(FieldError):
            CallbackRegistry().register("mine", handler)


def test_the_log_tells_events_from_senders_of_the_same_name() -> None:
    webhook, event = Custom(), EventCallbackHandler("discord")
    CallbackRegistry().register("discord", webhook)
    assert (webhook.log_name, event.log_name) == ("discord", "event/discord")
    assert MidtransCallbackHandler(settings=settings()).log_name == "midtrans"


def test_development_says_once_that_nothing_is_verified(caplog: pytest.LogCaptureFixture) -> None:
    handler = Custom()
    requests: list[Request] = [a_request("custom", {})] * 3
    for request in requests:
        assert handler.verify(request, 1).ok
    assert caplog.text.count("unverified") == 1
    assert isinstance(handler, BaseCallbackHandler)


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("direct", 200), ("10.0.0.7", 503)])
def test_without_a_secret_only_this_machine_is_believed(address: str, status: int) -> None:
    handler = WebhookCallbackHandler("own", "own", settings=Settings(callback_env="development"))
    request = Request("own", b"{}", {}, address, 1)
    assert handler.verify(request, 1).status == status
