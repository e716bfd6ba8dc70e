"""The slow lane's table: enqueue, claim, finish, dead letters; every statement is for many rows at once.

A claim is a lease with a fencing number. `due_at` of a running task is the end of its lease, so that one index finds
what is due and what was left behind; `lease_until` of a ready task is the time until which its whole lane rests.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    case,
    func,
    select,
    text,
    tuple_,
    update,
)

from app.engine.outcomes import close_letters
from app.engine.tables import dead, tasks
from app.engine.tasks import Again, Finished, GiveUp, Lane, Task, Verdict

_ERROR_MAX = 1_000  # characters of an error that are kept
_LOOK = 4  # a claim looks at so many times what it may take, for lanes that have no room for all of theirs

# Word for word as in the partial index on `due_at`: SQLite compares texts, and a parameter proves nothing to it.
_OPEN_TEXT = "state IN ('ready', 'running')"
_OPEN: Any = text(_OPEN_TEXT)


class Room(msgspec.Struct, frozen=True):
    """How many tasks may be claimed now."""

    #: of the kinds that may be claimed: how many a destination takes at once
    of_kinds: Mapping[str, int]
    #: of the lanes that are not empty; 0 leaves a lane out
    of_lanes: Mapping[Lane, int] = {}
    #: of all lanes of a kind together, where that is limited
    in_all: Mapping[str, int] = {}


class NewTask(msgspec.Struct, frozen=True):
    """One task to be enqueued; `due_at` in microseconds, UTC."""

    key: str
    kind: str
    destination: str
    payload: str  # JSON
    due_at: int
    order_no: int | None = None
    callback_id: int | None = None
    #: False: a try of which nobody knows whether it arrived is not made again by itself
    repeatable: bool = True


class Ending(msgspec.Struct, frozen=True):
    """How one claimed try ended; `began_at` in microseconds, UTC."""

    task: Task
    verdict: Verdict
    began_at: int
    lost: bool = False  # nobody knows whether it arrived


_INSERT = """
INSERT INTO callback_tasks
  (key, kind, destination, payload, state, due_at, tries, fence, created_at, last_error, order_no, callback_id,
   repeatable)
VALUES (:key, :kind, :destination, :payload, 'ready', :due_at, 0, 0, :at, '', :order_no, :callback_id, :repeatable)
ON CONFLICT (key) DO """
_ADD = text(_INSERT + "NOTHING")
_ADD_OR_REOPEN = text(
    _INSERT
    + """UPDATE SET state = 'ready', tries = 0, due_at = excluded.due_at, created_at = excluded.created_at,
  kind = excluded.kind, destination = excluded.destination, payload = excluded.payload, last_error = '',
  lease_until = NULL, finished_at = NULL, order_no = excluded.order_no, callback_id = excluded.callback_id,
  repeatable = excluded.repeatable, unended = 0
WHERE callback_tasks.state IN ('done', 'dead')"""
)


def enqueue(connection: Connection, new: Sequence[NewTask], at: int, *, reopen: bool = False) -> int:
    """Add tasks; a key that is known is left as it is → how many were added.

    With `reopen` a task of the same key that is done or dead begins anew, with the new payload (a question asked
    again); its open dead letter is closed.
    """
    if not new:
        return 0
    rows = [{**msgspec.structs.asdict(task), "at": at} for task in new]
    if reopen:
        given_up = select(tasks.c.id).where(tasks.c.key.in_([task.key for task in new]), tasks.c.state == "dead")
        close_letters(connection, "task", connection.execute(given_up).scalars(), how="retried", at=at)
    return connection.execute(_ADD_OR_REOPEN if reopen else _ADD, rows).rowcount


def known(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these keys that tasks have already."""
    return set(connection.execute(select(tasks.c.key).where(tasks.c.key.in_(keys))).scalars())


