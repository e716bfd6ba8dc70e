"""What one server of callbacks holds open: the log, its appender, and the receivers of both families of addresses."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from app.core.clock import now_us
from app.core.config import Settings
from app.core.secrets import Secrets
from app.core.telemetry import get_logger
from app.engine.admission import Admission
from app.engine.asgi import RawHeaders, Receive, Scope, Send, asgi_callback, send_answer
from app.engine.callback import EVENT_PREFIX, Answer, Handlers
from app.engine.counters import Counters
from app.engine.limits import Limits
from app.engine.log import open_log
from app.engine.log.appender import Appender
from app.engine.log.place import take_server_lock
from app.engine.meter import Meter
from app.engine.peers import Proxies
from app.engine.receive import Append, Receiver
from app.engine.supervisor import inherited_wake_fd, wake

#: Where the lifespan's state keeps the reception.
STATE_KEY = "callback_reception"

_ROWS_MAX = 10_000
_BYTES_MAX = 64 << 20

log = get_logger(__name__)


class ClosableAppend(Append, Protocol):
    """An appender that can be closed: what it took is committed and answered first."""

    async def close(self) -> None:
        """Commit what waits, answer it, take nothing more."""


class Reception:
    """Everything between the door and the log. One a server; made in its event loop, closed at its end."""

    def __init__(
        self,
        handlers: Handlers,
        event_handlers: Handlers,
        appender: ClosableAppend,
        *,
        admission: Admission | None = None,
        proxies: Proxies | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        meter: Meter | None = None,
        close_log: Callable[[], None] | None = None,
    ) -> None:
        """`meter` is the one that the appender tells; `close_log` is called after the appender has finished."""
        self.counters = Counters()
        self.meter = meter or Meter(at=now_us())
        self.limits = limits
        self.proxies = proxies or Proxies()
        self.admission = admission or Admission()
        self.webhooks = Receiver(handlers, appender, counters=self.counters, limits=limits)
        self.events = Receiver(event_handlers, appender, counters=self.counters, limits=limits, prefix=EVENT_PREFIX)
        self._appender = appender
        self._close_log = close_log

    async def webhook(self, scope: Scope, receive: Receive, send: Send, provider: str) -> None:
        """`POST /callbacks/webhook/{provider}` over ASGI."""
        await asgi_callback(self.webhooks, scope, receive, send, provider, proxies=self.proxies)

    async def event(self, scope: Scope, receive: Receive, send: Send, event_type: str) -> None:
        """`POST /callbacks/event/{type}` over ASGI: for the admin token's bearer, or this machine's user."""
        if scope["method"] == "POST" and (refusal := self.refused(scope)) is not None:
            await send_answer(send, refusal, close=True)
            return
        await asgi_callback(self.events, scope, receive, send, event_type, proxies=self.proxies)

    def refused(self, scope: Scope) -> Answer | None:
        """Why whoever asks may hand in no events, or None."""
        headers: RawHeaders = scope["headers"]
        client = scope.get("client")
        return self.admission.refusal(client[0] if client else "", headers, now_us())

    def drain(self) -> None:
        """From now on new callbacks are answered 503; those that were taken are finished."""
        self.webhooks.draining = self.events.draining = True

    async def close(self) -> None:
        """Finish what was taken, then let go of the log."""
        self.drain()
        await self._appender.close()
        if self._close_log is not None:
            self._close_log()


def open_reception(
    settings: Settings,
    handlers: Handlers,
    event_handlers: Handlers,
    *,
    floor: int = 0,
    state: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Reception:
    """Open the log that the settings name, for one server; must be called in the event loop that will serve.

    `floor`: new ids lie above it (the highest offset of the state). `state`: the state database's file, which has one
    server too: it knows callbacks by their ids alone, and two logs may give the same. Raises StartRefused or LogBusy.
    """
    proxies = Proxies(settings.callback_trusted_proxies)
    opened = open_log(settings.callback_log_url, server=True, floor=floor)
    with ExitStack() as stack:
        stack.callback(opened.close)
        if state:
            stack.callback(os.close, take_server_lock(Path(state)))
        close = stack.pop_all().close
    meter = Meter(at=now_us())
    appender = Appender(opened, on_commit=waker(), on_answered=meter.kept, rows_max=_ROWS_MAX, bytes_max=_BYTES_MAX)
    return Reception(
        handlers,
        event_handlers,
        appender,
        admission=Admission(Secrets(settings.callback_admin_token), production=settings.production, proxies=proxies),
        proxies=proxies,
        limits=limits,
        meter=meter,
        close_log=close,
    )


def waker() -> Callable[[], None]:
    """What tells the worker that there is something to read: a write to the inherited descriptor, or nothing."""
    descriptor = inherited_wake_fd()
    if descriptor is None:
        return _nobody

    def wake_worker() -> None:
        try:
            wake(descriptor)
        except OSError as error:  # the supervisor is gone; the worker polls
            log.debug("receive.waking_failed", error=error.strerror)

    return wake_worker


def _nobody() -> None:
    """Without a supervisor the worker polls."""
