import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.callbacks.base.base_handlers import WebhookCallbackHandler, current_callback
from app.callbacks.base.handing_over import HandlerPerformer, key_of, run
from app.callbacks.base.middleware import CallNext
from app.callbacks.callback_manager import CallbackManager
from app.core.database import ensure_schema, make_engine, writing
from app.core.errors import FieldError, FileRefused
from app.engine.callback import Callback
from app.engine.deciding import decide, decide_again
from app.engine.tasks.runner import Runner
from tests.callbacks.vectors import a_callback, settings


class Recorder(WebhookCallbackHandler):
    """Keeps what it saw; fails as often as it is told to."""

    def __init__(self, failures: int = 0, answer: Any = None) -> None:
        super().__init__("Recorder", "recorder", settings=settings())
        self.seen: list[tuple[Any, int, str]] = []
        self.failures = failures
        self.answer = answer

    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        current = current_callback()
        self.seen.append((data, current.attempt, current.idempotency_key))
        await asyncio.sleep(0)
        if len(self.seen) <= self.failures:
            raise ConnectionError("the other side is away")
        return self.answer


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    ensure_schema(engine)
    yield engine
    engine.dispose()


def hand_over(engine: Engine, handler: Recorder, callbacks: list[Callback]) -> None:
    with writing(engine) as connection:
        outcomes = decide(connection, {"recorder": handler}, callbacks, epoch_no=1, at=1_000)
    assert [(str(o.word), o.reason) for o in outcomes] == [("applied", "handed_over")] * len(callbacks)


