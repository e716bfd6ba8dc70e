"""The tasks that a callback led to, with what became of each try."""

from collections.abc import Iterable

import orjson
from sqlalchemy import Connection, RowMapping, select, text

from app.engine.callback import Callback
from app.engine.tables import tries
from app.operate.chats.answering import chat_key
from app.operate.chats.messaging import notice_keys
from app.operate.endpoints.fan_out import carried_keys, forwarded_keys
from app.operate.shown import time_text
from app.operate.tasks_shown import TaskShown, TryShown

# By keys and their beginnings (up to a colon): an index from callbacks to tasks would be read only here.
_OF_CALLBACK = text("""
SELECT id, kind, destination, state, tries, due_at, last_error FROM callback_tasks WHERE id IN (
 SELECT t.id FROM json_each(:beginnings) AS j CROSS JOIN callback_tasks AS t
  ON t.key >= j.value AND t.key < substr(j.value, 1, length(j.value) - 1) || ';'
 UNION SELECT id FROM callback_tasks WHERE key IN (SELECT value FROM json_each(:keys)))
ORDER BY id""")


def tasks_of(connection: Connection, callback: Callback, order_no: int | None) -> list[TaskShown]:
    """Questions about its order, what hands it to its handler, notices and messages it brought about, its answer.

    And what was forwarded: the events that it caused, the callback itself.
    """
    answer = chat_key(callback)
    beginnings = [f"{answer}:"]
    if order_no is not None:
        beginnings += [f"ask:{order_no}:", notice_keys(order_no, callback.id)]
    keys = [
        *forwarded_keys(connection, [callback.id], order_no),
        *carried_keys(connection, callback.id),
        f"handler:{callback.provider}:{callback.id}",
        f"message:{callback.provider}:{callback.id}",
        f"message:{callback.provider}:{callback.event_key}",
        answer,
    ]
    asked = {"beginnings": orjson.dumps(beginnings).decode(), "keys": orjson.dumps(keys).decode()}
    rows = connection.execute(_OF_CALLBACK, asked).mappings()
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