def claim(
    connection: Connection,
    at: int,
    count: int,
    lease_us: Mapping[str, int],
    room: Room,
) -> list[Task]:
    """Take at most `count` tasks that are due, or whose lease has ended, in one statement; earliest first.

    `lease_us`: how long each kind is ours. Each claim counts as a try.
    """
    kinds = {kind: free for kind, free in room.of_kinds.items() if room.in_all.get(kind, 1) > 0}
    if count <= 0 or not kinds:
        return []
    chosen = _due(at, count, msgspec.structs.replace(room, of_kinds=kinds))
    until = case({kind: at + lease_us[kind] for kind in kinds}, value=tasks.c.kind)
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(chosen))
        .values(
            state="running",
            tries=tasks.c.tries + 1,
            fence=tasks.c.fence + 1,
            due_at=until,
            lease_until=until,
            unended=case((tasks.c.state == "running", 1), else_=0),
        )
        .returning(*_COLUMNS)
    )
    rows = connection.execute(statement).all()
    return sorted((Task(*row) for row in rows), key=lambda task: task.id)


_COLUMNS = tuple(tasks.c[name] for name in Task.__struct_fields__)


def _due(at: int, count: int, room: Room) -> ScalarSelect[int]:
    full = [lane for lane, free in room.of_lanes.items() if free <= 0]
    partly = {lane: free for lane, free in room.of_lanes.items() if free > 0}
    conditions = [_OPEN, tasks.c.due_at <= at, tasks.c.kind.in_(tuple(room.of_kinds))]
    if full:
        conditions.append(tuple_(tasks.c.kind, tasks.c.destination).not_in(full))
    seen = (
        select(tasks.c.id, tasks.c.kind, tasks.c.destination, tasks.c.due_at)
        .where(*conditions)
        .order_by(tasks.c.due_at, tasks.c.id)
        .limit(count * _LOOK)
        .with_for_update(skip_locked=True)  # SQLite has one writer and no such clause: it is left out there
        .subquery("seen")
    )
    nth = func.row_number().over(partition_by=(seen.c.kind, seen.c.destination), order_by=(seen.c.due_at, seen.c.id))
    ranked = select(
        seen.c.id,
        seen.c.kind,
        seen.c.due_at,
        nth.label("nth"),
        _free(seen.c.kind, seen.c.destination, room.of_kinds, partly).label("free"),
    ).subquery("ranked")
    chosen = select(ranked.c.id, ranked.c.due_at).where(ranked.c.nth <= ranked.c.free)
    if room.in_all:
        order = (ranked.c.due_at, ranked.c.id)
        of_kind = func.row_number().over(partition_by=ranked.c.kind, order_by=order).label("of_kind")
        numbered = chosen.add_columns(ranked.c.kind, of_kind).subquery("numbered")
        most = case(dict(room.in_all), value=numbered.c.kind, else_=count)
        chosen = select(numbered.c.id, numbered.c.due_at).where(numbered.c.of_kind <= most)
    found = chosen.subquery("found")
    return select(found.c.id).order_by(found.c.due_at, found.c.id).limit(count).scalar_subquery()


def _free(
    kind: ColumnElement[str], destination: ColumnElement[str], room: Mapping[str, int], partly: Mapping[Lane, int]
) -> ColumnElement[int]:
    by_kind = case(dict(room), value=kind, else_=0)
    if not partly:
        return by_kind
    return case(
        *((and_(kind == lane[0], destination == lane[1]), free) for lane, free in partly.items()), else_=by_kind
    )


def held(connection: Connection, claimed: Sequence[Task]) -> list[Task]:
    """Those whose claim still holds; who was overtaken (lease ended, a person retried) must not write anything."""
    if not claimed:
        return []
    statement = select(tasks.c.id, tasks.c.fence).where(
        tasks.c.id.in_([task.id for task in claimed]), tasks.c.state == "running"
    )
    fences = {row.id: row.fence for row in connection.execute(statement.with_for_update())}
    return [task for task in claimed if fences.get(task.id) == task.fence]


