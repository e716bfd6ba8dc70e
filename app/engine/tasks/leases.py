"""Tasks that whoever enqueues them carries out at once: claimed from the beginning, and held for as long as it lasts.

When that process dies, the lease ends and the slow lane carries them out.
"""

from sqlalchemy import Connection, insert, update

from app.engine.tables import tasks
from app.engine.tasks import Task
from app.engine.tasks.queue import NewTask

_COLUMNS = tuple(tasks.c[name] for name in Task.__struct_fields__)


def enqueue_claimed(connection: Connection, new: NewTask, at: int, lease_us: int) -> Task:
    """Add a task as its first try, which the caller makes. Its key must be new."""
    row = connection.execute(
        insert(tasks)
        .values(
            key=new.key,
            kind=new.kind,
            destination=new.destination,
            payload=new.payload,
            state="running",
            tries=1,
            fence=1,
            due_at=at + lease_us,
            lease_until=at + lease_us,
            created_at=at,
            order_no=new.order_no,
            callback_id=new.callback_id,
            repeatable=new.repeatable,
        )
        .returning(*_COLUMNS)
    ).one()
    return Task(*row)


def extend(connection: Connection, task: Task, until: int) -> bool:
    """Hold it until then; False when it is no longer held: the lease had ended, or a person retried."""
    held = (tasks.c.id == task.id, tasks.c.fence == task.fence, tasks.c.state == "running")
    return connection.execute(update(tasks).where(*held).values(due_at=until, lease_until=until)).rowcount == 1
