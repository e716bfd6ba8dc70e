"""Callbacks and events as a stream, oldest first: for a developer's machine that follows a running system."""

import base64

import msgspec
import orjson
from pydantic import Field
from sqlalchemy import Engine, text

from app.core.database import reading, writing
from app.engine.callback import Callback
from app.engine.log import Log
from app.engine.offsets import place_of
from app.engine.outcomes import driver
from app.operate.endpoints.events import Event, event_at, matches
from app.operate.shown import Shown, time_text

ROWS_MAX = 100
#: A destination that nothing is sent to: because of it events are written down.
PULL = "pull:forward"

_EVENTS = "SELECT id, type FROM callback_events WHERE id > ? ORDER BY id LIMIT ?"
_LISTEN = text(
    "INSERT INTO callback_endpoints (name, events, made_at, hears_from, event_id, callback_id)"
    " VALUES (:name, '*', :at, :at, 0, 0) ON CONFLICT (name) DO NOTHING"
)


class FedCallback(Shown):
    """One callback with its bytes as they came."""

    callback_id: str
    provider: str
    event_type: str
    received_at: str
    headers: str = Field(description="Those that the log kept, as a JSON object; empty for none.")
    body_base64: str


class FedCallbacks(Shown):
    """A page of what was decided, oldest first."""

    callbacks: list[FedCallback]
    after: str = Field(description="Where the next page begins; asked again, it waits there for what comes.")


class FedEvent(Shown):
    """One domain event, as it is sent."""

    number: str = Field(description="Its place in the sequence.")
    body: str


class FedEvents(Shown):
    """A page of events, oldest first."""

    events: list[FedEvent]
    after: str = Field(description="Where the next page begins.")


class Page(msgspec.Struct, frozen=True):
    """Callbacks that were decided, and where to go on."""

    callbacks: list[Callback]
    after: int


class EventPage(msgspec.Struct, frozen=True):
    """Events with their numbers, and where to go on."""

    events: list[tuple[int, Event]]
    after: int


def callbacks_after(engine: Engine, log: Log, after: int, senders: str, *, rows_max: int = ROWS_MAX) -> Page:
    """Decided callbacks of these senders after this one; "" for all."""
    with reading(engine) as connection:
        decided = place_of(connection, log.epoch).offset
    came = [each for each in log.read_after(after, rows_max) if each.id <= decided]
    kept = [each for each in came if not senders or matches(senders, each.provider)]
    return Page(kept, came[-1].id if came else after)


def events_after(engine: Engine, after: int, patterns: str, *, rows_max: int = ROWS_MAX) -> EventPage:
    """Events that fit, after this number, and where to go on."""
    with reading(engine) as connection:
        rows = driver(connection).execute(_EVENTS, (after, rows_max)).fetchall()
        found = [(row[0], event_at(connection, row[0])) for row in rows if matches(patterns, row[1])]
    kept = [(number, event) for number, event in found if event is not None]
    return EventPage(kept, rows[-1][0] if rows else after)


def ends(engine: Engine, log: Log) -> tuple[int, int]:
    """The newest callback and event: who begins after them hears of what comes."""
    with reading(engine) as connection:
        newest = driver(connection).execute("SELECT coalesce(max(id), 0) FROM callback_events").fetchone()[0]
    return log.last_id(), int(newest)


def listen(engine: Engine, *, at: int) -> None:
    """Have events written down from now on, also where no endpoint hears of them."""
    with writing(engine) as connection:
        connection.execute(_LISTEN, {"name": PULL, "at": at})


def feed(engine: Engine, log: Log, after: int | None, senders: str, *, rows_max: int) -> FedCallbacks:
    """A page for HTTP; without `after` an empty one, that says where the end is."""
    if after is None:
        return FedCallbacks(callbacks=[], after=str(ends(engine, log)[0]))
    page = callbacks_after(engine, log, after, senders, rows_max=rows_max)
    return FedCallbacks(callbacks=[_fed(each) for each in page.callbacks], after=str(page.after))


def event_feed(engine: Engine, log: Log, after: int | None, patterns: str, *, rows_max: int) -> FedEvents:
    """The same of events."""
    if after is None:
        return FedEvents(events=[], after=str(ends(engine, log)[1]))
    page = events_after(engine, after, patterns, rows_max=rows_max)
    found = [FedEvent(number=str(number), body=event.body().decode()) for number, event in page.events]
    return FedEvents(events=found, after=str(page.after))


def _fed(callback: Callback) -> FedCallback:
    return FedCallback(
        callback_id=str(callback.id),
        provider=callback.provider,
        event_type=callback.event_type,
        received_at=time_text(callback.received_at),
        headers=callback.headers,
        body_base64=base64.b64encode(callback.body).decode(),
    )


def from_feed(told: bytes) -> Page:
    """What `GET /callbacks/feed` answered. Raises ValueError for anything else."""
    page = FedCallbacks.model_validate(orjson.loads(told))
    found = [
        Callback(
            int(each.callback_id),
            0,
            each.provider,
            each.event_type,
            "",
            "",
            0,
            each.headers,
            base64.b64decode(each.body_base64),
            "",
            "",
        )
        for each in page.callbacks
    ]
    return Page(found, int(page.after))


def from_event_feed(told: bytes) -> EventPage:
    """What `GET /events` answered. Raises ValueError for anything else."""
    page = FedEvents.model_validate(orjson.loads(told))
    found = [(int(each.number), msgspec.json.decode(each.body, type=Event)) for each in page.events]
    return EventPage(found, int(page.after))
