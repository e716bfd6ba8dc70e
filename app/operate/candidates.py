"""Where callbacks are looked for, newest first: the log's end, the outcomes, those of some orders; and since when."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import orjson
from sqlalchemy import Connection, text

from app.core.ends import ID_MAX, LATEST
from app.engine.callback import Callback
from app.engine.log import Log
from app.engine.outcomes import driver
from app.engine.tables import FREQUENT, LATE
from app.operate.looking import Page
from app.operate.outcomes import COLUMNS, OutcomeRow, outcome_row, outcomes_of

#: A number, and the time that goes with it.
Numbered: TypeAlias = tuple[int, int]
#: A page is held in memory, those of the log with their bodies.
_ROWS_MAX = 2_000
#: A group's commit and a small step of the clock turn around what came so near to each other.
_DISORDER = 2_000_000
#: What came later than this before it was decided has an index of its own.
_LATE_US = 10_000_000


class Search(msgspec.Struct, frozen=True):
    """Which callbacks; "" for any, times in microseconds UTC (`until` is not within)."""

    order_id: str = ""
    user_id: str = ""
    provider: str = ""
    outcome: str = ""
    text: str = ""
    since: int = 0
    until: int = LATEST


class Candidate(msgspec.Struct, frozen=True):
    """A callback that may fit: with its bytes where it was read from the log, with its outcome where that is known."""

    id: int
    provider: str
    received_at: int
    callback: Callback | None = None
    outcome: OutcomeRow | None = None

    @classmethod
    def logged(cls, callback: Callback) -> "Candidate":
        """From the log."""
        return cls(callback.id, callback.provider, callback.received_at, callback=callback)

    @classmethod
    def decided(cls, row: OutcomeRow) -> "Candidate":
        """From the state."""
        return cls(row.callback_id, row.provider, row.received_at, outcome=row)


def reached(connection: Connection) -> int:
    """The last callback that a worker decided; what stands above it in the log is read there."""
    row = driver(connection).execute('SELECT coalesce(max("offset"), 0) FROM callback_offsets').fetchone()
    return int(row[0])


def in_log(callbacks: Log, before: int, rows_max: int, *, above: int = 0) -> Page[Candidate]:
    """From the log, below `before` and above `above`."""
    page = [each for each in callbacks.read_before(before, min(rows_max, _ROWS_MAX)) if each.id > above]
    return Page([Candidate.logged(each) for each in page], page[-1].id if page else None)


def of_all(connection: Connection, search: Search, before: int, rows_max: int) -> Page[Candidate]:
    """Backwards through all outcomes, or those of a rare sender."""
    within = "callback_id < :before"
    if search.provider and f"'{search.provider}'" not in FREQUENT:
        # as the index says it, so that SQLite takes it
        within += f" AND provider = :provider AND provider NOT IN {FREQUENT}"
    return _scan(connection, within, search, before, rows_max)


def of_outcome(connection: Connection, search: Search, before: int, rows_max: int) -> Page[Candidate]:
    """Backwards through those that became what is looked for, which is not `applied`."""
    # the second half leads SQLite to its index
    within = "callback_id < :before AND outcome = :outcome AND outcome <> 'applied'"
    return _scan(connection, within, search, before, rows_max)


def of_late(connection: Connection, search: Search, before: int, rows_max: int, *, first: int) -> Page[Candidate]:
    """Backwards through those that were decided long after they came, down to `first`."""
    page = _scan(connection, f"callback_id < :before AND callback_id >= {first} AND {LATE}", search, before, rows_max)
    return page if page.last is not None or before <= first else Page(page.rows, first)


def _scan(connection: Connection, within: str, search: Search, before: int, rows_max: int) -> Page[Candidate]:
    looked = f"FROM callback_outcomes WHERE {within} ORDER BY callback_id DESC LIMIT :looked"
    wanted = "(:provider = '' OR provider = :provider) AND (:outcome = '' OR outcome = :outcome)"
    wanted += " AND received_at >= :since AND received_at < :until"
    if search.user_id:
        wanted += " AND EXISTS (SELECT 1 FROM callback_orders AS o WHERE o.id = order_no AND o.user_id = :user)"
    values = {
        "before": before,
        "looked": rows_max,
        "rows": _ROWS_MAX,
        "provider": search.provider,
        "outcome": search.outcome,
        "user": search.user_id,
        "since": search.since,
        "until": search.until,
    }
    found = connection.execute(
        text(f"SELECT {COLUMNS} FROM (SELECT {COLUMNS} {looked}) WHERE {wanted} ORDER BY callback_id DESC LIMIT :rows"),
        values,
    ).all()
    rows = [Candidate.decided(outcome_row(row)) for row in found]
    if len(rows) == _ROWS_MAX:
        return Page(rows, rows[-1].id)
    last, count = connection.execute(
        text(f"SELECT min(callback_id), count(*) FROM (SELECT callback_id {looked})"), values
    ).one()
    return Page(rows, last if count == rows_max else None)


def of_orders(connection: Connection, numbers: Sequence[int], before: int, rows_max: int) -> Page[Candidate]:
    """Callbacks about these orders: those that told facts, and those that did not."""
    # Those that were applied are found by the facts they told first: an index on every outcome would make each dearer.
    rows_max = min(rows_max, _ROWS_MAX)
    ids = (
        connection.execute(
            text(
                "SELECT callback_id FROM callback_outcomes WHERE (outcome <> 'applied' OR decided_by IS NOT NULL)"
                " AND order_no IN (SELECT value FROM json_each(:numbers)) AND callback_id < :before"
                " UNION SELECT source_id FROM callback_facts"
                " WHERE order_no IN (SELECT value FROM json_each(:numbers)) AND source_id > 0 AND source_id < :before"
                " ORDER BY 1 DESC LIMIT :rows"
            ),
            {"numbers": orjson.dumps(list(numbers)).decode(), "before": before, "rows": rows_max},
        )
        .scalars()
        .all()
    )
    found = outcomes_of(connection, ids)
    rows = [Candidate.decided(found[each]) for each in ids if each in found]
    return Page(rows, ids[-1] if len(ids) == rows_max else None)


# A callback is received, then stands in the log, then is decided, and ids rise with the second of these times, which
# nobody keeps. An imported one was received long before it; one that an answer or a person decided, long after. So each
# bound is found by the time that errs to the safe side: nothing that came here is passed over, at worst more is read.


def first_since(connection: Connection, moment: int) -> int:
    """Below this id nothing that is decided came at `moment` or later."""
    found = halve(_probe(connection, "decided_at"), moment - _DISORDER, _newest(connection))
    return found if found is not None else _newest(connection) + 1


def first_from(connection: Connection, moment: int) -> int:
    """From this id on only what was decided late came before `moment`."""
    found = halve(_probe(connection, "received_at"), moment + _LATE_US + _DISORDER, _newest(connection))
    return found if found is not None else ID_MAX


def _newest(connection: Connection) -> int:
    return int(driver(connection).execute("SELECT coalesce(max(callback_id), 0) FROM callback_outcomes").fetchone()[0])


_NEXT_AFTER = {
    column: f"SELECT callback_id, {column} FROM callback_outcomes WHERE callback_id > ? ORDER BY callback_id LIMIT 1"
    for column in ("received_at", "decided_at")
}


def _probe(connection: Connection, column: str) -> Callable[[int], Numbered | None]:
    query = _NEXT_AFTER[column]
    execute = driver(connection).execute

    def next_after(callback_id: int) -> Numbered | None:
        found: Numbered | None = execute(query, (callback_id,)).fetchone()
        return found

    return next_after


def halve(next_after: Callable[[int], Numbered | None], moment: int, newest: int) -> int | None:
    """A number whose time is `moment` or later, where that of the one before it is not; None where none is.

    The first such number where times rise with numbers. `next_after` gives the next one above a number.
    """
    low, high, found = 0, newest, None
    while low <= high:
        middle = (low + high) // 2
        row = next_after(middle - 1)
        if row is None:
            high = middle - 1
        elif row[1] >= moment:
            found, high = row[0], middle - 1
        else:
            low = row[0] + 1
    return found


def received_at(connection: Connection, callbacks: Log, callback_id: int) -> int | None:
    """When this callback came, from the state or the log."""
    row = outcomes_of(connection, [callback_id]).get(callback_id)
    if row is not None:
        return row.received_at
    callback = callbacks.get(callback_id)
    return None if callback is None else callback.received_at
