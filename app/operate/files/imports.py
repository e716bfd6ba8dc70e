"""Lists what was imported: when, from which callback, how many rows, and what became of them."""

from sqlalchemy import Engine

from app.core.ends import ID_MAX
from app.operate.files.imports_shown import ImportShown, ImportsShown, LineShown
from app.operate.files.rows_once import Import, newest_imports
from app.operate.shown import time_text

PAGE_MAX = 200


def list_imports(engine: Engine, *, before: int | None = None, rows_max: int = 50) -> ImportsShown:
    """A page of imports, newest first, below the number `before`."""
    rows_max = max(1, min(rows_max, PAGE_MAX))
    found = newest_imports(engine, before=ID_MAX if before is None else before, rows_max=rows_max + 1)
    page = [_shown(each) for each in found[:rows_max]]
    return ImportsShown(imports=page, next_cursor=page[-1].id if len(found) > rows_max else None)


def _shown(record: Import) -> ImportShown:
    lines = [LineShown(line=each.line, why=each.why, cell=each.cell) for each in record.tally.lines]
    return ImportShown(
        id=str(record.no),
        kind=record.kind,
        filename=record.filename,
        callback_id=str(record.callback_id),
        began_at=time_text(record.began_at),
        ended_at=None if record.ended_at is None else time_text(record.ended_at),
        rows=record.rows,
        rows_done=record.next_row,
        # agree, differ, unreadable first, the kinds of differences behind them
        counts=dict(sorted(record.tally.counts.items(), key=lambda count: (":" in count[0], count[0]))),
        unreadable_lines=lines,
    )
