"""The worker's process: one that decides callbacks and one thread that carries out tasks, until it is told to stop."""

import signal
from collections.abc import Mapping
from types import FrameType

from sqlalchemy import Engine

from app.callbacks.base.handing_over import KIND
from app.callbacks.callback_manager import CallbackManager
from app.core.config import Settings
from app.core.telemetry import get_logger, redact
from app.engine.log import Log, open_log
from app.engine.supervisor import inherited_wake_fd
from app.engine.tasks import Performer
from app.engine.tasks.runner import Runner
from app.engine.tasks.thread import start_in_thread
from app.engine.worker import Worker

log = get_logger(__name__)


def run(settings: Settings, engine: Engine, manager: CallbackManager) -> int:
    """Work until SIGTERM or SIGINT → exit code 0. Raises StartRefused when the log cannot be opened."""
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.on_signal)
    callbacks = open_log(settings.callback_log_url, server=False)
    runner = start_in_thread(Runner(engine, performers(manager, callbacks), redact=redact))
    try:
        worker = Worker(callbacks, engine, manager.lookup, on_batch=runner.wake)
        log.info("worker.started", handlers=sorted(manager.lookup))
        worker.run(lambda: stop.asked, inherited_wake_fd())
    finally:
        runner.stop()
        callbacks.close()
    log.info("worker.stopped")
    return 0


def performers(manager: CallbackManager, callbacks: Log) -> Mapping[str, Performer]:
    """Who carries out which kind of task."""
    return {KIND: manager.performer(callbacks)}


class _Stop:
    """Whether somebody asked us to stop."""

    def __init__(self) -> None:
        self.asked = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