def tasks(engine: Engine) -> list[tuple[str, str, int, str]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT key, state, tries, last_error FROM callback_tasks ORDER BY id"))
        return [(row.key, row.state, row.tries, row.last_error) for row in rows]


def a_runner(engine: Engine, handler: Recorder, callbacks: list[Callback], *middleware: Any) -> Runner:
    log = {callback.id: callback for callback in callbacks}
    performer = HandlerPerformer(log.get, {"recorder": handler}, middleware)
    return Runner(engine, {"handler": performer}, chance=lambda: 0.0)


async def test_each_callback_reaches_its_handler_after_the_effects_are_committed(engine: Engine) -> None:
    handler = Recorder()
    callbacks = [a_callback("recorder", {"n": number}, number=number) for number in (1, 2)]
    hand_over(engine, handler, callbacks)
    assert handler.seen == []
    await a_runner(engine, handler, callbacks).run_once(2_000)
    assert sorted(handler.seen, key=str) == [({"n": 1}, 1, "handler:recorder:1"), ({"n": 2}, 1, "handler:recorder:2")]
    assert [state for _, state, _, _ in tasks(engine)] == ["done", "done"]


async def test_a_callback_decided_twice_is_handed_over_once(engine: Engine) -> None:
    handler, callbacks = Recorder(), [a_callback("recorder", {}, number=1)]
    hand_over(engine, handler, callbacks)
    with writing(engine) as connection:
        handler.apply(connection, callbacks, 3_000)
    assert len(tasks(engine)) == 1


async def test_a_callback_that_a_person_has_decided_again_is_handled_again(engine: Engine) -> None:
    handler, callbacks = Recorder(), [a_callback("recorder", {}, number=1)]
    hand_over(engine, handler, callbacks)
    runner = a_runner(engine, handler, callbacks)
    await runner.run_once(2_000)
    with writing(engine) as connection:
        decide_again(connection, {"recorder": handler}, callbacks[0], who="ani", at=3_000)
    await runner.run_once(4_000)
    assert [key for _, _, key in handler.seen] == [key_of("recorder", 1)] * 2


async def test_a_handler_that_fails_is_tried_again_with_the_same_key(engine: Engine) -> None:
    handler, callbacks = Recorder(failures=1), [a_callback("recorder", {}, number=7)]
    hand_over(engine, handler, callbacks)
    runner = a_runner(engine, handler, callbacks)
    await runner.run_once(2_000)
    ((_, state, _, error),) = tasks(engine)
    assert (state, "the other side is away" in error) == ("ready", True)
    await runner.run_once(2_000_000)
    assert [(attempt, key) for _, attempt, key in handler.seen] == [
        (1, key_of("recorder", 7)),
        (2, key_of("recorder", 7)),
    ]
    assert tasks(engine)[0][1] == "done"


async def test_a_handler_that_says_it_failed_is_tried_again(engine: Engine) -> None:
    handler = Recorder(answer={"success": False, "message": "stock is empty"})
    callbacks = [a_callback("recorder", {}, number=1)]
    hand_over(engine, handler, callbacks)
    await a_runner(engine, handler, callbacks).run_once(2_000)
    assert tasks(engine)[0][1:] == ("ready", 1, "stock is empty")


async def test_a_callback_that_is_gone_is_given_up_and_an_unknown_handler_waits(engine: Engine) -> None:
    handler, callbacks = Recorder(), [a_callback("recorder", {}, number=1)]
    hand_over(engine, handler, callbacks)
    stranger = Runner(engine, {"handler": HandlerPerformer(lambda _: None, {})}, chance=lambda: 0.0)
    await stranger.run_once(2_000)
    assert tasks(engine)[0][1] == "ready"
    await a_runner(engine, handler, []).run_once(2_000_000)
    assert tasks(engine)[0][1] == "dead"


async def test_middleware_goes_around_each_handler_in_the_order_it_was_added() -> None:
    steps: list[str] = []

    def a_middleware(name: str) -> Any:
        async def middleware(callback: Callback, call_next: CallNext) -> Any:
            steps.append(f"{name} before {callback.id}")
            told = await call_next(callback)
            steps.append(f"{name} after")
            return {"wrapped": told}

        return middleware

    told = await run(
        Recorder(answer="done"),
        a_callback("recorder", {}, number=5),
        {},
        attempt=1,
        middleware=[a_middleware("outer"), a_middleware("inner")],
    )
    assert told == {"wrapped": {"wrapped": "done"}}
    assert steps == ["outer before 5", "inner before 5", "inner after", "outer after"]


async def test_the_current_callback_is_known_inside_of_a_handler_alone() -> None:
    with pytest.raises(LookupError):
        current_callback()
    handler = Recorder()
    await run(handler, a_callback("recorder", {}, number=5), {}, attempt=3)
    assert handler.seen == [({}, 3, "handler:recorder:5")]
    with pytest.raises(LookupError):
        current_callback()


async def test_a_handler_need_not_be_async_and_holds_nobody_up() -> None:
    gate = threading.Event()

    class Plain(WebhookCallbackHandler):
        def handle(self, data: Any) -> Any:  # type: ignore[override]
            assert gate.wait(10)  # the loop goes on meanwhile
            return {"data": data, "id": current_callback().id}

    going = asyncio.create_task(run(Plain("plain"), a_callback("plain", {}), {"a": 1}, attempt=1))
    await asyncio.sleep(0)
    gate.set()
    assert await going == {"data": {"a": 1}, "id": 1}


async def test_what_a_handler_raises_is_logged_with_its_traceback_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    handler, callbacks = Recorder(failures=2), [a_callback("recorder", {})]
    hand_over(engine, handler, callbacks)
    runner = a_runner(engine, handler, callbacks)
    for at in (2_000, 10**9, 10**12):
        await runner.run_once(at)
    lines = [record.getMessage() for record in caplog.records if "handler_failed" in record.getMessage()]
    assert [("Traceback" in line, "the other side is away" in line) for line in lines] == [(True, True), (False, True)]
    assert len(handler.seen) == 3


async def takes_one(callback: Callback) -> None:
    del callback


@pytest.mark.parametrize("odd", [lambda _callback, call_next: call_next, None, "text", takes_one])
def test_middleware_that_cannot_be_is_refused_when_it_is_added(odd: Any) -> None:
    manager = CallbackManager(settings=settings())
    with pytest.raises(FieldError, match="middleware"):
        manager.add_middleware(odd)
    assert manager.middleware == []


async def test_an_object_may_be_middleware() -> None:
    class Around:
        async def __call__(self, callback: Callback, call_next: CallNext) -> Any:
            return [await call_next(callback)]

    manager = CallbackManager(settings=settings())
    manager.add_middleware(Around())
    handler = Recorder(answer="told")
    assert await run(handler, a_callback("x", {}), {}, attempt=1, middleware=manager.middleware) == ["told"]


def outcome(engine: Engine) -> tuple[str, str, str]:
    with engine.connect() as connection:
        row = connection.execute(text("SELECT outcome, reason, detail FROM callback_outcomes")).one()
        return (row.outcome, row.reason, row.detail)


def counted(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, value FROM callback_counters WHERE value <> 0"))
        return {row.name: row.value for row in rows}


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ({"success": True}, ("applied", "handed_over", "")),
        ({"success": True, "reason": "stocked", "detail": {"boxes": 3}}, ("applied", "stocked", '{"boxes":3}')),
        ({"reason": "nothing_to_do", "outcome": "ignored"}, ("ignored", "nothing_to_do", "")),
        ({"reason": "known", "outcome": "duplicate"}, ("duplicate", "known", "")),
        ({"reason": "mine", "outcome": "rejected"}, ("applied", "mine", "")),
        ({"reason": "mine", "outcome": ["odd"]}, ("applied", "mine", "")),
        ({"reason": "Not a word!"}, ("applied", "handed_over", "")),
        ({"reason": ["list"]}, ("applied", "handed_over", "")),
        ({"reason": "long", "detail": {"x": "y" * 20_000}}, ("applied", "long", "")),
        ({"reason": "odd", "detail": {"x": object()}}, ("applied", "odd", "")),
        ({"reason": "odd", "detail": ["a"]}, ("applied", "odd", "")),
        ("done", ("applied", "handed_over", "")),
    ],
)
async def test_what_a_handler_tells_of_its_callback_becomes_the_outcome(
    engine: Engine, answer: Any, kept: tuple[str, str, str]
) -> None:
    handler, callbacks = Recorder(answer=answer), [a_callback("recorder", {}, number=1)]
    hand_over(engine, handler, callbacks)
    await a_runner(engine, handler, callbacks).run_once(2_000)
    assert outcome(engine) == kept
    assert counted(engine) == {f"outcome:{kept[0]}": 1}
    assert [state for _, state, _, _ in tasks(engine)] == ["done"]


async def test_what_a_handler_refuses_is_a_dead_letter_at_once_with_its_reason(engine: Engine) -> None:
    class Strict(Recorder):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            if data == {}:
                raise FieldError("amount", "is missing")
            raise FileRefused("file_too_large", size=11, most=10)

    handler, callbacks = Strict(), [a_callback("recorder", body, number=n) for n, body in ((1, {}), (2, {"a": 1}))]
    hand_over(engine, handler, callbacks)
    await a_runner(engine, handler, callbacks).run_once(2_000)
    assert [(state, tries) for _, state, tries, _ in tasks(engine)] == [("dead", 1), ("dead", 1)]
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT reason, detail FROM callback_dead ORDER BY id")).all()
    assert rows[0].reason == "not_valid"
    assert "amount: is missing" in rows[0].detail
    assert rows[1].reason == "file_too_large"
    assert json.loads(rows[1].detail)["most"] == 10
