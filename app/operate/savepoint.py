"""A part of a transaction that can be taken back, by the raw driver: SQLAlchemy's costs as much as deciding does."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from app.engine.outcomes import driver


class Savepoint:
    """Where a transaction can go back to; `keep` decides, and without it all since then is taken back."""

    def __init__(self) -> None:
        self.kept = False

    def keep(self) -> None:
        """What was written since stays a part of the transaction."""
        self.kept = True


@contextmanager
def savepoint(connection: Connection) -> Iterator[Savepoint]:
    """Take back what is written inside, at its end or at an exception, unless it is kept."""
    raw, point = driver(connection), Savepoint()
    raw.execute("SAVEPOINT callback_deed")
    try:
        yield point
    except BaseException:
        point.kept = False
        raise
    finally:
        if getattr(raw, "in_transaction", True):  # a full disk has taken back the whole transaction already
            if not point.kept:
                raw.execute("ROLLBACK TO callback_deed")
            raw.execute("RELEASE callback_deed")
