"""The audit's rows: what it reads of the state, in which order, and how streams of rows in one order go side by side.

Each statement is read once from its beginning to its end, so that the time for an order does not grow with the books.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Literal

from app.core.ends import ID_MAX
from app.engine.callback import Callback
from app.engine.log import Log

PAGE_ROWS = 2_000
#: So many rows are sorted in memory at once.
RUN_ROWS = 250_000

#: With a part of the books only: the orders that something happened to since then.
TOUCHED = (
    "CREATE TEMP TABLE touched (no INTEGER PRIMARY KEY)",
    "INSERT OR IGNORE INTO touched SELECT id FROM callback_orders WHERE announced_at >= ?",
    "INSERT OR IGNORE INTO touched SELECT order_no FROM callback_facts WHERE told_at >= ?",
    "INSERT OR IGNORE INTO touched SELECT order_no FROM callback_journals WHERE at >= ? AND order_no IS NOT NULL",
)
_IN_PART = " WHERE {0} IN (SELECT no FROM temp.touched)"

_ORDERS = (
    "SELECT o.id, o.order_id, o.provider, o.announced_at IS NOT NULL, o.kind, o.user_id, o.amount, o.currency,"
    " o.wallet_no, o.held_no, w.name, w.currency, h.name, h.currency FROM callback_orders AS o"
    " LEFT JOIN callback_accounts AS w ON w.id = o.wallet_no LEFT JOIN callback_accounts AS h ON h.id = o.held_no"
)
_KNOWN = "SELECT order_no, kind, attempt, key, amount, level FROM callback_facts"
#: Whether a posting stands outside of its journal.
_LOST = "(j.id IS NULL OR j.at <> p.at OR p.id < j.first_posting OR p.id >= j.first_posting + j.posting_count)"
#: An adjustment's postings, and those without their journal, belong to no order: below zero, by their journal.
_MOVES = (
    f"SELECT CASE WHEN j.order_no IS NULL OR {_LOST} THEN -abs(p.journal_id) ELSE j.order_no END, p.journal_id,"
    f" p.account_no, p.amount, {_LOST} FROM callback_postings AS p"
    " LEFT JOIN callback_journals AS j ON j.id = p.journal_id WHERE"
)
_TOLD = (
    "SELECT f.source_id, f.order_no, f.kind, f.attempt, f.key, f.amount, f.level, o.order_id,"
    " coalesce(o.provider, ''), o.announced_at IS NOT NULL, coalesce(o.kind, ''), coalesce(o.amount, 0),"
    " coalesce(o.currency, ''), o.fee FROM callback_facts AS f"
    " LEFT JOIN callback_orders AS o ON o.id = f.order_no WHERE"
)
_SELECTS = {
    "moves": f"{_MOVES} p.id > :a AND p.id <= :d",
    "told": f"{_TOLD} f.order_no > :a AND f.order_no <= :d",
}
#: By what these tables are read in ranges.
_STEPS = {
    "moves": "SELECT id FROM callback_postings WHERE id > ? ORDER BY id",
    "told": "SELECT order_no FROM callback_facts WHERE order_no > ? ORDER BY order_no",
}
_SINCE = {
    "moves": f" AND ({_LOST} OR j.at >= :since OR j.order_no IN (SELECT no FROM temp.touched))",
    "told": " AND f.told_at >= :since",
}
_CAUSES = "SELECT -id, kind, order_no, callback_id, reason, body, at FROM callback_causes"
_JOURNALS = "SELECT id, order_no FROM callback_journals"
_OUTCOMES = "SELECT callback_id, provider, order_no, outcome, epoch_no FROM callback_outcomes"


class Stream:
    """Rows in ascending order of a key, of which several may have the same one; read ahead by a page."""

    def __init__(self, read: Callable[[], list[Any]], key: Callable[[Any], int]) -> None:
        """`read` gives the next page, an empty one at the end."""
        self._read = read
        self._key = key
        self._rows: list[Any] = []
        self._ended = False

    def complete_up_to(self) -> int:
        """The key up to which all rows are at hand; reads on until there is one."""
        rows, key = self._rows, self._key
        while not self._ended and (not rows or key(rows[0]) == key(rows[-1])):
            page = self._read()
            self._ended = not page
            rows += page
        return ID_MAX if self._ended else key(rows[-1]) - 1

    def take(self, up_to: int) -> list[Any]:
        """The rows up to this key, which are gone then."""
        end = bisect_right(self._rows, up_to, key=self._key)
        taken, self._rows = self._rows[:end], self._rows[end:]
        return taken

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self._ended and not self._rows


def side_by_side(*streams: Stream) -> Iterator[list[list[Any]]]:
    """Pages of all streams for the same range of keys, until all are over; a page is bounded, however many rows are."""
    while True:
        up_to = min(stream.complete_up_to() for stream in streams)
        if all(stream.is_over for stream in streams):
            return
        yield [stream.take(up_to) for stream in streams]


class Runs(Stream):
    """Several streams as one; within a page the rows stand in no order."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def complete_up_to(self) -> int:
        """As of each."""
        return min(stream.complete_up_to() for stream in self._streams)

    def take(self, up_to: int) -> list[Any]:
        """The rows of all."""
        return [row for stream in self._streams for row in stream.take(up_to)]

    @property
    def is_over(self) -> bool:
        """Whether nothing is left in any."""
        return all(stream.is_over for stream in self._streams)


