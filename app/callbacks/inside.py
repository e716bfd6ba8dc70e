"""A worker inside of somebody's own process, in two threads: for applications without a `callbacks worker` beside."""

import atexit
import threading

from sqlalchemy import Engine

from app.callbacks.events.fanning import FanOut
from app.callbacks.working import Staffed, chores, slow_lane
from app.core.telemetry import get_logger
from app.engine.log import open_log
from app.engine.tasks.thread import start_in_thread
from app.engine.worker import Worker

_AGAIN_SECONDS = 1.0
_STOP_SECONDS = 10.0

log = get_logger(__name__)


class InsideWorker:
    """Works on callbacks and tasks until `stop`, which the end of the process calls too."""

    def __init__(self, manager: Staffed, engine: Engine) -> None:
        """Start it. Raises StartRefused when the log cannot be opened."""
        self._callbacks = open_log(manager.settings.callback_log_url, server=False)
        self._runner = start_in_thread(slow_lane(engine, manager, self._callbacks))
        self._fans = FanOut(engine, manager.settings.callback_log_url, manager.subscribers, self._runner)
        due = chores(manager.settings, self._callbacks)
        self._worker = Worker(self._callbacks, engine, manager.lookup, chores=due, on_batch=self._batch_done)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="callbacks", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Finish the batch that is under way; what waits is worked on at the next start."""
        atexit.unregister(self.stop)
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)
        self._fans.stop()
        self._runner.stop()
        self._callbacks.close()

    def _batch_done(self) -> None:
        self._runner.wake()
        self._fans.wake()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._worker.run(self._stopping.is_set)
            except Exception:  # a supervisor would start the process again; here there is only this thread
                log.exception("worker.died", again_seconds=_AGAIN_SECONDS)
                self._stopping.wait(_AGAIN_SECONDS)
