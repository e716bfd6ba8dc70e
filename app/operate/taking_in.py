"""Takes exported callbacks into the log: proved anew, under new ids, each once however often its file comes.

A file proves nothing: whoever can write one could write anything into it. What a callback's own signature proves is
believed; all else is refused, unless a person vouches for the file, and then it is kept as vouched for (`caller`).
"""

import codecs
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import BinaryIO, TypeAlias

import apsw
import msgspec
from sqlalchemy import Engine

from app.core.database import reading
from app.core.errors import CallbackError, FieldError, ProcessingError
from app.engine.callback import Callback, Handler, Handlers, Request, Row, Verification
from app.engine.limits import Limits
from app.engine.log import Log
from app.engine.log.rows import BODY, HEADERS
from app.engine.nesting import too_deep
from app.engine.receive import row_of
from app.operate.exchange import LINE_BYTES_MAX, Kept, digest_of, kept_from, marked, may_be_imported, origin_of
from app.operate.exporting import PAGE_ROWS, Progress, no_progress
from app.operate.outcomes import outcomes_of

BATCH_ROWS = 500
_BATCH_BYTES = 4 << 20
#: So many times as long as a batch took, the log is left to its server.
_REST = 1
_VOUCHED = Verification("caller")
#: What a line may say of its proof and be vouched for: what was never proved does not become so by a file.
_PROVED = ("signature", "token", "caller", "status_api")
_LIMITS = Limits()

#: `told(line_number, reason)`: a line that is not taken.
Told: TypeAlias = Callable[[int, str], None]
_Numbered: TypeAlias = tuple[int, bytes | None]


class TakenReport(msgspec.Struct, frozen=True):
    """What became of a file's lines; blank ones are not counted."""

    lines: int
    imported: int
    known: int  # in the log already
    refused: int


class Hearing(msgspec.Struct, frozen=True):
    """Who hears of it: of each line that is not taken, of the look through the log, of how many bytes were read."""

    told: Told
    looking: Progress = no_progress
    progress: Callable[[int], None] = lambda _bytes: None


def take_in(
    log: Log,
    engine: Engine,
    handlers: Handlers,
    stream: BinaryIO,
    *,
    at: int,
    trusted: bool,
    hearing: Hearing,
    rest: Callable[[float], None] = time.sleep,
) -> TakenReport:
    """Append what was never here; `trusted`: a person vouches for what the file says was proved.

    A line that does not fit is told by number, and nothing of it is done. It may be stopped at any time and run again.
    """
    lines = imported = known = 0
    with closing(_Seen()) as seen:
        seen.look_at(log, hearing.looking)
        for batch in _batches(_lines(stream, hearing.progress)):
            started = time.perf_counter()
            taken = list(_taken(batch, handlers, at=at, trusted=trusted, told=hearing.told))
            decided = _decided(engine, [kept.origin for kept, _ in taken])
            rows = [
                row
                for kept, row in taken
                if (kept.origin, kept.provider, kept.received_at) not in decided
                and not _is_here(log, kept, row[BODY])
                and seen.add(digest_of(kept.origin, kept.provider, kept.received_at, row[BODY]))
            ]
            lines, imported, known = lines + len(batch), imported + len(rows), known + len(taken) - len(rows)
            if rows:
                log.write_batch(rows)
                rest(_REST * (time.perf_counter() - started))
    return TakenReport(lines, imported, known, lines - imported - known)


def _taken(
    batch: Sequence[_Numbered], handlers: Handlers, *, at: int, trusted: bool, told: Told
) -> Iterator[tuple[Kept, Row]]:
    for number, line in batch:
        try:
            if line is None:
                raise FieldError("line", f"is longer than {LINE_BYTES_MAX} bytes")
            kept = kept_from(line, at=at)
            yield kept, _row(handlers, kept, trusted=trusted)
        except CallbackError as error:
            told(number, str(error))


def _decided(engine: Engine, origins: Sequence[int]) -> set[tuple[int, str, int]]:
    """Which of these were decided here once; those that were pruned since are not taken again."""
    with reading(engine) as connection:
        rows = outcomes_of(connection, origins).values()
    return {(row.callback_id, row.provider, row.received_at) for row in rows}


