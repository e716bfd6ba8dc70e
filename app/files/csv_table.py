"""Reads the bytes of a CSV as people and spreadsheets write it: a table, or why there is none. Pure.

Which line names the columns, and by which delimiter, is decided by whoever knows headings: each of the first lines is
cut by each delimiter, and the one that looks most like a header wins. Nothing raises, whatever the bytes are.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

COLUMNS_MAX = 200
FIELD_CHARS_MAX = 65_536
ROWS_MAX = 500_000
#: Blank ones among them cost time, too.
_LINES_MAX = 2_000_000
_LINE_CHARS_MAX = 1 << 20
#: A quotation mark that is closed only after more lines than this was never meant to be one.
_RECORD_LINES_MAX = 50
#: Among so many lines the header is looked for: reports open with a title and the span that they cover.
_HEADER_LINES_MAX = 40

DELIMITERS = ",;\t|"
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}

#: How much a line of cells looks like a header, 0: not at all.
Score: TypeAlias = Callable[[Sequence[str]], int]


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row: the line that it begins on (from 1), and a cell for each column."""

    line: int
    cells: tuple[str, ...]


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that cannot be read: `why` is a stable word, `found` how many cells there are."""

    line: int
    why: str  # `too_few_cells`, `too_many_cells`, `quote_not_closed`, `field_too_long`, `line_too_long`, `nul`
    found: int = 0


class Unreadable(msgspec.Struct, frozen=True):
    """Why bytes are no table: a stable word, and the number that belongs to it."""

    why: str  # `empty`, `not_text`, `too_many_columns`, `too_many_rows`
    found: int = 0


class Table(msgspec.Struct, frozen=True):
    """A table whose rows are read anew each time that they are asked for: the text stands in memory once."""

    columns: tuple[str, ...]
    delimiter: str
    encoding: str
    header_line: int
    row_count: int  # good and bad ones, without blank lines and totals
    total_lines: int
    text: str
    _begins: int  # behind the header, in `text`
    _line: int  # the line number there

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in the file's order: the same ones at each call."""
        for row in _rows(self.text, self._begins, self._line, self.delimiter, len(self.columns)):
            if row is not None:
                yield row


class _Line(msgspec.Struct, frozen=True, gc=False):
    number: int
    begins: int
    ends: int
    text: str


def read_table(content: bytes, score: Score) -> Table | Unreadable:
    """The bytes of a file → its table. A line `sep=;` names the delimiter; blank lines count for nothing."""
    text, encoding = _decoded(content)
    if not text.strip():
        return Unreadable("empty")
    if "\0" in text[:_HEAD_CHARS]:
        return Unreadable("not_text")
    if max(text.count("\n"), text.count("\r")) > _LINES_MAX:
        return Unreadable("too_many_rows", ROWS_MAX)
    columns, delimiter, header = _header(text, score)
    if len(columns) > COLUMNS_MAX:
        return Unreadable("too_many_columns", len(columns))
    rows = totals = 0
    for row in _rows(text, header.ends, header.number + 1, delimiter, len(columns)):
        rows, totals = rows + (row is not None), totals + (row is None)
        if rows > ROWS_MAX:
            return Unreadable("too_many_rows", ROWS_MAX)
    return Table(columns, delimiter, encoding, header.number, rows, totals, text, header.ends, header.number + 1)


_HEAD_CHARS = 4_096
#: The longer ones first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _decoded(content: bytes) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace"), encoding
    if encoding := _unmarked_utf16(content[:_HEAD_CHARS]):
        return content.decode(encoding, "replace"), encoding
    try:
        return content.decode(), "utf-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), "windows-1252"


def _unmarked_utf16(head: bytes) -> str:
    """Latin text in UTF-16 has a NUL in every second byte."""
    first, second = head[0::2].count(0), head[1::2].count(0)
    enough = max(4, len(head) // 4)
    if second > enough and first == 0:
        return "utf-16-le"
    return "utf-16-be" if first > enough and second == 0 else ""


_NEXT_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")


def _lines(text: str, begins: int, number: int) -> Iterator[_Line]:
    while begins < len(text):
        match = _NEXT_LINE.match(text, begins)
        ends = match.end() if match else len(text)
        yield _Line(number, begins, ends, text[begins:ends])
        begins, number = ends, number + 1


_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)


def _header(text: str, score: Score) -> tuple[tuple[str, ...], str, _Line]:
    """The columns, the delimiter, and the header's last line."""
    delimiters, best, rank = DELIMITERS, None, (0, 0)
    seen = 0
    for line in _lines(text, 0, 1):
        if not line.text.strip():
            continue
        seen += 1
        if seen > _HEADER_LINES_MAX:
            break
        if seen == 1 and (sep := _SEP.fullmatch(line.text)) and sep[1] in DELIMITERS:
            delimiters = sep[1]
            continue
        for delimiter in delimiters:
            cells, last = _header_cells(text, line, delimiter)
            known, likely = score(cells[:COLUMNS_MAX]), _likely(cells)
            if (known, likely) > rank:
                best, rank = (cells, delimiter, last), (known, likely)
    if best is not None:
        return best
    first = next(line for line in _lines(text, 0, 1) if line.text.strip())
    return (first.text.strip()[:_HEAD_CHARS],), delimiters[0], first