class Tables:
    """The streams of one snapshot; with `since` those of what happened since then (microseconds)."""

    def __init__(self, connection: Any, since: int | None) -> None:
        """`connection` is the driver's, from `snapshot`."""
        self.connection = connection
        self.since = since
        self._runs = 0
        if since is not None:
            connection.execute(TOUCHED[0])
            for statement in TOUCHED[1:]:
                connection.execute(statement, (since,))

    def _stream(self, statement: str, since: str, order: str, **bounds: int) -> Stream:
        cursor = self.connection.cursor()
        where = since if self.since is not None else ""
        cursor.execute(f"{statement}{where} ORDER BY {order}", {"since": self.since, **bounds})
        return Stream(lambda: cursor.fetchmany(PAGE_ROWS), itemgetter(0))

    def _sorted(self, which: Literal["moves", "told"], ranges: Iterator[dict[str, int]]) -> Stream:
        """Rows of a large table in another order than its own: sorted in runs, of which all but the last go to a file.

        Not by one ORDER BY: SQLite may have been built to sort in memory alone, and pysqlite3's is.
        """
        select = _SELECTS[which] + (_SINCE[which] if self.since is not None else "")
        runs, bounds = [], next(ranges)
        for following in ranges:
            self._runs += 1
            name, values = f"work.run{self._runs}", {"since": self.since, **bounds}
            self.connection.execute(f"CREATE TABLE {name} AS {select} LIMIT 0", values)
            self.connection.execute(f"INSERT INTO {name} {select} ORDER BY 1", values)
            runs.append(self._stream(f"SELECT * FROM {name}", "", "rowid"))
            bounds = following
        return Runs([*runs, self._stream(select, "", "1", **bounds)])

    def orders(self) -> Stream:
        """`OrderLine`s, by number."""
        return self._stream(_ORDERS, _IN_PART.format("o.id"), "o.id")

    def known(self) -> Stream:
        """Facts by their order's number: order, kind, attempt, key, amount, level."""
        return self._stream(_KNOWN, _IN_PART.format("order_no"), "order_no")

    def moves(self) -> Stream:
        """Postings by their order's number: order, journal, account, amount, whether their journal is missing."""
        return self._sorted("moves", self._ranges("moves"))

    def told(self) -> Stream:
        """`FactLine`s, by what told them first."""
        return self._sorted("told", self._ranges("told"))

    def _ranges(self, which: Literal["moves", "told"]) -> Iterator[dict[str, int]]:
        at = -ID_MAX
        while True:
            (end,) = self.one(f"{_STEPS[which]} LIMIT 1 OFFSET {RUN_ROWS - 1}", at) or (ID_MAX,)
            yield {"a": at, "d": end}
            if end == ID_MAX:
                return
            at = end

    def causes(self) -> Stream:
        """Causes by the id that facts and journals have of them: id, kind, order, callback, reason, body, time."""
        return self._stream(_CAUSES, " WHERE at >= :since", "id DESC")

    def journals(self) -> Stream:
        """Journals: id, order."""
        return self._stream(_JOURNALS, " WHERE at >= :since", "id")

    def outcomes(self) -> Stream:
        """What became of callbacks: id, provider, order, outcome, epoch's number."""
        return self._stream(_OUTCOMES, " WHERE decided_at >= :since OR received_at >= :since", "callback_id")

    def accounts(self) -> Stream:
        """All accounts: id, name, currency, balance, newest posting."""
        return self._stream("SELECT id, name, currency, balance, last_posting FROM callback_accounts", "", "id")

    def users(self) -> set[int]:
        """Numbers of the accounts that belong to users."""
        named = "SELECT id FROM callback_accounts WHERE name GLOB 'wallet:*' OR name GLOB 'held:*'"
        return {row[0] for row in self.connection.execute(named)}

    def postings(self) -> Iterator[Any]:
        """All postings in the order in which they were written: id, account, amount, balance, the one before."""
        cursor = self.connection.cursor()
        cursor.execute("SELECT id, account_no, amount, balance, before FROM callback_postings ORDER BY id")
        return _rows(cursor)

    def one(self, statement: str, *values: Any) -> Any:
        """The first row of a statement, or None."""
        return self.connection.execute(statement, values).fetchone()

    def all(self, statement: str, *values: Any) -> Sequence[Any]:
        """All rows of a statement that has few."""
        found: Sequence[Any] = self.connection.execute(statement, values).fetchall()
        return found


def _rows(cursor: Any) -> Iterator[Any]:
    while page := cursor.fetchmany(PAGE_ROWS):
        yield from page


def log_stream(log: Log, after: int, last: int) -> Stream:
    """The log's callbacks above `after` up to `last`, each page in a short transaction of its own."""
    at = after

    def read() -> list[Callback]:
        nonlocal at
        if at >= last:
            return []
        page = [callback for callback in log.read_after(at, PAGE_ROWS) if callback.id <= last]
        at = page[-1].id if page else last
        return page

    return Stream(read, attrgetter("id"))
