"""Who waits for whom where disks are slow."""

import asyncio
import threading
from pathlib import Path

from app.callbacks.callback_manager import CallbackManager, CallbackRouter
from app.callbacks.file_monitor.beside import beside
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine
from tests.pictures import picture


async def test_an_upload_is_kept_while_every_watched_folder_hangs(tmp_path: Path) -> None:
    incoming = tmp_path / "uploads" / "incoming"
    incoming.mkdir(parents=True)
    (incoming / "a.png").write_bytes(picture())
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    ensure_schema(engine)
    settings = Settings(callback_uploads=str(tmp_path / "uploads"), callback_log_url=f"sqlite:///{tmp_path}/log.db")
    manager = CallbackManager(engine, settings)
    there = threading.Event()
    hanging = [asyncio.create_task(beside(engine, lambda: there.wait(30))) for _ in range(8)]
    await asyncio.sleep(0)
    told = {"file_path": str(incoming / "a.png"), "original_filename": "a.png", "file_size": len(picture())}
    try:
        upload = {**told, "upload_type": "topup_proof", "user_id": "ani", "amount": "50000.00"}
        kept = await asyncio.wait_for(CallbackRouter(manager).route_event("upload", upload), 10)
        assert kept["success"] is True, kept
        assert not any(task.done() for task in hanging)
    finally:
        there.set()
        await asyncio.gather(*hanging)
        engine.dispose()
