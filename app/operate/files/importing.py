"""Imports a CSV: reads the table, recognises it by its columns, takes its rows, and says what became of them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine

from app.files.csv_table import DELIMITER_NAMES, Table, Unreadable, read_table
from app.operate.files.comparing import comparing
from app.operate.files.prices import importing
from app.operate.files.recognising import Missing, Recognised, recognise, score
from app.operate.files.rows_once import Import, Work, begin, take_rows
from app.operate.shown import time_text
from app.providers import digiflazz_prices, midtrans_report
from app.providers.columns import Unread, line_of_text

_COLUMNS_TOLD_MAX = 40
_COLUMN_CHARS = 40
_FILENAME_CHARS = 255

_WORK: Mapping[str, Callable[[Recognised], Work]] = {
    midtrans_report.KIND: comparing,
    digiflazz_prices.KIND: importing,
}
_DONE = {midtrans_report.KIND: "report_compared", digiflazz_prices.KIND: "prices_imported"}


class Imported(msgspec.Struct, frozen=True):
    """What an import came to; `before`: the same content had been imported already, and nothing was done."""

    record: Import
    before: bool


class CsvOutcome(msgspec.Struct, frozen=True):
    """What became of a CSV: a stable word, and what a person or a program may want to know, ready for JSON."""

    reason: str
    detail: dict[str, Any]


def import_csv(bind: Engine | Connection, content: bytes, *, filename: str, callback_id: int, at: int) -> CsvOutcome:
    """Do all that is to be done with the bytes of a CSV; may take seconds, each of its transactions milliseconds.

    `report_compared`, `prices_imported`, `imported_before`, `csv_read` (a table of another kind), `csv_unreadable`.
    """
    name = line_of_text(filename, _FILENAME_CHARS)
    table = read_table(content, score)
    if isinstance(table, Unreadable):
        return CsvOutcome("csv_unreadable", {"filename": name, "why": table.why, "found": table.found})
    recognised = recognise(table)
    if isinstance(recognised, Missing):
        return CsvOutcome("csv_read", {"filename": name, **_table_told(table), **_missing_told(recognised)})
    imported = import_table(
        bind,
        recognised,
        filename=name,
        digest=hashlib.sha256(content).hexdigest(),
        callback_id=callback_id,
        at=at,
    )
    return _told(table, imported, callback_id)


def import_table(
    bind: Engine | Connection, recognised: Recognised, *, filename: str, digest: str, callback_id: int, at: int
) -> Imported:
    """Take the rows of a table that was recognised, those that are not taken yet."""
    begun = begin(bind, recognised, filename=filename, digest=digest, callback_id=callback_id, at=at)
    if begun.ended_at is not None:
        return Imported(begun, before=True)
    work = _WORK[recognised.kind](recognised)
    return Imported(take_rows(bind, begun, work, recognised.rows, at=at), before=False)


def _told(table: Table, imported: Imported, callback_id: int) -> CsvOutcome:
    record = imported.record
    detail = {
        "filename": record.filename,
        "kind": record.kind,
        "import": str(record.no),
        **_table_told(table),
        **record.tally.counts,
        "unreadable_lines": [_line(each) for each in record.tally.lines],
    }
    # The callback that brought it may be handled again: killed behind its import, it is told what that came to.
    if not imported.before or record.callback_id == callback_id:
        return CsvOutcome(_DONE[record.kind], detail)
    detail |= {
        "imported_at": time_text(record.ended_at or record.began_at),
        "callback_id": str(record.callback_id),
    }
    return CsvOutcome("imported_before", detail)


def _table_told(table: Table) -> dict[str, Any]:
    return {
        "rows": table.row_count,
        "columns": _cut(table.columns),
        "column_count": len(table.columns),
        "delimiter": DELIMITER_NAMES[table.delimiter],
        "encoding": table.encoding,
        "header_line": table.header_line,
        "total_lines": table.total_lines,
    }


def _missing_told(missing: Missing) -> dict[str, Any]:
    return {"missing_for_report": ", ".join(missing.report), "missing_for_prices": ", ".join(missing.prices)}


def _cut(columns: Sequence[str]) -> str:
    more = ", …" if len(columns) > _COLUMNS_TOLD_MAX else ""
    return ", ".join(line_of_text(each, _COLUMN_CHARS) for each in columns[:_COLUMNS_TOLD_MAX]) + more


def _line(row: Unread) -> dict[str, Any]:
    return {"line": row.line, "why": row.why, "cell": row.cell}
