from sqlalchemy import text

from app.core.database import reading, writing
from app.operate.task_retention import ended_tasks, forget_tasks
from tests.operate.shop import Shop

DAY = 86_400_000_000


def task(shop: Shop, key: str, state: str, finished_at: int | None, *, letter: bool | None = None) -> int:
    """A task of this state; with a dead letter that is open (True) or closed (False)."""
    with writing(shop.engine) as connection:
        number = connection.execute(
            text(
                "INSERT INTO callback_tasks (key, kind, destination, state, due_at, created_at, finished_at)"
                " VALUES (:key, 'telegram', '1', :state, 0, 0, :at) RETURNING id"
            ),
            {"key": key, "state": state, "at": finished_at},
        ).scalar_one()
        connection.execute(
            text(
                "INSERT INTO callback_tries (task_id, number, began_at, ended_at, result) VALUES (:id, 1, 0, 1, 'done')"
            ),
            {"id": number},
        )
        if letter is not None:
            connection.execute(
                text(
                    "INSERT INTO callback_dead (kind, ref, reason, since, closed_at) VALUES ('task', :id, 'x', 0, :at)"
                ),
                {"id": number, "at": None if letter else 1},
            )
    return int(number)


def left(shop: Shop, table: str, column: str) -> list[int]:
    with reading(shop.engine) as connection:
        return list(connection.execute(text(f"SELECT {column} FROM {table} ORDER BY {column}")).scalars())


def test_what_ended_long_ago_is_forgotten_with_its_tries_and_all_else_stays(shop: Shop) -> None:
    old, before = shop.now - 100 * DAY, shop.now - 90 * DAY
    done = [task(shop, f"done:{n}", "done", old) for n in range(450)]
    dropped = task(shop, "dropped", "dead", old, letter=False)
    stays = [
        task(shop, "open letter", "dead", old, letter=True),
        task(shop, "young", "done", shop.now),
        task(shop, "ready", "ready", None),
        task(shop, "running", "running", None),
    ]
    ids = ended_tasks(shop.engine, before=before)
    assert list(ids) == [*done, dropped]
    assert forget_tasks(shop.engine, ids, before=before, rest=lambda _seconds: None) == 451
    assert left(shop, "callback_tasks", "id") == stays
    assert left(shop, "callback_tries", "task_id") == stays
    assert list(ended_tasks(shop.engine, before=before)) == []


def test_a_task_that_was_tried_again_meanwhile_stays(shop: Shop) -> None:
    number = task(shop, "again", "done", 1)
    ids = ended_tasks(shop.engine, before=2)
    with writing(shop.engine) as connection:
        connection.execute(text("UPDATE callback_tasks SET state = 'ready', finished_at = NULL"))
    assert forget_tasks(shop.engine, ids, before=2, rest=lambda _seconds: None) == 0
    assert left(shop, "callback_tasks", "id") == [number]
