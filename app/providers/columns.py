"""Which column of a file means what: headings compared without case, blanks, underscores and punctuation. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import msgspec

#: Fields' names → the column that holds them.
Places: TypeAlias = Mapping[str, int]


class Field(NamedTuple):
    """Something that a row says, and the headings under which files have it: the better ones first."""

    name: str
    headings: tuple[str, ...]


class Unread(msgspec.Struct, frozen=True):
    """A row that cannot be read: its line, a stable word, and the cell that is to blame."""

    line: int
    why: str
    cell: str = ""


_UNIT = re.compile(r"\((?:idr|rp\.?|rupiah|wib)\)\s*$", re.IGNORECASE)


@lru_cache(maxsize=4096)  # the words of a status column are a handful
def normalised(heading: str) -> str:
    """`" Gross_Amount (IDR)"` → `"grossamount"`."""
    text = _UNIT.sub("", unicodedata.normalize("NFKC", heading[:200])).casefold()
    return "".join(sign for sign in text if sign.isalnum())


def places_of(fields: Sequence[Field], columns: Sequence[str]) -> Places:
    """Where each field stands; a column holds one field only, and of two equal headings neither counts."""
    names = [normalised(column) for column in columns]
    at = {name: place for place, name in enumerate(names) if name and names.count(name) == 1}
    wanted = ((field.name, normalised(heading)) for field in fields for heading in field.headings)
    places: dict[str, int] = {}
    for field, heading in wanted:
        if heading in at and field not in places:
            places[field] = at.pop(heading)
    return places


def doubled(fields: Iterable[Field], columns: Sequence[str]) -> list[str]:
    """Fields of which nobody can say in which of two columns they stand, though the file has them."""
    names = [normalised(column) for column in columns]
    twice = {name for name in names if name and names.count(name) > 1}
    return [field.name for field in fields if twice & set(map(normalised, field.headings))]


def known(fields: Iterable[Field]) -> frozenset[str]:
    """All headings of these fields, normalised."""
    return frozenset(normalised(heading) for field in fields for heading in field.headings)


def cell_at(cells: Sequence[str], places: Places, field: str) -> str:
    """The cell of a field, "" where the file has none."""
    place = places.get(field)
    return "" if place is None else cells[place]


def line_of_text(cell: str, chars_max: int) -> str:
    """Text in one line that holds only what can be printed."""
    if len(cell) <= chars_max and cell.isprintable() and "  " not in cell:
        return cell.strip()
    return " ".join("".join(sign if sign.isprintable() else " " for sign in cell[: 4 * chars_max]).split())[:chars_max]