_HELD = "WHERE id = :id AND fence = :fence AND state = 'running'"
_DONE = text(
    f"UPDATE callback_tasks SET state = 'done', finished_at = :at, lease_until = NULL, last_error = '' {_HELD}"
)
_AGAIN = text(
    "UPDATE callback_tasks SET state = 'ready', due_at = :due_at, lease_until = :rests_until, all_rest = :everywhere,"
    " last_error = :error, tries = tries - :given_back " + _HELD
)
_DEAD = text(
    "UPDATE callback_tasks SET state = 'dead', finished_at = :at, lease_until = :rests_until, all_rest = :everywhere,"
    " last_error = :error " + _HELD
)
_LETTER = text(f"""
INSERT INTO callback_dead (kind, ref, order_no, reason, detail, since)
SELECT 'task', id, order_no, :reason, :detail, :at FROM callback_tasks {_HELD}""")
_TRY = text(f"""
INSERT INTO callback_tries (task_id, number, began_at, ended_at, result, error)
SELECT id, fence, :began_at, :at, :result, :error FROM callback_tasks {_HELD}""")
_REST = text(f"""
UPDATE callback_tasks SET due_at = :until
WHERE {_OPEN_TEXT} AND due_at < :until AND state = 'ready' AND kind = :kind AND destination = :destination""")
_REST_ALL = text(f"""
UPDATE callback_tasks SET due_at = :until
WHERE {_OPEN_TEXT} AND due_at < :until AND state = 'ready' AND kind = :kind""")


def finish(connection: Connection, endings: Sequence[Ending], at: int) -> int:
    """Write verdicts where the fence is still ours → how many tasks were written; the late ones write nothing.

    `rests_until` moves all that is ready in the lane, or everywhere, behind that time. GiveUp adds a dead letter.
    """
    done: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    given_up: list[dict[str, Any]] = []
    rests: dict[Lane, int] = {}
    rest_of_all: dict[str, int] = {}
    _each(connection, _TRY, [_tried(ending, at) for ending in endings])  # first, as the letters
    for ending in endings:
        task, verdict = ending.task, ending.verdict
        row: dict[str, Any] = {"id": task.id, "fence": task.fence, "at": at}
        if isinstance(verdict, Finished):
            done.append(row)
            continue
        until = verdict.rests_until
        row |= {"rests_until": until, "everywhere": verdict.everywhere, "error": _clean(verdict.error)}
        if until is not None and verdict.everywhere:
            rest_of_all[task.kind] = max(until, rest_of_all.get(task.kind, 0))
        elif until is not None:
            rests[task.lane] = max(until, rests.get(task.lane, 0))
        if isinstance(verdict, Again):
            again.append(row | {"due_at": verdict.due_at, "given_back": 0 if verdict.counts else 1})
        else:
            given_up.append(row | _letter(task, verdict))
    written = _each(connection, _DONE, done) + _each(connection, _AGAIN, again)
    _each(connection, _LETTER, given_up)  # first, while the rows still tell that the claim holds
    written += _each(connection, _DEAD, given_up)
    moved = [{"kind": kind, "destination": place, "until": until} for (kind, place), until in rests.items()]
    _each(connection, _REST, moved)
    _each(connection, _REST_ALL, [{"kind": kind, "until": until} for kind, until in rest_of_all.items()])
    return written


def _tried(ending: Ending, at: int) -> dict[str, Any]:
    task, verdict = ending.task, ending.verdict
    if isinstance(verdict, Finished):
        result, error = "done", ""
    else:
        result, error = "lost" if ending.lost else "failed", _clean(verdict.error)
    return {
        "id": task.id,
        "fence": task.fence,
        "began_at": ending.began_at,
        "at": at,
        "result": result,
        "error": error,
    }


