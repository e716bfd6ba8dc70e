"""Announces the orders of a file: JSON Lines or CSV, thousands in one transaction, safe to run again."""

import codecs
import csv
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeAlias

import msgspec
from sqlalchemy import Engine

from app.core.database import writing
from app.core.errors import CallbackError, FieldError
from app.ledger.announce import Announced, NewOrder, announce_many
from app.ledger.book import Policy
from app.operate.announcement import FIELDS, NEEDED, order_from

BATCH_LINES = 5_000
LINE_BYTES_MAX = 8_192

#: `told(line_number, reason)`: a line that does not fit, of which nothing was done.
Told: TypeAlias = Callable[[int, str], None]
#: One line of the file: its number (from 1), and the order or why there is none.
Read: TypeAlias = tuple[int, NewOrder | str]

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode  # amounts by their text, not as floats
_DELIMITERS = ",;\t"


class ImportReport(msgspec.Struct, frozen=True):
    """What became of a file's lines; blank ones are not counted."""

    lines: int
    announced: int
    known: int  # announced before, with the same contents
    refused: int


def import_orders(
    engine: Engine,
    stream: BinaryIO,
    *,
    clock: Callable[[], int],
    policy: Policy,
    told: Told,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> ImportReport:
    """Announce the orders of a file, a batch of lines a transaction. `progress` hears how many bytes were read.

    What does not fit is told by line number, and nothing of that line is done. Raises FieldError for a CSV whose first
    line does not name the columns.
    """
    lines = announced = known = refused = 0
    for batch in _batches(_read(stream, progress)):
        results = iter(_announce(engine, [order for _, order in batch if not isinstance(order, str)], clock(), policy))
        for number, order in batch:
            result = order if isinstance(order, str) else next(results)
            lines += 1
            if isinstance(result, Announced):
                announced, known = announced + result.created, known + (not result.created)
            else:
                refused += 1
                told(number, str(result))
    return ImportReport(lines, announced, known, refused)


def _announce(engine: Engine, orders: list[NewOrder], at: int, policy: Policy) -> list[Announced | CallbackError]:
    if not orders:
        return []
    with writing(engine) as connection:
        return announce_many(connection, orders, at=at, policy=policy)


def _batches(read: Iterator[Read]) -> Iterator[list[Read]]:
    batch: list[Read] = []
    for line in read:
        batch.append(line)
        if len(batch) == BATCH_LINES:
            yield batch
            batch = []
    if batch:
        yield batch


def _read(stream: BinaryIO, progress: Callable[[int], None]) -> Iterator[Read]:
    """The file's lines, read by the form that its first line has."""
    parse: Callable[[bytes], NewOrder] | None = None
    for number, line in _lines(stream, progress):
        if line is None:
            yield number, f"the line is longer than {LINE_BYTES_MAX} bytes"
            continue
        if parse is None:
            if line.lstrip().startswith(b"{"):
                parse = _from_json
            else:
                parse = _csv_reader(line)
                continue
        try:
            yield number, parse(line)
        except FieldError as error:
            yield number, str(error)


def _lines(stream: BinaryIO, progress: Callable[[int], None]) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines that are not blank, without a byte order mark; None for one that is too long."""
    number = read = 0
    while line := stream.readline(LINE_BYTES_MAX + 2):
        number += 1
        too_long = len(line.rstrip(b"\r\n")) > LINE_BYTES_MAX
        read += len(line)
        while too_long and not line.endswith(b"\n") and (line := stream.readline(LINE_BYTES_MAX)):
            read += len(line)
        if number % BATCH_LINES == 0:
            progress(read)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if too_long:
            yield number, None
        elif line.strip():
            yield number, line.rstrip(b"\r\n")  # not blanks: a tab may part the last, empty cell
    progress(read)


def _from_json(line: bytes) -> NewOrder:
    try:
        return order_from(_decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise FieldError("line", "is not a JSON object") from None


def _csv_reader(head: bytes) -> Callable[[bytes], NewOrder]:
    """A reader for the columns that the first line names, in whichever order and with whichever delimiter."""
    if head.startswith(b"["):
        raise FieldError("line 1", "is a JSON list; one object a line is wanted (JSON Lines)")
    for delimiter in _DELIMITERS:
        columns = [name.strip().lower() for name in _split(head, delimiter)]
        if set(NEEDED) <= set(columns) and len(columns) == len(set(columns)):
            break
    else:
        raise FieldError("line 1", f"names no columns; a CSV begins with {','.join(FIELDS)} (the last four as needed)")
    for name in columns:
        if name not in FIELDS:
            raise FieldError("line 1", f"column {name[:60]!r} is not known; they are {', '.join(FIELDS)}")

    def parse(line: bytes) -> NewOrder:
        cells = _split(line, delimiter)
        if len(cells) != len(columns):
            raise FieldError("line", f"has {len(cells)} cells, the first line names {len(columns)} columns")
        return order_from({name: cell.strip() for name, cell in zip(columns, cells, strict=True) if cell.strip()})

    return parse


def _split(line: bytes, delimiter: str) -> list[str]:
    try:
        # A line by itself: a quotation mark that is never closed must not swallow the rest of the file.
        return next(csv.reader([line.decode()], delimiter=delimiter, strict=True))
    except UnicodeDecodeError:
        raise FieldError("line", "is not UTF-8") from None
    except (csv.Error, StopIteration) as error:
        raise FieldError("line", f"is not CSV: {error}") from None
