"""What people and spreadsheets hand in as CSV: read, or told why not; no exception, no row lost in silence."""

import codecs
import time
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.files import csv_table
from app.files.csv_table import BadRow, Row, Table, Unreadable, read_table

HEAD = {"id", "name", "price"}


def score(cells: Sequence[str]) -> int:
    return len({cell.lower() for cell in cells} & HEAD)


def table(content: bytes | str) -> Table:
    found = read_table(content.encode() if isinstance(content, str) else content, score)
    assert isinstance(found, Table), found
    return found


def cells(content: bytes | str) -> list[tuple[str, ...] | str]:
    return [row.cells if isinstance(row, Row) else row.why for row in table(content).rows()]


PLAIN = "id,name,price\n1,Ani,5\n2,Budi,6\n"
ROWS = [("1", "Ani", "5"), ("2", "Budi", "6")]


@pytest.mark.parametrize("delimiter", csv_table.DELIMITERS)
def test_each_delimiter_is_found_by_the_header(delimiter: str) -> None:
    found = table(PLAIN.replace(",", delimiter))
    assert (found.columns, found.delimiter, found.row_count) == (("id", "name", "price"), delimiter, 2)
    assert [row.cells for row in found.rows() if isinstance(row, Row)] == ROWS


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PLAIN.encode(), "utf-8"),
        (codecs.BOM_UTF8 + PLAIN.encode(), "utf-8"),
        (PLAIN.encode("utf-16"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), "utf-16-be"),
        (PLAIN.encode("utf-32"), "utf-32-le"),
        (PLAIN.encode("utf-16-le"), "utf-16-le"),  # without its mark
        (PLAIN.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_each_encoding_is_found(content: bytes, encoding: str) -> None:
    found = table(content)
    assert (found.encoding, found.columns) == (encoding, ("id", "name", "price"))
    assert cells(content) == ROWS


def test_what_is_no_utf8_is_windows_1252() -> None:
    content = "id,name,price\n1,Café,5\n".encode("cp1252")
    assert table(content).encoding == "windows-1252"
    assert cells(content) == [("1", "Café", "5")]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_each_line_end_will_do(newline: str) -> None:
    assert cells(PLAIN.replace("\n", newline)) == ROWS
    assert cells(PLAIN.rstrip().replace("\n", newline)) == ROWS


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n", "\n\nsep=;\n"])
def test_a_line_that_names_the_delimiter_is_none_of_the_table(first: str) -> None:
    found = table(first + "id;name;price\n1;a,b;5\n")
    assert (found.delimiter, found.columns) == (";", ("id", "name", "price"))
    assert [row.cells for row in found.rows() if isinstance(row, Row)] == [("1", "a,b", "5")]


def test_titles_above_the_header_and_totals_below_the_rows_are_no_rows() -> None:
    content = (
        "Laporan, penjualan; bulan ini\n\nPeriode;1 Nov - 30 Nov\n ;;\n"
        "ID;Name;Price\n1;Ani;5\n;;\n2;Budi;6\nTotal;;11\nGrand Total : 2 baris;;\n\n"
    )
    found = table(content)
    assert (found.header_line, found.row_count, found.total_lines) == (5, 2, 2)
    assert cells(content) == ROWS


def test_a_row_that_begins_like_a_total_but_is_full_is_a_row() -> None:
    assert cells("id,name,price\nTotal-1,Ani,5\nTotal 7,Ani,5\n") == [("Total-1", "Ani", "5"), ("Total 7", "Ani", "5")]


def test_quoted_cells_hold_delimiters_marks_and_lines() -> None:
    content = 'id,name,price\n1,"a, ""b""\nc",5\n2,d,6\n'
    assert cells(content) == [("1", 'a, "b"\nc', "5"), ("2", "d", "6")]
    assert [row.line for row in table(content).rows()] == [2, 4]


def test_a_heading_may_stand_on_two_lines() -> None:
    assert table('id,"na\nme",price\n1,a,5\n').columns == ("id", "na me", "price")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("1,Ani\n2,Budi,6\n", [BadRow(2, "too_few_cells", 2), Row(3, ROWS[1])]),
        ("1,Ani,5,x\n2,Budi,6\n", [BadRow(2, "too_many_cells", 4), Row(3, ROWS[1])]),
        ("1,Ani,5,,\n2,Budi,6\n", [Row(2, ROWS[0]), Row(3, ROWS[1])]),
        ('"1,Ani,5\n2,Budi,6\n', [BadRow(2, "quote_not_closed"), Row(3, ROWS[1])]),
        ('1,"Ani,5\n2,Budi,6\n', [BadRow(2, "quote_not_closed"), Row(3, ROWS[1])]),
        ('1,"Ani"x,5\n2,Budi,6\n', [BadRow(2, "quote_not_closed"), Row(3, ROWS[1])]),
        ("1,A\0ni,5\n2,Budi,6\n", [Row(2, ("1", "A", "5"))]),
        (f"1,{'a' * 70_000},5\n2,Budi,6\n", [BadRow(2, "field_too_long", 3), Row(3, ROWS[1])]),
        (f"1,{'a' * 200_000},5\n2,Budi,6\n", [BadRow(2, "field_too_long"), Row(3, ROWS[1])]),
        (f"1{',a' * 600_000}\n2,Budi,6\n", [BadRow(2, "line_too_long"), Row(3, ROWS[1])]),
    ],
)
def test_a_row_that_does_not_fit_is_told_by_its_line_and_costs_no_other(rows: str, told: list[Row | BadRow]) -> None:
    if "\0" in rows:
        rows = "1,Ani,5\n" * 2_000 + rows
        assert list(table("id,name,price\n" + rows).rows())[-2:] == [BadRow(2_002, "nul"), Row(2_003, ROWS[1])]
        return
    found = table("id,name,price\n" + rows)
    assert list(found.rows()) == told
    assert found.row_count == len(told)


