"""The thread of a worker that makes tasks of what destinations have not heard, after each batch and now and then."""

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.callbacks.events.subscribing import Subscriber
from app.core.clock import now_us
from app.core.database import engine_for, reading, writing
from app.core.telemetry import get_logger, redact
from app.engine.log import Log, open_log
from app.engine.tasks.results import words_of
from app.engine.tasks.thread import RunnerThread
from app.operate.endpoints.fan_out import anybody, fan_out
from app.operate.endpoints.subscribed import are_missed, come_back, subscribe

_POLL_SECONDS = 0.5
_STOP_SECONDS = 10.0

log = get_logger(__name__)


class FanOut:
    """Runs until `stop`; `wake` from any thread."""

    def __init__(
        self, engine: Engine, log_url: str, subscribers: Mapping[str, Subscriber], runner: RunnerThread
    ) -> None:
        """Start it. `runner` carries the tasks out. Functions that are there already hear of all from now on."""
        # Not the worker's own: its connection holds many pages, and a second thread at it would give it another one.
        self._engine = engine_for(engine.url.render_as_string(hide_password=False))
        self._log_url = log_url
        self._subscribers = subscribers
        self._runner = runner
        self._known: dict[str, str] | None = None
        self._log: Log | None = None  # opened when somebody listens
        self._stirred = threading.Event()
        self._stopping = threading.Event()
        with suppress(DBAPIError):  # the state is in trouble: the first round tries anew
            self._subscribe()
        self._thread = threading.Thread(target=self._run, name="fan-out", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._stirred.set()

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stopping.set()
        self._stirred.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._stirred.clear()
                if not self._round():
                    self._stirred.wait(_POLL_SECONDS)
        finally:
            if self._log is not None:
                self._log.close()

    def _round(self) -> bool:
        """One round → whether there may be more at once. What fails is tried again: nothing moves by halves."""
        try:
            self._subscribe()
            if not anybody(self._engine):
                return False
            if self._log is None:
                self._log = open_log(self._log_url, server=False)
            more = fan_out(self._engine, self._log, self._subscribers, now_us())
        except Exception as error:  # noqa: BLE001 - whatever it is, what waits keeps its place
            log.error("fan_out_failed", error=words_of(error, redact))  # noqa: TRY400 - a traceback may hold bodies
            return False
        if more:
            self._runner.wake()
        return more

    def _subscribe(self) -> None:
        named = {each.name: each.patterns for each in tuple(self._subscribers.values())}
        if named != self._known:
            with writing(self._engine) as connection:
                subscribe(connection, named, now_us())
            self._known = named
        elif named and self._are_missed(named):
            with writing(self._engine) as connection:
                come_back(connection, named, now_us())

    def _are_missed(self, names: Iterable[str]) -> bool:
        # A worker without our functions was started beside this one: it holds back what it cannot call.
        with reading(self._engine) as connection:
            return are_missed(connection, names)
