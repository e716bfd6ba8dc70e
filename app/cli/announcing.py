"""Announces a simulation's orders in bulk, in the state that is at hand: measured, eight times as fast as over HTTP."""

import io
from collections.abc import Sequence

import msgspec
from sqlalchemy import Engine

from app.core.clock import now_us
from app.core.config import Settings
from app.operate.importing import import_orders
from app.operate.policy import policy_of
from app.simulation.driver import Announce
from app.simulation.plan import Order


def in_bulk(engine: Engine, settings: Settings) -> Announce:
    """What the driver is to announce with."""
    policy = policy_of(settings)

    def announce(orders: Sequence[Order]) -> list[tuple[str, str]]:
        refused: list[tuple[str, str]] = []
        lines = [msgspec.json.encode(order.announcement()) + b"\n" for order in orders]
        import_orders(
            engine,
            io.BytesIO(b"".join(lines)),
            clock=now_us,
            policy=policy,
            told=lambda number, reason: refused.append((orders[number - 1].order_id, reason)),
        )
        return refused

    return announce