def test_a_mark_that_is_never_closed_swallows_none_of_the_rows_behind_it() -> None:
    rows = "".join(f"{number},Ani,5\n" for number in range(500))
    found = table(f'id,name,price\n"open,Ani,5\n{rows}')
    assert found.row_count == 501
    assert sum(isinstance(row, Row) for row in found.rows()) == 500


def test_digits_that_a_spreadsheet_was_to_leave_alone_are_their_text() -> None:
    assert cells('id,name,price\n"=""0812""",Ani,5\n=1+1,=cmd|\' /C calc\'!A0,5\n') == [
        ("0812", "Ani", "5"),
        ("=1+1", "=cmd|' /C calc'!A0", "5"),
    ]


@pytest.mark.parametrize("content", ["id;name;price", "id;name;price\n", "\ufeffLaporan\n\nid;name;price\n\n;;\n"])
def test_a_header_alone_is_a_table_without_rows(content: str) -> None:
    assert (table(content).row_count, cells(content)) == (0, [])


def test_a_table_that_nobody_knows_has_its_most_likely_header() -> None:
    found = table("Daftar\n\nkota;provinsi;kode pos\nBandung;Jawa Barat;40111\n")
    assert (found.columns, found.row_count) == (("kota", "provinsi", "kode pos"), 1)
    assert table("one\ntwo\n").columns == ("one",)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \r\n\t\n", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (codecs.BOM_UTF16_LE, "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not_text"),
        (b"PK\x03\x04\x14\0\0\0\x08\0", "not_text"),
        (("id," * 1_000).encode() + b"x\n1\n", "too_many_columns"),
    ],
)
def test_what_is_no_table_is_told(content: bytes, why: str) -> None:
    found = read_table(content, score)
    assert isinstance(found, Unreadable)
    assert found.why == why


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "ROWS_MAX", 2)
    assert table(PLAIN).row_count == 2
    assert read_table((PLAIN + "3,Cici,7\n").encode(), score) == Unreadable("too_many_rows", 2)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "content",
    [
        b'"' * 5_000_000,
        b",\n" * 2_500_000,
        b"ab," * 1_700_000,
        (b"ab," * 300_000 + b"\n") * 5,
        b'"x\n' * 100_000,
        b"id;name;price\n" + b'"\n' * 400_000,
    ],
    ids=["marks", "blank rows", "one long line", "long lines", "open marks", "marks behind a header"],
)
def test_a_hostile_file_is_done_with_soon(content: bytes) -> None:
    began = time.process_time()
    found = read_table(content, score)
    assert isinstance(found, Unreadable) or found.row_count < csv_table.ROWS_MAX
    assert time.process_time() - began < 20


SIGNS = st.text('id,name;"\t|\n\r\0= 12é', max_size=80)


@settings(deadline=None)
@given(st.binary(max_size=400) | SIGNS.map(str.encode) | SIGNS.map(lambda text: text.encode("utf-16")))
@example(b'"')
@example(b'"\n' * 200)
@example(b"sep=;")
@example(b"\xff\xfe\0")
@example(("a,b\n" + '"x\n' * 120).encode())
def test_nothing_raises_and_rows_are_the_same_each_time(content: bytes) -> None:
    found = read_table(content, score)
    if isinstance(found, Table):
        rows = list(found.rows())
        assert len(rows) == found.row_count
        assert rows == list(found.rows())
        assert all(len(row.cells) == len(found.columns) for row in rows if isinstance(row, Row))


LINES = st.lists(st.tuples(st.text("ab,;\"' \n|", min_size=1, max_size=8), st.integers(1, 9)), max_size=12)


@settings(deadline=None)
@given(LINES, st.sampled_from(csv_table.DELIMITERS), st.booleans())
def test_what_a_spreadsheet_writes_is_read_back(rows: list[tuple[str, int]], delimiter: str, windows: bool) -> None:  # noqa: FBT001
    quoted = [('"' + name.replace('"', '""') + '"', number) for name, number in rows]
    lines = ["id;name;price".replace(";", delimiter)]
    lines += [f"{number}{delimiter}{name}{delimiter}{number}" for name, number in quoted]
    content = ("\r\n" if windows else "\n").join(lines)
    assert cells(content) == [(str(number), name.strip(), str(number)) for name, number in rows]
