"""Takes the rows of an import, a chunk a transaction that also moves the import's place: each row counts once.

Killed anywhere it goes on where it stood; of two that import the same at the same moment, who comes second finds the
place moved and reads on from there.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, text

from app.core.database import reading, writing
from app.operate.files.recognising import Read, Recognised
from app.providers.columns import Unread

#: So many keep a transaction within some ten milliseconds: callbacks are decided in the same file meanwhile.
CHUNK_ROWS = 250
#: A moment in which nobody holds the file, for whoever waits.
_BREATH_SECONDS = 0.002
_LINES_TOLD_MAX = 10


class Tally(msgspec.Struct):
    """What became of the rows so far: numbers by words, and the first lines that could not be read."""

    counts: dict[str, int] = {}
    lines: list[Unread] = []

    def add(self, word: str, number: int = 1) -> None:
        """Count one more."""
        self.counts[word] = self.counts.get(word, 0) + number

    def unreadable(self, row: Unread) -> None:
        """Count a row that cannot be read, and keep the first ones."""
        self.add("unreadable")
        if len(self.lines) < _LINES_TOLD_MAX:
            self.lines.append(row)


class Import(msgspec.Struct, frozen=True):
    """One import as the state has it; times in microseconds UTC."""

    no: int
    kind: str
    callback_id: int
    filename: str
    rows: int
    next_row: int
    tally: Tally
    began_at: int
    ended_at: int | None


class Work(msgspec.Struct, frozen=True):
    """What is done with the rows of one kind, inside the transaction that moves the place."""

    #: counted even where there are none
    words: tuple[str, ...]
    take: Callable[[Connection, Import, Sequence[Read]], None]
    end: Callable[[Connection, Import], None]


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Tally).decode

_COLUMNS = "id, kind, callback_id, filename, rows, next_row, counts, began_at, ended_at"


def begin(
    bind: Engine | Connection, recognised: Recognised, *, filename: str, digest: str, callback_id: int, at: int
) -> Import:
    """The import of this content: a new one, or the one that began before, perhaps ended."""
    with writing(bind) as connection:
        connection.execute(
            text(
                "INSERT INTO callback_imports (kind, digest, callback_id, filename, rows, began_at)"
                " VALUES (:kind, :digest, :callback_id, :filename, :rows, :at) ON CONFLICT (kind, digest) DO NOTHING"
            ),
            {
                "kind": recognised.kind,
                "digest": digest,
                "callback_id": callback_id,
                "filename": filename,
                "rows": recognised.table.row_count,
                "at": at,
            },
        )
        row = connection.execute(
            text(f"SELECT {_COLUMNS} FROM callback_imports WHERE kind = :kind AND digest = :digest"),
            {"kind": recognised.kind, "digest": digest},
        ).one()
    return _import_from(row)


def _import_from(row: Sequence[Any]) -> Import:
    """A row of `_COLUMNS`."""
    no, kind, callback_id, filename, rows, next_row, counts, began_at, ended_at = row
    tally = _decode(counts) if counts else Tally()
    return Import(no, kind, callback_id, filename, rows, next_row, tally, began_at, ended_at)


def take_rows(
    bind: Engine | Connection, begun: Import, work: Work, rows: Callable[[], Iterator[Read]], *, at: int
) -> Import:
    """Take all rows from the import's place on → the import, ended; by us or by whoever was at it too."""
    chunks = _Chunks(rows)
    state = begun
    while state.ended_at is None:
        chunk = chunks.starting_at(state.next_row)
        state = _step(bind, state, work, chunk, at=at)
        if isinstance(bind, Engine):
            time.sleep(_BREATH_SECONDS)
    return state


def _step(bind: Engine | Connection, seen: Import, work: Work, chunk: Sequence[Read], *, at: int) -> Import:
    with writing(bind) as connection:
        state = _load(connection, seen.no)
        if state.ended_at is not None or state.next_row != seen.next_row:
            return state
        work.take(connection, state, chunk)
        last = len(chunk) < CHUNK_ROWS
        if last:
            for word in work.words:
                state.tally.add(word, 0)
            work.end(connection, state)
        next_row = state.next_row + len(chunk)
        connection.execute(
            text("UPDATE callback_imports SET next_row = :next, counts = :counts, ended_at = :ended WHERE id = :no"),
            {
                "next": next_row,
                "counts": _encode(state.tally).decode(),
                "ended": max(at, state.began_at) if last else None,
                "no": state.no,
            },
        )
    return msgspec.structs.replace(state, next_row=next_row, ended_at=max(at, state.began_at) if last else None)


def _load(connection: Connection, no: int) -> Import:
    return _import_from(
        connection.execute(text(f"SELECT {_COLUMNS} FROM callback_imports WHERE id = :no"), {"no": no}).one()
    )


def newest_imports(bind: Engine | Connection, *, before: int, rows_max: int) -> list[Import]:
    """Imports with numbers below `before`, newest first."""
    with reading(bind) as connection:
        rows = connection.execute(
            text(f"SELECT {_COLUMNS} FROM callback_imports WHERE id < :before ORDER BY id DESC LIMIT :rows"),
            {"before": before, "rows": rows_max},
        )
        return [_import_from(row) for row in rows]


class _Chunks:
    """Rows in chunks from any place on; read forward, and anew where somebody asks for an earlier place."""

    def __init__(self, rows: Callable[[], Iterator[Read]]) -> None:
        self._rows = rows
        self._stream = rows()
        self._at = 0

    def starting_at(self, row: int) -> list[Read]:
        """The chunk whose first row has this number; shorter than others at the end."""
        if row < self._at:
            self._stream, self._at = self._rows(), 0
        for _ in islice(self._stream, row - self._at):
            pass
        chunk = list(islice(self._stream, CHUNK_ROWS))
        self._at = row + len(chunk)
        return chunk
