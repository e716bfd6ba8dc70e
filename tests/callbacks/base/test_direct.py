import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.callbacks.base import by_caller
from app.callbacks.base.base_handlers import WebhookCallbackHandler, current_callback
from app.callbacks.base.handing_over import KIND
from app.callbacks.callback_manager import CallbackManager, CallbackRouter
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.database import ensure_schema, get_db, make_engine
from app.core.errors import FieldError
from app.engine.callback import Identity
from app.engine.log import open_log, visiting
from app.engine.tasks.runner import Runner
from app.engine.worker import Worker
from app.ledger.book import Policy
from app.operate import orders, wallets
from tests.callbacks.payment.test_midtrans_callback import a_notification, signed
from tests.callbacks.vectors import DIGIFLAZZ_SECRET, MIDTRANS_KEY, VECTORS, settings

PAID = {"order_id": "T-1", "transaction_status": "settlement"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/data/state.db")
    (tmp_path / "data").mkdir()
    ensure_schema(engine)
    yield engine
    engine.dispose()


def announce(engine: Engine, order_id: str = "T-1", amount: str = "100000.00") -> None:
    data = {"order_id": order_id, "user_id": "ani", "kind": "topup", "amount": amount}
    orders.create_order(engine, data, at=1, policy=Policy(confirm="off"), lang="en")


def a_router(engine: Engine, **values: Any) -> CallbackRouter:
    return CallbackRouter(CallbackManager(engine, settings(**values)))


def manager_of(router: CallbackRouter) -> CallbackManager:
    assert isinstance(router.manager, CallbackManager)
    return router.manager


def balance(engine: Engine) -> str:
    return wallets.show_wallet(engine, "ani").balance


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


async def test_a_direct_call_credits_before_it_returns_and_only_once(engine: Engine) -> None:
    announce(engine)
    handler = MidtransCallbackHandler(engine, settings(callback_lang="en"))
    first, again = await handler.handle(PAID), await handler.handle(PAID)
    assert (first["success"], first["outcome"]) == (True, "applied")
    assert (again["success"], again["outcome"]) == (True, "duplicate")
    assert int(again["callback_id"]) > int(first["callback_id"])
    assert "applied" in first["message"]
    assert balance(engine) == "100000.00"


async def test_many_at_once_are_one_effect(engine: Engine) -> None:
    announce(engine)
    router = a_router(engine)
    results = await asyncio.gather(*(router.route_webhook("midtrans", PAID) for _ in range(20)))
    assert sorted(result["outcome"] for result in results) == ["applied", *["duplicate"] * 19]
    assert balance(engine) == "100000.00"


async def test_with_a_secret_a_call_without_proof_is_refused_unless_the_caller_vouches_for_it(engine: Engine) -> None:
    announce(engine)
    router = a_router(engine, midtrans_server_key=MIDTRANS_KEY)
    refused = await router.route_webhook("midtrans", a_notification())
    assert (refused["success"], refused["outcome"], refused["callback_id"]) == (False, "refused", None)
    assert refused["message"].startswith("signature_key: tanda tangan tidak ada")
    assert count(engine, "callback_outcomes") == 0
    trusted = await router.route_webhook("midtrans", a_notification(), trusted=True)
    assert trusted["outcome"] == "applied"
    log = open_log("sqlite:///data/log.db", server=False)
    kept = log.get(int(trusted["callback_id"]))
    log.close()
    assert kept is not None
    assert kept.verification == "caller"
    assert (await router.route_webhook("midtrans", signed(a_notification())))["outcome"] == "duplicate"


async def test_a_sender_that_signs_the_bytes_needs_headers_and_bytes(engine: Engine) -> None:
    router = a_router(engine, digiflazz_webhook_secret=DIGIFLAZZ_SECRET)
    vector = next(v for v in VECTORS if (v.provider, v.case) == ("digiflazz", "prepaid_sukses_create"))
    headers = {name.decode().title(): value.decode() for name, value in vector.headers.items()}
    data = json.loads(vector.body)
    proved = await router.route_webhook("digiflazz", data, headers=headers, raw_body=vector.body)
    assert (proved["success"], proved["outcome"]) == (True, "parked")
    assert not (await router.route_webhook("digiflazz", data))["success"]
    assert not (await router.route_webhook("digiflazz", data, headers=headers))["success"]


async def test_what_cannot_be_read_or_is_nobodys_is_a_failure_and_no_exception(engine: Engine) -> None:
    router = a_router(engine)
    nested: Any = []
    for _ in range(100):
        nested = [nested]
    odd: list[tuple[str, Any]] = [
        ("nobody", {}),
        ("midtrans", [1]),
        ("midtrans", None),
        ("midtrans", object()),
        ("midtrans", {"x": nested}),
        ("digiflazz", {}),
        ("telegram", {}),
    ]
    for name, data in odd:
        told = await router.route_webhook(name, data)
        assert (told["success"], told["outcome"], told["callback_id"]) == (False, "refused", None), name
    assert not (await router.route_event("nobody", {}))["success"]
    assert not (await router.route_event("file_created", {}))["success"]


async def test_a_rejected_callback_is_a_failure_with_its_reason(engine: Engine) -> None:
    announce(engine, amount="50000.00")
    told = await a_router(engine).route_webhook("midtrans", {**PAID, "gross_amount": "100000.00"})
    assert (told["success"], told["outcome"]) == (False, "rejected")
    assert told["message"].endswith("(100000.00 IDR) bukan jumlah yang diumumkan (50000.00 IDR).")


async def test_events_are_routed_by_their_type_and_kept(engine: Engine) -> None:
    router = a_router(engine, callback_admin_token="secret-token")
    told = await router.route_event("file_created", {"path": "/path/to/file.txt", "filename": "file.txt"})
    assert (told["success"], told["outcome"]) == (True, "ignored")
    assert (await router.route_event("on_ready", {}))["outcome"] == "ignored"
    assert (await router.route_event("file", {"event_type": "file_deleted", "path": "x"}))["outcome"] == "applied"
    log = open_log("sqlite:///data/log.db", server=False)
    kept = log.read_after(0, 10)
    log.close()
    assert [(c.provider, c.event_type) for c in kept] == [
        ("event/file", "file_created"),
        ("event/discord", "on_ready"),
        ("event/file", "file_deleted"),
    ]


def tasks(engine: Engine) -> list[tuple[str, str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT key, state, tries FROM callback_tasks ORDER BY id"))
        return [(row.key, row.state, row.tries) for row in rows]


class Own(WebhookCallbackHandler):
    def __init__(self, error: Exception | None = None) -> None:
        super().__init__("Own", "own", settings=settings())
        self.error = error
        self.seen: list[tuple[Any, str]] = []

    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        self.seen.append((data, current_callback().idempotency_key))
        if self.error:
            raise self.error
        return {"success": True, "mine": data}


async def test_a_handler_of_ones_own_answers_with_what_its_handle_returns(engine: Engine) -> None:
    router, handler = a_router(engine), Own()
    manager_of(router).register_handler("own", handler)
    assert await router.route_webhook("own", {"a": 1}) == {"success": True, "mine": {"a": 1}}
    assert tasks(engine) == [(handler.seen[0][1], "done", 1)]
    assert [data for data, _ in handler.seen] == [{"a": 1}]


async def test_a_handler_of_ones_own_that_fails_is_tried_again_in_the_slow_lane(engine: Engine) -> None:
    router, handler = a_router(engine), Own(ValueError("no stock"))
    manager_of(router).register_handler("own", handler)
    told = await router.route_webhook("own", {"a": 1})
    assert (told["success"], told["outcome"]) == (False, "failed")
    assert tasks(engine) == [(handler.seen[0][1], "ready", 1)]


async def test_a_handler_whose_caller_gives_up_is_tried_again_in_the_slow_lane(engine: Engine) -> None:
    began = asyncio.Event()

    class Slow(Own):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            del data
            began.set()
            await asyncio.Event().wait()

    router, handler = a_router(engine), Slow()
    manager_of(router).register_handler("own", handler)
    call = asyncio.create_task(router.route_webhook("own", {"a": 1}))
    await began.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(10):
        while tasks(engine)[0][1:] != ("ready", 0):  # noqa: ASYNC110 - by a thread; a try that nobody let end is none
            await asyncio.sleep(0.01)


async def test_a_handler_that_says_it_failed_answers_so_and_is_tried_again_as_over_http(engine: Engine) -> None:
    class Failing(Own):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            return {"success": False, "message": "no stock", "data": data}

    router = a_router(engine)
    manager_of(router).register_handler("own", Failing())
    assert (await router.route_webhook("own", {"a": 1}))["message"] == "no stock"
    [(_, state, tries)] = tasks(engine)
    assert (state, tries) == ("ready", 1)


async def test_what_a_handler_of_ones_own_refuses_is_refused_and_not_tried_again(engine: Engine) -> None:
    router = a_router(engine)
    manager_of(router).register_handler("own", Own(FieldError("amount", "is missing")))
    told = await router.route_webhook("own", {"a": 1})
    assert (told["success"], told["outcome"], told["message"]) == (False, "refused", "amount: is missing")
    [(_, state, tries)] = tasks(engine)
    assert (state, tries) == ("dead", 1)


async def test_what_a_handler_of_ones_own_tells_is_kept_as_the_outcome(engine: Engine) -> None:
    class Telling(Own):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            return {"success": True, "outcome": "ignored", "reason": "no_stock", "detail": data}

    router = a_router(engine)
    manager_of(router).register_handler("own", Telling())
    await router.route_webhook("own", {"a": 1})
    with engine.connect() as connection:
        row = connection.execute(text("SELECT outcome, reason, detail FROM callback_outcomes")).one()
    assert tuple(row) == ("ignored", "no_stock", '{"a":1}')


async def test_what_a_handler_of_ones_own_cannot_read_is_refused_before_it_is_kept(engine: Engine) -> None:
    class Lenient(Own):
        def identify(self, request: Any) -> Identity:
            del request
            return Identity("any", "any", "")

    router = a_router(engine)
    manager_of(router).register_handler("own", Lenient())
    told = await router.route_webhook("own", None, raw_body=b"<xml/>")
    assert (told["success"], told["outcome"], told["callback_id"]) == (False, "refused", None)
    assert (tasks(engine), count(engine, "callback_outcomes")) == ([], 0)


HANDLES = """
import asyncio
from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.callback_manager import CallbackRouter, initialize_callbacks


class Slow(WebhookCallbackHandler):
    async def handle(self, data):
        print("half of it", flush=True)
        await asyncio.Event().wait()


manager = initialize_callbacks()
manager.register_handler("own", Slow("own"))
asyncio.run(CallbackRouter(manager).route_webhook("own", {"a": 1}))
"""


async def test_what_a_killed_process_was_handling_is_handled_by_the_slow_lane_when_its_lease_ends(
    engine: Engine, root: Path
) -> None:
    def handle_half() -> None:
        environment = {**os.environ, "PYTHONPATH": str(root)}
        with subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-c", HANDLES], env=environment, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            while b"half of it" not in (line := process.stdout.readline()):
                assert line, "it ended by itself"
            process.kill()

    await asyncio.to_thread(handle_half)
    [(key, state, tries)] = tasks(engine)
    assert (state, tries) == ("running", 1)
    own = Own()
    manager = manager_of(a_router(engine))
    manager.register_handler("own", own)
    with engine.connect() as connection:
        lease_until = int(connection.execute(text("SELECT lease_until FROM callback_tasks")).scalar_one())
    with visiting("sqlite:///data/log.db") as log:
        runner = Runner(engine, {KIND: manager.performer(log)})
        assert await runner.run_once(lease_until - 1) == 0
        assert await runner.run_once(lease_until) == 1
    assert own.seen == [({"a": 1}, key)]
    assert tasks(engine) == [(key, "done", 2)]


async def test_a_registered_handler_that_is_called_itself_goes_the_same_way(engine: Engine) -> None:
    router, handler = a_router(engine), Own()
    assert handler.registered_as == ""
    with pytest.raises(
        LookupError, match="no callback is being handled"
    ):  # nobody could carry on what is not registered
        await handler.handle({"a": 1})
    manager_of(router).register_handler("own", handler)
    assert await handler.handle({"a": 2}) == {"success": True, "mine": {"a": 2}}
    assert tasks(engine) == [(handler.seen[0][1], "done", 1)]


async def test_a_handler_may_go_on_to_its_own_or_its_parents_handle(engine: Engine) -> None:
    class Parent(Own):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            return [current_callback().id, data]

    class Child(Parent):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            if data == "again":
                return "again"
            return [*(await super().handle(data)), await self.handle("again")]

    router = a_router(engine)
    child = Child()
    manager_of(router).register_handler("own", child)
    number, data, again = await child.handle({"a": 1}, headers=None, raw_body=b'{"a": 1}', trusted=True)  # type: ignore[call-arg]
    assert (data, again, count(engine, "callback_outcomes")) == ({"a": 1}, "again", 1)
    with visiting("sqlite:///data/log.db") as log:
        kept = log.get(number)
    assert kept is not None
    assert kept.verification == "caller"


async def test_middleware_is_around_a_handler_that_is_called_itself(engine: Engine) -> None:
    async def wrap(callback: Any, call_next: Any) -> Any:
        return [callback.provider, await call_next(callback)]

    router, handler = a_router(engine), Own()
    manager_of(router).add_middleware(wrap)
    manager_of(router).register_handler("own", handler)
    assert await handler.handle({"a": 1}) == ["own", {"success": True, "mine": {"a": 1}}]


async def test_a_handler_that_takes_long_keeps_its_lease(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_caller, "_RENEW_SECONDS", 0.001)
    leases: list[int] = []

    class Watching(Own):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            while len(set(leases)) < 3:
                await asyncio.sleep(0)
                with engine.connect() as connection:
                    leases.append(connection.execute(text("SELECT lease_until FROM callback_tasks")).scalar_one())
            return data

    router = a_router(engine)
    manager_of(router).register_handler("own", Watching())
    await router.route_webhook("own", {"a": 1})
    assert leases == sorted(leases)
    [(_, state, _)] = tasks(engine)
    assert state == "done"


async def test_a_handler_that_did_its_work_answers_though_the_state_cannot_be_written_then(engine: Engine) -> None:
    class Moving(Own):
        async def handle(self, data: Any) -> Any:  # type: ignore[override]
            (Path("data") / "state.db").rename(Path("data") / "away.db")
            return data

    router = a_router(engine)
    manager_of(router).register_handler("own", Moving())
    assert await router.route_webhook("own", {"a": 1}) == {"a": 1}


async def test_a_worker_beside_it_finds_the_callback_decided(engine: Engine) -> None:
    announce(engine)
    router = a_router(engine)
    own = Own()
    manager_of(router).register_handler("own", own)
    log = open_log("sqlite:///data/log.db", server=False)
    worker = Worker(log, engine, manager_of(router).lookup)
    worker.begin()
    with ThreadPoolExecutor(1) as pool:
        stopped = [False]
        running = pool.submit(worker.run, lambda: stopped[0])
        for number in range(10):
            await router.route_webhook("midtrans", PAID)
            await router.route_webhook("own", {"n": number})
        stopped[0] = True
        await asyncio.wrap_future(running)
    while worker.step():
        pass
    log.close()
    assert [data["n"] for data, _ in own.seen] == list(range(10))
    assert [(state, tries) for _, state, tries in tasks(engine)] == [("done", 1)] * 10
    assert count(engine, "callback_outcomes") == 20
    assert balance(engine) == "100000.00"


async def test_it_works_in_an_empty_folder_and_with_whatever_stands_for_a_database(tmp_path: Path) -> None:
    assert (await MidtransCallbackHandler().handle(PAID))["outcome"] == "parked"
    assert (tmp_path / "data" / "state.db").exists()
    session = next(get_db())
    assert (await MidtransCallbackHandler(session).handle(PAID))["outcome"] == "parked"


async def test_inside_a_tests_transaction_it_joins_by_a_savepoint(engine: Engine) -> None:
    announce(engine)
    with engine.connect() as connection, connection.begin() as transaction:
        session = Session(connection)
        assert (await MidtransCallbackHandler(session, settings()).handle(PAID))["outcome"] == "applied"
        transaction.rollback()
        session.close()
    assert balance(engine) == "0.00"


async def test_a_connection_without_our_schema_gets_it(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/fresh.db")
    with engine.connect() as connection:
        assert (await MidtransCallbackHandler(connection, settings()).handle(PAID))["outcome"] == "parked"
    engine.dispose()


class Odd(Own):
    def verify(self, request: Any, at: int) -> Any:
        raise ValueError(request, at)


async def test_what_a_direct_call_cannot_bring_is_a_failure_and_never_an_exception(engine: Engine) -> None:
    router = a_router(engine, digiflazz_webhook_secret="shh")
    manager_of(router).register_handler("odd", Odd())
    failures = [
        await router.route_webhook("midtrans", {"order_id": "x" * (1 << 20)}),
        await router.route_webhook("odd", {"a": 1}),
        await router.route_webhook("digiflazz", {"data": {}}, headers={"x-hub-signature": "sha1=\ud800"}),
        await router.route_webhook("digiflazz", {"data": {}}, headers={"x-hub-signature": 7}),  # type: ignore[dict-item]
        await router.route_webhook("midtrans", None, raw_body=b'{"order_id": "\\ud800"}'),
    ]
    assert [told["success"] for told in failures] == [False] * 5
    assert "1048576" in failures[0]["message"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM callback_outcomes")).scalar() == 0


@pytest.mark.parametrize(
    ("more", "field"), [({"raw_body": '{"id": 1}'}, "raw_body"), ({"headers": [("a", "b")]}, "headers")]
)
async def test_a_call_that_cannot_be_says_which_of_its_arguments_is_wrong(
    engine: Engine, more: dict[str, Any], field: str
) -> None:
    told = await a_router(engine).route_webhook("midtrans", {"id": 1}, **more)
    assert (told["success"], told["outcome"]) == (False, "refused")
    assert told["message"].startswith(f"{field}: must")
