"""The tasks that a callback led to, with what became of each try."""

from collections.abc import Iterable

from sqlalchemy import Connection, RowMapping, select, text

from app.engine.callback import Callback
from app.engine.tables import tries
from app.operate.shown import time_text
from app.operate.tasks_shown import TaskShown, TryShown

# By key where keys are known: there is no index from callbacks to tasks, it would be read only here.
_OF_CALLBACK = text("""
SELECT id, kind, destination, state, tries, due_at, last_error FROM callback_tasks WHERE id IN (
 SELECT id FROM callback_tasks WHERE key >= :ask AND key < :ask_end
 UNION SELECT id FROM callback_tasks WHERE key IN (:handed, :message, :message_named))
ORDER BY id""")


def tasks_of(connection: Connection, callback: Callback, order_no: int | None) -> list[TaskShown]:
    """Questions about the callback's order, what hands it to its handler, the message that it asked for."""
    rows = connection.execute(
        _OF_CALLBACK,
        {
            "ask": f"ask:{order_no}:" if order_no is not None else "-",
            "ask_end": f"ask:{order_no};" if order_no is not None else "-",
            "handed": f"handler:{callback.provider}:{callback.id}",
            "message": f"message:{callback.provider}:{callback.id}",
            "message_named": f"message:{callback.provider}:{callback.event_key}",
        },
    ).mappings()
    found = list(rows)
    made = _tries_of(connection, [row["id"] for row in found])
    return [_shown(row, made.get(row["id"], [])) for row in found]


def _tries_of(connection: Connection, task_ids: Iterable[int]) -> dict[int, list[TryShown]]:
    statement = select(tries).where(tries.c.task_id.in_(list(task_ids))).order_by(tries.c.task_id, tries.c.number)
    found: dict[int, list[TryShown]] = {}
    for row in connection.execute(statement):
        one = TryShown(
            began_at=time_text(row.began_at), ended_at=time_text(row.ended_at), result=row.result, error=row.error
        )
        found.setdefault(row.task_id, []).append(one)
    return found


def _shown(row: RowMapping, made: list[TryShown]) -> TaskShown:
    return TaskShown(
        id=str(row["id"]),
        kind=row["kind"],
        destination=row["destination"],
        state=row["state"],
        tries=row["tries"],
        due_at=time_text(row["due_at"]),
        last_error=row["last_error"],
        history=made,
    )