def _letter(task: Task, verdict: GiveUp) -> dict[str, Any]:
    error = _clean(verdict.error)
    told = {"task": task.kind, "destination": task.destination, "tries": task.tries, "last_error": error}
    return {
        "reason": _clean(verdict.reason)[:64],
        "detail": json.dumps(told | dict(verdict.detail), default=str),
    }


def _clean(error: str) -> str:
    # A lone surrogate (from a file's name, a broken body) cannot be written; it would fail all that goes with it.
    return error[:_ERROR_MAX].encode("utf-8", "replace").decode()


def _each(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    return connection.execute(statement, rows).rowcount if rows else 0


_REWRITE = text(f"UPDATE callback_tasks SET payload = :payload, destination = :destination, tries = 0 {_HELD}")


def rewrite(connection: Connection, task: Task, payload: str, destination: str) -> None:
    """Change what a claimed task has still to do, for its performer's `settle`: patient anew."""
    row = {"id": task.id, "fence": task.fence, "payload": payload, "destination": destination}
    connection.execute(_REWRITE, row)


_RELEASE = text(
    f"UPDATE callback_tasks SET state = 'ready', due_at = :at, lease_until = NULL, tries = tries - 1 {_HELD}"
)


def release(connection: Connection, claimed: Sequence[Task], at: int) -> int:
    """Give back what was claimed and not carried out (the process is asked to stop): due at once, no try counted."""
    return _each(connection, _RELEASE, [{"id": task.id, "fence": task.fence, "at": at} for task in claimed])


def next_due(connection: Connection, after: int | None = None) -> int | None:
    """When the next task is due, or the next lease ends (microseconds, UTC); with `after`, the first one later."""
    later = tasks.c.due_at > (-1 if after is None else after)
    time: int | None = connection.execute(select(func.min(tasks.c.due_at)).where(_OPEN, later)).scalar_one()
    return time


def resting(connection: Connection, at: int) -> tuple[dict[Lane, int], dict[str, int]]:
    """Lanes and whole kinds that are to be left alone, each until when; read at start, so that a restart obeys."""
    until = func.max(tasks.c.lease_until)
    told = select(tasks.c.kind, tasks.c.destination, tasks.c.all_rest, until)
    of_each = (tasks.c.kind, tasks.c.destination, tasks.c.all_rest)
    ready = told.where(_OPEN, tasks.c.due_at > at, tasks.c.state == "ready", tasks.c.lease_until > at)
    given_up = told.join_from(dead, tasks, tasks.c.id == dead.c.ref).where(
        dead.c.kind == "task", tasks.c.state == "dead", tasks.c.lease_until > at
    )
    lanes: dict[Lane, int] = {}
    kinds: dict[str, int] = {}
    rows = [row for each in (ready, given_up) for row in connection.execute(each.group_by(*of_each))]
    for kind, destination, everywhere, time in rows:
        lanes[kind, destination] = max(time, lanes.get((kind, destination), 0))
        if everywhere:
            kinds[kind] = max(time, kinds.get(kind, 0))
    return lanes, kinds


_RETRY = text("""
UPDATE callback_tasks SET state = 'ready', due_at = :at, created_at = :at, tries = 0, fence = fence + 1,
  lease_until = NULL, finished_at = NULL, unended = 0
WHERE id = :id""")


def retry(connection: Connection, task_id: int, at: int, *, by: str | None = None, reason: str | None = None) -> bool:
    """Have a person's word: due at once and patient anew, whatever its state; False when there is no such task.

    A try that is under way is overtaken: what it learns is not written. An open dead letter is closed as retried.
    """
    close_letters(connection, "task", [task_id], how="retried", by=by, reason=reason, at=at)
    return connection.execute(_RETRY, {"id": task_id, "at": at}).rowcount == 1


__all__ = [
    "Ending",
    "NewTask",
    "Room",
    "Task",
    "claim",
    "enqueue",
    "finish",
    "held",
    "known",
    "next_due",
    "release",
    "resting",
    "retry",
    "rewrite",
]
