from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.callback_manager import CallbackRouter
from app.core.clock import now_us
from app.core.database import reading
from app.core.errors import FieldError, ProcessingError, StartRefused
from app.engine.callback import Callback
from app.operate import letters, orders, replay, story, wallets
from app.operate.audit import audit
from app.operate.policy import UNASKED
from tests.callbacks.world import Noting, World


class Inside(WebhookCallbackHandler):
    """Acts in the worker's transaction."""

    def apply(self, connection: Connection, callbacks: Sequence[Callback]) -> None:
        for callback in callbacks:
            connection.execute(
                text("INSERT INTO seen VALUES (:id, :sender)"), {"id": callback.id, "sender": callback.provider}
            )


def is_a_game(callback: Callback) -> bool:
    return callback.ordering_key.startswith("GAME-")


async def test_the_first_rule_that_fits_decides_who_acts_over_http_and_in_the_slow_lane(world: World) -> None:
    own, games = Noting("own"), Noting("games")
    world.manager.register_handler("own", own)
    world.manager.register_handler("games", games)
    world.manager.add_rule(is_a_game, "games")
    world.manager.add_rule(lambda _: True, "own")
    world.keep("own", b'{"n": 1}', "GAME-1")
    world.keep("own", b'{"n": 2}', "T-2")
    world.work()
    await world.carry_out()
    assert games.seen == [{"n": 1}]
    assert own.seen == [{"n": 2}]


async def test_a_direct_call_follows_the_same_rules(world: World) -> None:
    own, games = Noting("own"), Noting("games")
    world.manager.register_handler("own", own)
    world.manager.register_handler("games", games)
    world.manager.add_rule(lambda callback: b"game" in callback.body, "games")
    told = await CallbackRouter(world.manager).route_webhook("own", {"kind": "game"})
    assert told["message"] == "games"
    assert (own.seen, games.seen) == ([], [{"kind": "game"}])


def test_a_routed_callback_keeps_its_sender_in_the_workers_transaction(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("CREATE TABLE seen (id INTEGER, sender TEXT)"))
    world.manager.register_handler("ledgerless", Inside("Inside", "ledgerless"))
    world.manager.add_rule(lambda callback: callback.provider == "midtrans", "ledgerless")
    number = world.keep("midtrans", b"{}")
    world.work()
    with reading(world.engine) as connection:
        assert connection.execute(text("SELECT id, sender FROM seen")).all() == [(number, "midtrans")]


def test_a_predicate_that_raises_sets_that_callback_aside_and_no_other(world: World) -> None:
    world.manager.register_handler("own", Noting("own"))

    def odd(callback: Callback) -> bool:
        return callback.ordering_key.index("GAME") >= 0

    world.manager.add_rule(odd, "own")
    world.keep("own", b"{}", "T-1")
    world.keep("own", b"{}", "GAME-1")
    world.work()
    assert world.outcomes() == [("set_aside", "handler_failed"), ("applied", "handed_over")]


def test_no_rule_lets_one_sender_tell_of_anothers_order(world: World) -> None:
    order = {"order_id": "TU-1", "user_id": "ani", "kind": "topup", "amount": "100000.00"}
    orders.create_order(world.engine, order, at=now_us(), policy=UNASKED, lang="en")
    world.manager.register_handler("evil", Noting("evil"))
    world.manager.add_rule(lambda callback: callback.provider == "evil", "midtrans")
    world.keep("evil", b'{"order_id": "TU-1", "transaction_status": "settlement", "gross_amount": "100000.00"}')
    world.work()
    assert world.outcomes() == [("rejected", "another_senders_order")]
    assert wallets.show_wallet(world.engine, "ani").balance == "0.00"


def test_a_subclass_of_the_router_decides_where_no_rule_can(world: World) -> None:
    class ByDay(CallbackRouter):
        def route(self, callback: Callback) -> str:
            return "games" if callback.event_type == "x" else super().route(callback)

    games = Noting("games")
    world.manager.register_handler("own", Noting("own"))
    world.manager.register_handler("games", games)
    world.manager.use_router(ByDay(world.manager))
    world.keep("own", b"{}")
    world.work()
    with reading(world.engine) as connection:
        assert connection.execute(text("SELECT destination FROM callback_tasks")).scalars().all() == ["games"]


def test_a_rule_that_cannot_be_is_refused_at_once_or_at_the_start(world: World) -> None:
    async def later(_: Callback) -> bool:
        return True

    with pytest.raises(FieldError, match="predicate"):
        world.manager.add_rule(later, "own")  # type: ignore[arg-type]
    with pytest.raises(FieldError, match="name"):
        world.manager.add_rule(is_a_game, "")
    world.manager.add_rule(is_a_game, "nobody")
    with pytest.raises(StartRefused, match="nobody"):
        world.manager.check_routes()


