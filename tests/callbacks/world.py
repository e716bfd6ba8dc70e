"""A manager on a real state and log, its worker and its slow lane, in this process."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.callback_manager import CallbackManager
from app.callbacks.working import slow_lane
from app.core.clock import now_us
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine, reading
from app.engine.log import open_log
from app.engine.worker import Worker


class Noting(WebhookCallbackHandler):
    """Has seen these."""

    unverified_ok = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.seen: list[Any] = []

    async def handle(self, data: Any, **_: Any) -> dict[str, Any]:
        self.seen.append(data)
        return {"success": True, "message": self.name}


class World:
    """A manager on a real state and log, and its worker."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(database_url=f"sqlite:///{folder}/s.db", callback_log_url=f"sqlite:///{folder}/l.db")
        self.engine = make_engine(self.settings.database_url)
        ensure_schema(self.engine)
        self.manager = CallbackManager(self.engine, self.settings)
        self.log = open_log(self.settings.callback_log_url, server=True)

    def keep(self, sender: str, body: bytes, key: str = "") -> int:
        return self.log.write_batch([(0, sender, "x", "", key, now_us(), "", body, "unverified", "127.0.0.1")])

    def work(self) -> None:
        worker = Worker(self.log, self.engine, self.manager.lookup)
        worker.begin()
        worker.step()
        worker.end()

    async def carry_out(self) -> None:
        runner = slow_lane(self.engine, self.manager, self.log)
        await runner.run_once(now_us())
        await runner.close()

    def outcomes(self) -> list[tuple[str, str]]:
        with reading(self.engine) as connection:
            rows = connection.execute(text("SELECT outcome, reason FROM callback_outcomes ORDER BY callback_id")).all()
        return [(row[0], row[1]) for row in rows]
