"""Follows callbacks and events of a system, ours or one elsewhere, and posts them to one address, in their order."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar
from urllib.parse import quote, urlencode

import httpx2
import msgspec
from sqlalchemy import Engine

from app.callbacks.events.forwarding import Delivery, deliver, delivery_of
from app.core.clock import now_us
from app.core.errors import CallbackError, ExternalAPIError, FieldError, NoAnswer
from app.engine.log import Log
from app.engine.tasks import Failure, Result
from app.operate.endpoints import feed
from app.operate.endpoints.delivering import Target
from app.operate.endpoints.feed import EventPage, Page
from app.providers.outgoing import Reply, send

_Given = TypeVar("_Given")

#: The place in events of who does not follow them.
NO_EVENTS = -1
POLL_SECONDS = 0.4
_AGAIN_SECONDS = 1.0
_ROWS = 50
_OK = 200
_NOT_OURS = "is no system of ours, or one of an older release"
#: What a proxy says while the service behind it is down.
_DOWN = ("answers 502", "answers 503", "answers 504")


class Source(Protocol):
    """Where callbacks and events are followed; anything that it raises as NoAnswer is tried again."""

    async def ends(self, *, events: bool) -> "Place":
        """Where the newest are."""

    async def callbacks(self, after: int) -> Page:
        """Those after this one that were decided."""

    async def events(self, after: int) -> EventPage:
        """Those after this number, and where to go on."""


class Place(msgspec.Struct, frozen=True):
    """How far one follower got."""

    callback_id: int
    event: int


def going_on(known: Place, end: Place) -> Place:
    """Where one goes on that got so far, in a system that ends there: never beyond, or nothing would be heard."""
    # It is beyond where the log or the state were begun anew; of events there is none where they are not asked for.
    event = min(known.event, end.event) if NO_EVENTS not in {known.event, end.event} else max(known.event, end.event)
    return Place(min(known.callback_id, end.callback_id), event)


class Here:
    """The log and state of this machine."""

    def __init__(self, engine: Engine, log: Log, senders: str, patterns: str) -> None:
        """`senders` as patterns, "" for all; `patterns` of events."""
        self._engine = engine
        self._log = log
        self._senders = senders
        self._patterns = patterns

    async def ends(self, *, events: bool) -> Place:
        """Where the newest are; from now on events are written down."""
        if events:
            feed.listen(self._engine, at=now_us())
        callback_id, event = feed.ends(self._engine, self._log)
        return Place(callback_id, event if events else NO_EVENTS)

    async def callbacks(self, after: int) -> Page:
        """Those after this one that were decided."""
        return feed.callbacks_after(self._engine, self._log, after, self._senders, rows_max=_ROWS)

    async def events(self, after: int) -> EventPage:
        """Those after this number, and where to go on."""
        return feed.events_after(self._engine, after, self._patterns, rows_max=_ROWS)


class There:
    """A running system, by its management addresses."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str, senders: str, patterns: str) -> None:
        """`url` is the system's address, such as `https://shop.example`."""
        self._client = client
        self._url = url.rstrip("/")
        self._token = token
        self._senders = senders
        self._patterns = patterns

    async def ends(self, *, events: bool) -> Place:
        """Where the newest are; from now on events are written down."""
        newest = await self._read(feed.from_feed, "/callbacks/feed")
        if not events:
            return Place(newest.after, NO_EVENTS)
        await self._ask("POST", "/events/listen")
        return Place(newest.after, (await self._read(feed.from_event_feed, "/events")).after)

    async def callbacks(self, after: int) -> Page:
        """Those after this one that were decided."""
        sought = {"after": after, "providers": self._senders, "rows": _ROWS}
        return await self._read(feed.from_feed, "/callbacks/feed", **sought)

    async def events(self, after: int) -> EventPage:
        """Those after this number, and where to go on."""
        sought = {"after": after, "types": self._patterns, "rows": _ROWS}
        return await self._read(feed.from_event_feed, "/events", **sought)

    async def _read(self, read: Callable[[bytes], _Given], path: str, **sought: object) -> _Given:
        told = await self._ask("GET", path, **sought)
        try:
            return read(told)
        except ValueError:  # a page of something else, such as a proxy's
            raise FieldError("--from", _NOT_OURS) from None

    async def _ask(self, method: str, path: str, **sought: object) -> bytes:
        address = f"{self._url}{path}" + (f"?{urlencode(sought, quote_via=quote)}" if sought else "")
        headers = {"authorization": f"Bearer {self._token}"} if self._token else {}
        reply = await send(self._client, method, address, headers=headers)
        if reply.status != _OK:
            raise _refusal(reply)
        return reply.body


