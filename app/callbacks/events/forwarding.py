"""Forwards events and raw callbacks to addresses of the owner's own, signed by Standard Webhooks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx2
import msgspec
import orjson
from sqlalchemy import Engine

from app.callbacks.base.handing_over import headers_of
from app.core.database import reading
from app.core.errors import AddressRefused, NoAnswer
from app.engine.callback import Callback
from app.engine.tasks import Circuit, Failure, Policy, Result, Settle, Success, Task
from app.operate.endpoints.delivering import GONE, PATIENCE_SECONDS, Target, settle, target_of
from app.operate.endpoints.events import event_at
from app.operate.endpoints.reaching import Reaching
from app.providers.outgoing import retry_after_seconds, send
from app.providers.standard_webhooks import signed_headers

_TAKEN = range(200, 300)
_ASKS_FOR_TIME = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_WAIT_SECONDS_MAX = 86_400.0


class Delivery(msgspec.Struct, frozen=True):
    """What is sent: the same bytes and the same id at every try."""

    id: str
    body: bytes
    headers: Mapping[str, str]


def delivery_of(callback: Callback) -> Delivery:
    """A raw callback: its bytes as they came, the headers that the log kept, and which one it is."""
    kept = {name: value for name, value in headers_of(callback).items() if _is_carried(name, value)}
    headers = {"content-type": "application/json", **kept}
    headers |= {"callback-id": str(callback.id), "callback-provider": callback.provider}
    return Delivery(f"cb_{callback.id}", callback.body, headers)


def _is_carried(name: str, value: str) -> bool:
    return name not in {"user-agent", "content-length", "host"} and value.isascii() and value.isprintable()


async def deliver(client: httpx2.AsyncClient, target: Target, delivery: Delivery, at: int) -> Result:
    """One request; any 2xx is heard. The answer's body is not looked at."""
    headers = {**delivery.headers, **signed_headers(delivery.id, delivery.body, target.secrets, at)}
    try:
        reply = await send(client, "POST", target.url or "", headers=headers, content=delivery.body)
    except NoAnswer as error:
        return Failure(str(error), lost=not error.unsent)
    except AddressRefused as error:
        return Failure(str(error))
    if reply.status in _TAKEN:
        return Success(reply.status)
    if reply.status == GONE:
        return Failure("answers 410: it wants no more", reason="endpoint_gone")
    told = retry_after_seconds(reply.headers) if reply.status in _ASKS_FOR_TIME else None
    wait = None if told is None else min(told, _WAIT_SECONDS_MAX)
    return Failure(f"answers {reply.status}", retry_after_seconds=wait)


class ForwardPerformer:
    """Delivers in the slow lane; one that is down never holds up another."""

    policy = Policy(base_seconds=2.0, cap_seconds=3_600.0, tries_max=None, age_seconds_max=float(PATIENCE_SECONDS))
    concurrency = 16
    rate_in_all_per_second: float | None = None
    circuit: Circuit | None = Circuit()
    timeout_seconds = 20.0

    def __init__(
        self, engine: Engine, find: Callable[[int], Callback | None], reaching: Reaching, *, clock: Callable[[], int]
    ) -> None:
        """`find` is the log's `get`."""
        self._engine = engine
        self._find = find
        self._reaching = reaching
        self._clock = clock
        self._turns = _Turns()

    def rate_of(self, destination: str) -> float | None:
        """Any: it is their own."""
        del destination
        return None

    async def perform(self, task: Task) -> Result:
        """One try; a destination that is off is not asked, and the try does not count."""
        async with self._turns.of(task.destination, task.order_no):
            target, delivery = self._read(task)  # in a thread it would take longer, and begin out of order
            if target is None or target.url is None:
                return Failure("the endpoint was removed", final=True, reason="endpoint_removed")
            if target.off_why:
                return Failure("the endpoint is switched off", counts=False, reason="endpoint_is_off")
            if delivery is None:
                return Failure("what was to be told is no longer kept", final=True, reason="event_gone")
            return await deliver(self._reaching.client_for(target.url), target, delivery, self._clock())

    @property
    def settle(self) -> Settle:
        """Keep how the endpoint is; switch off one that fails for days."""
        return settle

    def _read(self, task: Task) -> tuple[Target | None, Delivery | None]:
        number = orjson.loads(task.payload).get("event")
        with reading(self._engine) as connection:
            target = target_of(connection, task.destination, self._clock())
            event = event_at(connection, number) if number is not None else None
        if event is not None:
            return target, Delivery(event.id, event.body(), {"content-type": "application/json"})
        callback = self._find(task.callback_id) if number is None and task.callback_id is not None else None
        return target, None if callback is None else delivery_of(callback)


class _Turns:
    """Of what is under way to one destination, events of one order go one after the other, as they were claimed."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, int], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, destination: str, order_no: int | None) -> AsyncIterator[None]:
        """Wait for one's turn; what is about no order has it at once."""
        if order_no is None:
            yield
            return
        key = (destination, order_no)
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            _, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)