class _Seen:
    """Digests of what was imported before; where they are many, SQLite puts them into a file that nobody sees."""

    def __init__(self) -> None:
        self._connection = apsw.Connection("")
        self._connection.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._connection.execute("BEGIN")

    def look_at(self, log: Log, progress: Progress) -> None:
        """Find what this log imported before; by outlines, since it is read whole."""
        last, after, first = log.last_id(), 0, 0
        while page := log.outlines_after(after, PAGE_ROWS):
            for line in page:
                if may_be_imported(line.headers) and (callback := log.get(line.id)) is not None:
                    self._remember(callback)
            after, first = page[-1].id, first or page[0].id
            progress(after - first, last - first)

    def _remember(self, callback: Callback) -> None:
        digest = origin_of(callback)
        if digest is not None:
            self.add(digest)

    def add(self, digest: bytes) -> bool:
        """Whether it is new."""
        before = self._connection.total_changes()
        self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,))
        return self._connection.total_changes() > before

    def close(self) -> None:
        """Forget all."""
        self._connection.close(force=True)


def _lines(stream: BinaryIO, progress: Callable[[int], None]) -> Iterator[_Numbered]:
    """Numbered lines that are not blank; None for one that is too long."""
    number = read = 0
    try:
        while line := stream.readline(LINE_BYTES_MAX + 1):
            number, read = number + 1, read + len(line)
            too_long = len(line) > LINE_BYTES_MAX
            while too_long and not line.endswith(b"\n") and (line := stream.readline(LINE_BYTES_MAX)):
                read += len(line)
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if too_long:
                yield number, None
            elif line.strip():
                yield number, line
            progress(read)
    except (EOFError, zlib.error):
        raise FieldError(
            "FILE", f"ends or breaks in the middle, after line {number}; what came before it is imported"
        ) from None


def _batches(lines: Iterator[_Numbered]) -> Iterator[list[_Numbered]]:
    batch: list[_Numbered] = []
    size = 0
    try:
        for number, line in lines:
            batch.append((number, line))
            size += len(line or b"")
            if len(batch) >= BATCH_ROWS or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except FieldError:  # the file is broken from here on
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _row(handlers: Handlers, kept: Kept, *, trusted: bool) -> Row:
    """What the door would have made of it, with where it came from. Raises CallbackError for what is not believed."""
    handler = handlers.get(kept.provider)
    if handler is None:
        raise FieldError("provider", f"no handler is registered under {kept.provider[:60]!r}; see CALLBACK_APP")
    if not kept.body or too_deep(kept.body, _LIMITS.json_depth):
        raise FieldError("body", "is empty" if not kept.body else "is nested too deeply")
    headers = {name.lower().encode(): value.encode("latin-1", "replace") for name, value in kept.headers.items()}
    # Not from the told address: an unverified callback is believed from this machine alone, and that is where we are.
    request = Request(kept.provider, kept.body, headers, "import", kept.received_at)
    try:
        return _proved(handler, request, kept, trusted=trusted)
    except CallbackError:
        raise
    except Exception as error:
        raise ProcessingError(f"the handler of {kept.provider} failed: {type(error).__name__}") from error


def _proved(handler: Handler, request: Request, kept: Kept, *, trusted: bool) -> Row:
    verification = handler.verify(request, kept.received_at)
    if not verification.ok:
        if not trusted or kept.verification.partition(":")[0] not in _PROVED:
            raise FieldError("verification", _why_not(kept, verification, trusted=trusted))
        verification = _VOUCHED
    if not handler.keeps(request):
        raise FieldError("body", "is a mere probe, which no log keeps")
    row = row_of(handler, request, handler.identify(request), verification, kept.provider)
    return (*row[:HEADERS], marked(row[HEADERS], kept), *row[BODY:-1], kept.remote_addr)


def _why_not(kept: Kept, verification: Verification, *, trusted: bool) -> str:
    if trusted:
        return f"was {kept.verification or 'not proved'!r} and proves nothing here; nobody can vouch for it"
    reason = verification.reason or "not_verified"
    return f"cannot be proved anew ({reason}); --trusted takes it, if you vouch for the file"


def _is_here(log: Log, kept: Kept, body: bytes) -> bool:
    found = log.get(kept.origin)
    if found is None:
        return False
    return (found.provider, found.received_at, found.body) == (kept.provider, kept.received_at, body)