def _refusal(reply: Reply) -> CallbackError:
    if reply.status in {401, 403}:
        return FieldError("--from", "refuses the admin token; set CALLBACK_ADMIN_TOKEN to that system's")
    if reply.status == 404:  # noqa: PLR2004 - not found
        return FieldError("--from", _NOT_OURS)
    if reply.status in {429, 500, 502, 503, 504}:
        return NoAnswer(f"the system answers {reply.status}")
    return ExternalAPIError(f"--from answers {reply.status}")


class Delivered(msgspec.Struct, frozen=True):
    """One delivery that was answered, for whoever looks on."""

    what: str  # the sender, or `event`
    kind: str
    id: str
    result: str  # `200`, or what was wrong
    success: bool
    milliseconds: int


class Follower:
    """Goes on from a place, for ever."""

    def __init__(
        self,
        source: Source,
        client: httpx2.AsyncClient,
        target: Target,
        place: Place,
        *,
        events: bool,
        show: Callable[[Delivered], None],
        waiting: Callable[[str], None],
        keep: Callable[[Place], None],
    ) -> None:
        """`show` sees each delivery, `waiting` why nothing goes on ("" when it does), `keep` each new place."""
        self._source = source
        self._client = client
        self._target = target
        self.place = place
        self._events = events
        self._show = show
        self._waiting = waiting
        self._keep = keep

    async def run(self) -> None:
        """Until it is cancelled. Raises what a person has to mend: a wrong token, a system that is none of ours."""
        while True:
            moved = await self._go_on()
            if self._events:
                moved |= await self._go_on_with_events()
            if not moved:
                await asyncio.sleep(POLL_SECONDS)

    async def _go_on(self) -> bool:
        page = await self._patiently(lambda: self._source.callbacks(self.place.callback_id))
        for callback in page.callbacks:
            await self._post(delivery_of(callback), callback.provider, callback.event_type, str(callback.id))
            self._move(Place(callback.id, self.place.event))
        return self._move(Place(page.after, self.place.event)) or bool(page.callbacks)

    async def _go_on_with_events(self) -> bool:
        page = await self._patiently(lambda: self._source.events(self.place.event))
        for number, event in page.events:
            headers = {"content-type": "application/json"}
            await self._post(Delivery(event.id, event.body(), headers), "event", event.type, event.id)
            self._move(Place(self.place.callback_id, number))
        return self._move(Place(self.place.callback_id, page.after)) or bool(page.events)

    def _move(self, place: Place) -> bool:
        moved, self.place = place != self.place, place
        if moved:
            self._keep(place)
        return moved

    async def _post(self, delivery: Delivery, what: str, kind: str, number: str) -> None:
        async for result, milliseconds in self._tries(delivery):
            told = result.error if isinstance(result, Failure) else str(result.value)
            if isinstance(result, Failure) and _is_down(result):
                self._waiting(f"{told}; it is tried again until it answers")
                continue
            self._waiting("")
            success = not isinstance(result, Failure)
            self._show(Delivered(what, kind, number, told.removeprefix("answers "), success, milliseconds))
            return

    async def _tries(self, delivery: Delivery) -> AsyncIterator[tuple[Result, int]]:
        while True:
            began = time.monotonic()
            result = await deliver(self._client, self._target, delivery, now_us())
            yield result, round((time.monotonic() - began) * 1000)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _patiently(self, ask: Callable[[], Awaitable[_Given]]) -> _Given:
        while True:
            try:
                given = await ask()
            except NoAnswer as error:
                self._waiting(str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return given


def _is_down(failure: Failure) -> bool:
    return not failure.error.startswith("answers ") or failure.error in _DOWN
