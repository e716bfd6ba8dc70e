"""What a table is, by its columns: a settlement report, a price list, or neither and what is missing for each. Pure."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec

from app.files.csv_table import BadRow, Row, Table
from app.providers import digiflazz_prices, midtrans_report
from app.providers.columns import Places, Unread, known, normalised
from app.providers.digiflazz_prices import Product
from app.providers.midtrans_report import ReportRow
from app.providers.written_amounts import Mark

#: One row of the file as it is understood.
Read: TypeAlias = ReportRow | Product | Unread

_KNOWN = (known(midtrans_report.FIELDS), known(digiflazz_prices.FIELDS))


class Recognised(msgspec.Struct, frozen=True):
    """A table that we understand, and how."""

    kind: str
    table: Table
    places: Places
    mark: Mark

    def rows(self) -> Iterator[Read]:
        """All rows as they are understood, in the file's order."""
        read = _ROW_FROM[self.kind]
        for row in self.table.rows():
            yield _unread(row) if isinstance(row, BadRow) else read(row.line, row.cells, self.places, self.mark)


class Missing(msgspec.Struct, frozen=True):
    """What the columns lack for each kind."""

    report: list[str]
    prices: list[str]


_ROW_FROM = {midtrans_report.KIND: midtrans_report.row_from, digiflazz_prices.KIND: digiflazz_prices.row_from}


def score(cells: Sequence[str]) -> int:
    """How many headings of one of the kinds these cells are."""
    names = {normalised(cell) for cell in cells}
    return max(len(names & headings) for headings in _KNOWN)


def recognise(table: Table) -> Recognised | Missing:
    """What this table is."""
    report, prices = midtrans_report.places_in(table.columns), digiflazz_prices.places_in(table.columns)
    lacking = Missing(midtrans_report.missing(report, table.columns), digiflazz_prices.missing(prices, table.columns))
    if not lacking.report:
        return Recognised(midtrans_report.KIND, table, report, midtrans_report.mark_of(report, _cells(table)))
    if not lacking.prices:
        return Recognised(digiflazz_prices.KIND, table, prices, digiflazz_prices.mark_of(prices, _cells(table)))
    return lacking


def _cells(table: Table) -> Iterator[Sequence[str]]:
    return (row.cells for row in table.rows() if isinstance(row, Row))


def _unread(row: BadRow) -> Unread:
    return Unread(row.line, row.why, str(row.found) if row.found else "")