def _header_cells(text: str, line: _Line, delimiter: str) -> tuple[tuple[str, ...], _Line]:
    """The cells of the record that begins here; a heading in quotation marks may have a line break in it."""
    reader = _Reader(text, line.begins, line.number, delimiter)
    cells = reader.record()
    if isinstance(cells, str) or reader.last is None:
        return (line.text.strip()[:_HEAD_CHARS],), line
    while cells and not cells[-1].strip():
        cells.pop()
    return tuple(" ".join(cell[:_HEAD_CHARS].split()) for cell in cells), reader.last


def _likely(cells: Sequence[str]) -> int:
    """For a header that nobody knows: many cells, all of them words."""
    words = [cell for cell in cells if cell and not cell[0].isdigit() and len(cell) <= _HEADING_CHARS_MAX]
    return len(cells) if len(cells) > 1 and len(words) == len(cells) else 0


_HEADING_CHARS_MAX = 64


class _Reader:
    """Cuts records out of a text, and can go back to the line after one that cannot be read."""

    def __init__(self, text: str, begins: int, line: int, delimiter: str) -> None:
        self.text, self.begins, self.line, self.delimiter = text, begins, line, delimiter
        self.last: _Line | None = None
        self._used = 0
        self._open()

    def _open(self) -> None:
        self._cells = csv.reader(self._given(), delimiter=self.delimiter, strict=True)

    def _given(self) -> Iterator[str]:
        for line in _lines(self.text, self.begins, self.line):
            self._used += 1
            if self._used > _RECORD_LINES_MAX:
                raise _GivenUpError("quote_not_closed")
            if len(line.text) > _LINE_CHARS_MAX:
                raise _GivenUpError("line_too_long")
            self.last = line
            yield line.text

    def record(self) -> list[str] | str:
        """The next record, a blank line as an empty list; for one that is no CSV why. Raises StopIteration at the end.

        What cannot be read costs its first line only: a quotation mark that nobody closed swallows no rows.
        """
        before, self._used = self.last, 0
        try:
            return next(self._cells)
        except csv.Error as error:
            why = "field_too_long" if "limit" in str(error) else "quote_not_closed"
        except _GivenUpError as error:
            why = str(error)
        begins, number = (self.begins, self.line) if before is None else (before.ends, before.number + 1)
        spoiled = next(_lines(self.text, begins, number))
        self.begins, self.line, self.last = spoiled.ends, spoiled.number + 1, spoiled
        self._open()
        return why

    @property
    def next_line(self) -> int:
        """The number of the line that the next record begins on."""
        return self.line if self.last is None else self.last.number + 1


class _GivenUpError(Exception):
    """A record that is too long, with the word for it."""


def _rows(text: str, begins: int, line: int, delimiter: str, width: int) -> Iterator[Row | BadRow | None]:
    """Each row; None for a line of totals. Blank lines are left out."""
    reader = _Reader(text, begins, line, delimiter)
    while True:
        number = reader.next_line
        try:
            cells = reader.record()
        except StopIteration:
            return
        if isinstance(cells, str):
            yield BadRow(number, cells)
        elif any(map(str.strip, cells)):
            yield None if _is_total(cells) else _row(number, cells, width)


def _row(line: int, cells: list[str], width: int) -> Row | BadRow:
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        return BadRow(line, "too_few_cells" if len(cells) < width else "too_many_cells", len(cells))
    if max(map(len, cells)) > FIELD_CHARS_MAX:
        return BadRow(line, "field_too_long", len(cells))
    if any("\0" in cell for cell in cells):
        return BadRow(line, "nul")
    return Row(line, tuple(map(_plain, cells)))


def _plain(cell: str) -> str:
    """`="0812"`, by which spreadsheets are kept from reading digits as a number, is its text."""
    cell = cell.strip()
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') and len(cell) > len('="') else cell


_TOTAL = re.compile(r"(?:grand|sub)?[ -]?(?:total|jumlah)(?: [^,;|]{0,60})?:?", re.IGNORECASE)


def _is_total(cells: Sequence[str]) -> bool:
    """`Total;;;5.000.000`: a word in the place of a value, and hardly anything beside it."""
    first = next(filter(None, map(str.strip, cells)), "")
    return _TOTAL.fullmatch(first) is not None and sum(map(bool, map(str.strip, cells))) * 2 <= len(cells) + 2
