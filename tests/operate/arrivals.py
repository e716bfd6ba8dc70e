"""A shop with a log beside its state, and a worker that is run by hand, for the tests of what came in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.callbacks.ppob.ppob_callbacks import DigiflazzCallbackHandler
from app.core.config import Settings
from app.engine.callback import Row
from app.engine.log import Log, open_log
from app.engine.worker import Worker
from app.operate import search
from app.operate.callbacks_shown import CallbacksShown
from tests.operate.shop import Shop

NOTHING: Mapping[str, str] = {}


class Arrivals:
    """Receive, decide, look."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(folder)
        self.url = f"sqlite:///{folder}/log.db"
        self.log: Log = open_log(self.url, server=False)
        self.handlers: Mapping[str, BaseCallbackHandler] = {
            "midtrans": MidtransCallbackHandler(settings=Settings()),
            "digiflazz": DigiflazzCallbackHandler(settings=Settings()),
        }

    def receive(self, order_id: str = "TU-1", *, provider: str = "midtrans", at: int = 0, **fields: Any) -> int:
        body = {"order_id": order_id, "transaction_status": "settlement", "gross_amount": "100000.00", **fields}
        at = at or self.shop.tick()
        row: Row = (0, provider, "settlement", "", order_id, at, "", json.dumps(body).encode(), "unverified", "::1")
        return self.log.write_batch([row])

    def decide(self) -> None:
        worker = Worker(self.log, self.shop.engine, self.handlers, clock=self.shop.tick)
        worker.begin()
        while worker.step():
            pass
        worker.end()

    def page(
        self,
        sought: Mapping[str, str] = NOTHING,
        *,
        before: int | None = None,
        rows_max: int = 50,
        seconds: float = 9,
    ) -> CallbacksShown:
        wanted = self.wanted(sought)
        return search.list_callbacks(
            self.shop.engine, self.log, wanted, before=before, rows_max=rows_max, seconds=seconds, lang="en"
        )

    def wanted(self, sought: Mapping[str, str]) -> search.Search:
        return search.search_from(**sought, at=self.shop.now)

    def found(self, **sought: str) -> list[int]:
        return [int(line.callback_id) for line in self.page(sought).callbacks]

    def close(self) -> None:
        self.log.close()
        self.shop.engine.dispose()
