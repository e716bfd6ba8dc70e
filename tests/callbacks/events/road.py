"""The road of an event by hand: a shop, destinations, the fan-out, and a slow lane whose clock the test sets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.callbacks.callback_manager import CallbackManager
from app.callbacks.working import slow_lane
from app.core.database import reading, writing
from app.operate.endpoints import endpoints
from app.operate.endpoints.endpoints_shown import EndpointShown
from app.operate.endpoints.fan_out import fan_out
from app.operate.endpoints.subscribed import subscribe
from tests.callbacks.vectors import settings
from tests.operate.arrivals import Arrivals

SECOND = 1_000_000
DAY = 86_400 * SECOND


class Road(Arrivals):
    """Receive, decide, fan out, deliver."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder)
        self.settings = settings(**more)
        self.manager = CallbackManager(settings=self.settings)

    def listen(self, url: str, name: str = "shop", **more: Any) -> str:
        """Add an endpoint → its secret."""
        told = {"events": "transaction.*,ppob.*", "callbacks": "", "since": None, **more}
        at = self.shop.tick()
        return endpoints.add(self.shop.engine, self.log, self.settings, name=name, url=url, at=at, **told).secret

    def pay(self, *order_ids: str) -> None:
        for order_id in order_ids:
            self.shop.announce(order_id)
            self.shop.tell(order_id)

    def fan(self) -> None:
        with writing(self.shop.engine) as connection:
            subscribe(
                connection, {each.name: each.patterns for each in self.manager.subscribers.values()}, self.shop.tick()
            )
        while fan_out(self.shop.engine, self.log, self.manager.subscribers, self.shop.tick()):
            pass

    async def deliver(self, after_us: int = 0) -> int:
        """Everything that is due then → how many tries were made."""
        self.fan()
        self.shop.now += after_us
        runner = slow_lane(self.shop.engine, self.manager, self.log, clock=lambda: self.shop.now)
        try:
            return await runner.run_once(self.shop.tick())
        finally:
            await runner.close()

    def shown(self, name: str = "shop") -> EndpointShown:
        return endpoints.show(self.shop.engine, name)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with reading(self.shop.engine) as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def states(self) -> list[str]:
        """The states of the tasks."""
        return [row[0] for row in self.rows("SELECT state FROM callback_tasks ORDER BY id")]


@contextmanager
def a_road(folder: Path, **more: Any) -> Iterator[Road]:
    road = Road(folder, **more)
    try:
        yield road
    finally:
        road.close()


Answer = Callable[[Any, bytes], int]
