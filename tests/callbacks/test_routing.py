from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, text

from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.callback_manager import CallbackRouter
from app.core.clock import now_us
from app.core.database import reading
from app.core.errors import FieldError, StartRefused
from app.engine.callback import Callback
from app.operate import orders, wallets
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
