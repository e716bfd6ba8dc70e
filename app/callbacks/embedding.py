"""The reception that the settings name; an application that mounts our router has it from its first callback on.

Its lifespan closes what the router opened.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from app.callbacks.callback_manager import get_callback_manager
from app.callbacks.observing import Observer
from app.core.config import get_settings
from app.core.database import ensure_schema, get_engine
from app.core.telemetry import get_logger
from app.engine.meter import Meter
from app.engine.offsets import highest_offset
from app.engine.reception import STATE_KEY, Reception, open_reception
from app.operate.refused import RefusalKeeper

_KEEP_SECONDS = 2.0
_OWN = "callback_reception_of_the_router"
_KEEPER = "callback_refusals"

log = get_logger(__name__)


class CallbackResponse(Response):
    """Hands the request as it came to the engine: nobody has read its body, and the engine sends the answer."""

    def __init__(self, reception: Reception, family: Literal["webhook", "event"], name: str) -> None:
        """`name` is the last part of the address."""
        super().__init__()
        self._take = reception.webhook if family == "webhook" else reception.event
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive the callback."""
        await self._take(scope, receive, send, self._name)


async def reception_of(request: Request) -> Reception:
    """The server's reception, or the router's own, opened now if this is its first callback.

    Raises StartRefused or LogBusy when the log cannot be opened; the next callback tries anew.
    """
    app = request.app
    found: Reception | None = getattr(request.state, STATE_KEY, None) or known_reception(app)
    if found is None:
        # No await until it stands: two first callbacks at once open one.
        ensure_schema(get_engine())
        found = open_from_settings()
        setattr(app.state, _OWN, found)
    return found


def open_from_settings() -> Reception:
    """The reception that the settings name, with the handlers of the process' manager.

    Called in the event loop that serves. Raises StartRefused or LogBusy.
    """
    engine, manager = get_engine(), get_callback_manager()
    return open_reception(
        get_settings(),
        manager.handlers,
        manager.event_handlers,
        floor=highest_offset(engine),
        state=engine.url.database,
    )


def known_reception(app: Any) -> Reception | None:
    """The reception of this application, if it has one."""
    found: Reception | None = getattr(app.state, STATE_KEY, None) or getattr(app.state, _OWN, None)
    return found


def write_failed_at(app: Any) -> int:
    """When this application's server could not write to the log last (microseconds); 0: never."""
    reception = known_reception(app)
    return 0 if reception is None else reception.counters.write_failed_at


def unkept_refusals(app: Any) -> dict[tuple[str, str], int]:
    """What this process refused and has not written down yet, by (provider, reason)."""
    keeper: RefusalKeeper | None = getattr(app.state, _KEEPER, None)
    if keeper is not None:
        return keeper.unkept()
    reception = known_reception(app)
    return dict(reception.counters.refused) if reception is not None else {}


def meter_of(app: Any) -> Meter | None:
    """What this application's server measures; None where it receives nothing."""
    reception = known_reception(app)
    return reception.meter if reception is not None else None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Measure, watch, keep what is refused beside running, and close the reception that the router opened itself."""
    observer = Observer(lambda: known_reception(app))
    tasks = [asyncio.create_task(beside) for beside in (_keep_refusals(app), observer.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(_keep, app)
        own: Reception | None = getattr(app.state, _OWN, None)
        if own is not None:
            delattr(app.state, _OWN)
            await own.close()


async def _keep_refusals(app: FastAPI) -> None:
    while True:
        await asyncio.sleep(_KEEP_SECONDS)
        await asyncio.to_thread(_keep, app)


def _keep(app: FastAPI) -> None:
    reception = known_reception(app)
    if reception is None:
        return
    keeper: RefusalKeeper | None = getattr(app.state, _KEEPER, None)
    if keeper is None:
        keeper = RefusalKeeper(get_engine(), reception.counters.refused)
        setattr(app.state, _KEEPER, keeper)
    try:
        keeper.keep()
    except Exception as error:  # noqa: BLE001 - the state is in trouble; the log goes on, and it is written later
        log.warning("refusals_not_kept", error=str(error).partition("\n")[0])
