"""The whole system in this process, reached by its addresses: its handlers, its worker, its slow lane."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from starlette.testclient import TestClient

from app.callbacks.callback_manager import CallbackManager, get_callback_manager, initialize_callbacks
from app.callbacks.working import slow_lane
from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.engine.log import visiting
from tests.callbacks.web import application, settle


class House:
    """What a shop and its senders see."""

    def __init__(self, web: TestClient) -> None:
        self.web = web

    @property
    def manager(self) -> CallbackManager:
        return get_callback_manager()

    def send(self, name: str, body: Any, kind: str = "webhook", **headers: str) -> Any:
        """As the sender does, then decided and carried out → the answer."""
        answer = self.web.post(f"/callbacks/{kind}/{name}", json=body, headers=headers)
        self.work()
        return answer

    def work(self) -> None:
        """What the worker and the slow lane do with all that is due."""
        settle()

        async def tasks() -> None:
            with visiting(get_settings().callback_log_url) as log:
                runner = slow_lane(get_engine(), self.manager, log)
                while await runner.run_once(now_us()):
                    pass
                await runner.close()

        asyncio.run(tasks())

    def outcome(self, name: str, body: Any, kind: str = "webhook") -> str:
        """What became of this callback."""
        answer = self.send(name, body, kind)
        assert answer.status_code == 200, answer.text
        return str(self.told(answer)["outcome"])

    def told(self, answer: Any) -> Any:
        """Everything that is known of the callback that was answered so."""
        return self.ask(f"/callbacks/log/{answer.json()['callback_id']}")

    def ask(self, path: str) -> Any:
        answer = self.web.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def announce(self, order_id: str = "ORDER-123", **more: Any) -> None:
        order = {"order_id": order_id, "user_id": "ani", "kind": "topup", "amount": "100000.00"}
        assert self.web.post("/transactions", json=order | more).status_code == 201

    def balance(self) -> str:
        return str(self.ask("/wallets/ani")["balance"])


@contextmanager
def a_house(**environment: str) -> Iterator[House]:
    """With these settings, in the current folder."""
    with patch.dict(os.environ, environment), application() as web:
        initialize_callbacks()
        yield House(web)
