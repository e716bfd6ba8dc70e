"""From what happened to tasks: each destination goes along events and callbacks by itself, in one short transaction.

A destination that is switched off keeps its place, and so catches up when it is switched on.
"""

from collections.abc import Collection, Sequence

import msgspec
import orjson
from sqlalchemy import Connection, Engine

from app.core.database import reading, writing
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
    "SELECT id, name, url, events, callbacks, event_id, callback_id FROM callback_endpoints WHERE off_why = ''"
)
_AHEAD = "SELECT count(*) FROM callback_tasks WHERE kind = ? AND destination = ? AND state IN ('ready', 'running')"
_EVENTS = "SELECT id, type, order_no, source_id FROM callback_events WHERE id > ? ORDER BY id LIMIT ?"


class Destination(msgspec.Struct, frozen=True):
    """Who hears, and how far."""

    id: int
    name: str
    url: str | None
    events: str
    callbacks: str
    event_id: int
    callback_id: int

    @property
    def kind(self) -> str:
        """The kind of its tasks."""
        return CALL if self.url is None else FORWARD


def fan_out(engine: Engine, log: Log, subscribed: Collection[str], at: int) -> bool:
    """Make tasks of what destinations have not heard → whether there may be more at once.

    `subscribed`: the functions of this process; another's keep their place. Nothing is written where nobody waits.
    """
    with reading(engine) as connection:
        waiting = [each for each in _there(connection, subscribed) if _has_more(connection, log, each)]
    if not waiting:
        return False
    names = {each.name for each in waiting}
    with writing(engine) as connection:
        # Read again under the lock: another worker may have moved them.
        moved = [_advance(connection, log, each, at) for each in _there(connection, subscribed) if each.name in names]
    return any(moved)


def _there(connection: Connection, subscribed: Collection[str]) -> list[Destination]:
    rows = [Destination(*row) for row in driver(connection).execute(_DESTINATIONS)]
    return [each for each in rows if each.url is not None or each.name in subscribed]


def _has_more(connection: Connection, log: Log, told: Destination) -> bool:
    raw = driver(connection)
    if told.events and raw.execute(_EVENTS, (told.event_id, 1)).fetchone():
        return True
    return bool(told.callbacks) and place_of(connection, log.epoch).offset > told.callback_id


def _advance(connection: Connection, log: Log, told: Destination, at: int) -> bool:
    raw = driver(connection)
    room = AHEAD_MAX - int(raw.execute(_AHEAD, (told.kind, told.name)).fetchone()[0])
    if room <= 0:
        return False
    rows = min(room, _PAGE_ROWS)
    event_id, of_events = _of_events(connection, told, rows, at)
    callback_id, of_callbacks = _of_callbacks(connection, log, told, rows, at)
    enqueue(connection, [*of_events, *of_callbacks], at)
    raw.execute(
        "UPDATE callback_endpoints SET event_id = ?, callback_id = ? WHERE id = ?", (event_id, callback_id, told.id)
    )
    return (event_id, callback_id) != (told.event_id, told.callback_id)


def _of_events(connection: Connection, told: Destination, rows: int, at: int) -> tuple[int, Sequence[NewTask]]:
    if not told.events:
        return told.event_id, ()
    page = driver(connection).execute(_EVENTS, (told.event_id, rows)).fetchall()
    tasks = [
        NewTask(
            f"{told.kind}:{told.id}:e{number}",
            told.kind,
            told.name,
            orjson.dumps({"event": number}).decode(),
            at,
            order_no,
            source_id if source_id > 0 else None,
        )
        for number, event_type, order_no, source_id in page
        if matches(told.events, event_type)
    ]
    return (page[-1][0] if page else told.event_id), tasks


def _of_callbacks(
    connection: Connection, log: Log, told: Destination, rows: int, at: int
) -> tuple[int, Sequence[NewTask]]:
    if not told.callbacks:
        return told.callback_id, ()
    decided = place_of(connection, log.epoch).offset
    page = [each for each in log.read_after(told.callback_id, rows) if each.id <= decided]
    tasks = [
        NewTask(f"{told.kind}:{told.id}:c{each.id}", told.kind, told.name, "{}", at, callback_id=each.id)
        for each in page
        if matches(told.callbacks, each.provider)
    ]
    return (page[-1].id if page else told.callback_id), tasks