def test_a_predicate_that_raises_later_on_costs_nobody_the_sight_of_its_callback(world: World) -> None:
    world.manager.register_handler("own", Noting("own"))
    number = world.keep("own", b"{}")
    world.work()

    def odd(callback: Callback) -> bool:
        raise KeyError(callback.provider)

    world.manager.add_rule(odd, "own")
    shown = story.show_callback(world.engine, world.log, world.manager.lookup, number, lang="en")
    assert shown.outcome == "applied"
    other = world.keep("own", b"{}")
    world.work()
    room = replay.Room(world.engine, world.log, world.manager.lookup)
    with pytest.raises(ProcessingError, match=r"the routing of callback \d+ failed: KeyError: 'own'"):
        replay.replay_one(room, other, who="sari", reason="once more", at=now_us(), lang="en")
    with pytest.raises(ProcessingError, match="the routing"):
        letters.retry_dead(world.engine, world.log, world.manager.lookup, 1, who="sari", at=now_us(), lang="en")
    assert world.outcomes()[1] == ("set_aside", "handler_failed")


async def test_a_dead_letter_that_is_retried_and_a_replay_follow_the_route_of_today(world: World) -> None:
    games = Noting("games")
    world.manager.register_handler("own", Noting("own"))
    world.manager.register_handler("games", games)
    number = world.keep("nobody", b'{"n": 1}')
    other = world.keep("nobody", b'{"n": 2}')
    world.work()
    assert world.outcomes() == [("set_aside", "no_handler")] * 2
    world.manager.add_rule(lambda callback: callback.provider == "nobody", "games")
    letters.retry_dead(world.engine, world.log, world.manager.lookup, 1, who="sari", at=now_us(), lang="en")
    room = replay.Room(world.engine, world.log, world.manager.lookup)
    replay.replay_one(room, other, who="sari", reason="there is a rule now", at=now_us(), lang="en")
    await world.carry_out()
    assert sorted(each["n"] for each in games.seen) == [1, 2]
    shown = story.show_callback(world.engine, world.log, world.manager.lookup, number, lang="en")
    assert shown.detail["handler"] == "games"


async def test_who_acted_is_still_told_when_the_handler_has_told_its_reason(world: World) -> None:
    class Telling(Noting):
        async def handle(self, data: Any, **_: Any) -> Any:
            return {"success": True, "reason": "counted", "detail": {"n": data["n"]}}

    world.manager.register_handler("own", Noting("own"))
    world.manager.register_handler("games", Telling("games"))
    world.manager.add_rule(lambda _: True, "games")
    number = world.keep("own", b'{"n": 1}')
    world.work()
    await world.carry_out()
    shown = story.show_callback(world.engine, world.log, world.manager.lookup, number, lang="en")
    assert (shown.reason, shown.detail) == ("counted", {"n": 1, "handler": "games"})


class ToGames(CallbackRouter):
    def route(self, callback: Callback) -> str:
        return "games" if callback.provider == "own" else super().route(callback)


@pytest.mark.parametrize("by", ["rule", "router"])
async def test_every_direct_call_is_routed_as_a_callback_over_http(world: World, by: str) -> None:
    own, games = Noting("own"), Noting("games")
    world.manager.register_handler("own", own)
    world.manager.register_handler("games", games)
    if by == "rule":
        world.manager.add_rule(lambda _: True, "games")
    else:
        world.manager.use_router(ToGames(world.manager))
    await own.handle({"n": 1})  # the specification's unit test calls so
    await CallbackRouter(world.manager).route_webhook("own", {"n": 2})
    world.keep("own", b'{"n": 3}')
    world.work()
    await world.carry_out()
    assert (own.seen, [each["n"] for each in games.seen]) == ([], [1, 2, 3])


def test_a_router_that_returns_no_name_is_told(world: World) -> None:
    class Forgetful(CallbackRouter):
        def route(self, callback: Callback) -> str:
            super().route(callback)
            return None  # type: ignore[return-value]

    world.manager.register_handler("own", Noting("own"))
    world.manager.use_router(Forgetful(world.manager))
    number = world.keep("own", b"{}")
    world.work()
    shown = story.show_callback(world.engine, world.log, world.manager.lookup, number, lang="en")
    assert shown.detail["text"] == "route returned NoneType; it returns a handler's name"
    with pytest.raises(FieldError, match="router"):
        world.manager.use_router(CallbackRouter)  # type: ignore[arg-type]


def test_an_audit_reads_a_routed_callback_as_the_handler_that_acted(world: World) -> None:
    order = {"order_id": "TU-1", "user_id": "ani", "kind": "topup", "amount": "100000.00", "provider": "shop_two"}
    orders.create_order(world.engine, order, at=now_us(), policy=UNASKED, lang="en")
    world.manager.register_handler("shop_two", Noting("shop_two"))
    world.manager.add_rule(lambda callback: callback.provider == "shop_two", "midtrans")
    world.keep("shop_two", b'{"order_id": "TU-1", "transaction_status": "settlement", "gross_amount": "100000.00"}')
    world.work()
    assert world.outcomes() == [("applied", "")]
    assert wallets.show_wallet(world.engine, "ani").balance == "100000.00"
    told = audit(world.engine, world.log, world.manager.lookup, lang="en")
    assert told.findings == []
    assert "handler_unknown" not in str(told)
