"""From what happened to tasks: each destination goes along events and callbacks by itself, in one short transaction.

A destination that is switched off keeps its place, and so catches up when it is switched on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec
import orjson
from sqlalchemy import Connection, Engine

from app.core.database import reading, writing
from app.engine.callback import Callback
from app.engine.log import Log
from app.engine.offsets import place_of
from app.engine.outcomes import driver
from app.engine.tasks.queue import NewTask, enqueue
from app.operate.endpoints.events import matches

#: The kinds of the tasks: a request to an address, a call of a function of the application.
FORWARD, CALL = "forward", "event"
#: How many unfinished tasks a destination may have before the rest waits where it is.
AHEAD_MAX = 1_000
_PAGE_ROWS = 500

_DESTINATIONS = (
    "SELECT id, name, url, events, callbacks, hears_from, event_id, callback_id FROM callback_endpoints"
    " WHERE off_why = '' ORDER BY id"
)
_AHEAD = (
    "SELECT count(*) FROM callback_tasks INDEXED BY callback_tasks_forward"
    " WHERE destination = ? AND kind IN ('forward', 'event') AND state IN ('ready', 'running')"
)
_EVENTS = "SELECT id, type, order_no, source_id, at FROM callback_events WHERE id > ? ORDER BY id LIMIT ?"

#: Pages of the log by the place after which they were read.
_Pages: TypeAlias = Mapping[int, Sequence[Callback]]


class Destination(msgspec.Struct, frozen=True):
    """Who hears, and how far."""

    id: int
    name: str
    url: str | None
    events: str
    callbacks: str
    hears_from: int
    event_id: int
    callback_id: int

    @property
    def kind(self) -> str:
        """The kind of its tasks."""
        return CALL if self.url is None else FORWARD


def anybody(engine: Engine) -> bool:
    """Whether anybody listens at all: nobody else pays for looking further."""
    with reading(engine) as connection:
        return bool(driver(connection).execute(f"SELECT EXISTS ({_DESTINATIONS})").fetchone()[0])


def fan_out(engine: Engine, log: Log, subscribed: Collection[str], at: int) -> bool:
    """Make tasks of what destinations have not heard → whether there may be more at once.

    `subscribed`: the functions of this process; another's keep their place. Nothing is written where nobody waits.
    """
    with reading(engine) as connection:
        decided = place_of(connection, log.epoch).offset
        waiting = [
            each
            for each in _there(connection, subscribed)
            if _has_more(connection, each, decided) and _room(connection, each) > 0
        ]
    if not waiting:
        return False
    pages = _pages(log, waiting, decided)  # before the lock is taken: bodies may be large
    names = {each.name for each in waiting}
    with writing(engine) as connection:
        # Read again under the lock: another worker may have moved them.
        there = [each for each in _there(connection, subscribed) if each.name in names]
        moved = [_advance(connection, each, pages, at) for each in there]
    return any(moved)


def _there(connection: Connection, subscribed: Collection[str]) -> list[Destination]:
    rows = [Destination(*row) for row in driver(connection).execute(_DESTINATIONS)]
    return [each for each in rows if each.url is not None or each.name in subscribed]


def _has_more(connection: Connection, told: Destination, decided: int) -> bool:
    if told.events and driver(connection).execute(_EVENTS, (told.event_id, 1)).fetchone():
        return True
    return bool(told.callbacks) and decided > told.callback_id


def _room(connection: Connection, told: Destination) -> int:
    return AHEAD_MAX - int(driver(connection).execute(_AHEAD, (told.name,)).fetchone()[0])


def _pages(log: Log, waiting: Iterable[Destination], decided: int) -> _Pages:
    """What was decided of the log after each place at which one of them stands."""
    places = {each.callback_id for each in waiting if each.callbacks and each.callback_id < decided}
    return {place: [each for each in log.read_after(place, _PAGE_ROWS) if each.id <= decided] for place in places}


def _advance(connection: Connection, told: Destination, pages: _Pages, at: int) -> bool:
    room = _room(connection, told)
    if room <= 0:
        return False
    raw = driver(connection)
    heard = raw.execute(_EVENTS, (told.event_id, min(room, _PAGE_ROWS))).fetchall() if told.events else []
    came = pages.get(told.callback_id, ())[:room] if told.callbacks else ()
    tasks = [
        *(_of_event(told, row, at) for row in heard if row[4] >= told.hears_from and matches(told.events, row[1])),
        *(_of_callback(told, each, at) for each in came if matches(told.callbacks, each.provider)),
    ]
    enqueue(connection, tasks, at)
    event_id = heard[-1][0] if heard else told.event_id
    callback_id = came[-1].id if came else told.callback_id
    raw.execute(
        "UPDATE callback_endpoints SET event_id = ?, callback_id = ? WHERE id = ?", (event_id, callback_id, told.id)
    )
    return bool(heard or came)


def _of_event(told: Destination, row: tuple[int, str, int, int, int], at: int) -> NewTask:
    number, _, order_no, source_id, _ = row
    payload = orjson.dumps({"event": number}).decode()
    callback_id = source_id if source_id > 0 else None
    return NewTask(event_key(told.kind, told.id, number), told.kind, told.name, payload, at, order_no, callback_id)


def _of_callback(told: Destination, callback: Callback, at: int) -> NewTask:
    key = callback_key(told.kind, told.id, callback.id)
    return NewTask(key, told.kind, told.name, "{}", at, callback_id=callback.id)


def event_key(kind: str, endpoint_id: int, event_id: int) -> str:
    """The key of the one task that carries this event there."""
    return f"{kind}:{endpoint_id}:e{event_id}"


def callback_key(kind: str, endpoint_id: int, callback_id: int) -> str:
    """The key of the one task that carries this callback there."""
    return f"{kind}:{endpoint_id}:c{callback_id}"


_EVENTS_OF = (
    "SELECT v.id FROM json_each(?1) AS j CROSS JOIN callback_events AS v INDEXED BY callback_events_once"
    " ON v.source_id = j.value WHERE ?2 IS NULL OR v.order_no = ?2"
)
_ENDPOINTS = "SELECT id, url FROM callback_endpoints"


def forwarded_keys(connection: Connection, sources: Iterable[int], order_no: int | None) -> list[str]:
    """The keys that tasks may have that carry the events of these causes."""
    raw = driver(connection)
    events = [row[0] for row in raw.execute(_EVENTS_OF, (orjson.dumps(list(sources)), order_no))]
    return [event_key(kind, number, event) for number, kind in _kinds(connection) for event in events]


def carried_keys(connection: Connection, callback_id: int) -> list[str]:
    """The keys that tasks may have that carry this callback."""
    return [callback_key(kind, number, callback_id) for number, kind in _kinds(connection) if kind == FORWARD]


def _kinds(connection: Connection) -> list[tuple[int, str]]:
    rows = driver(connection).execute(_ENDPOINTS)
    return [(number, CALL if url is None else FORWARD) for number, url in rows]
