"""Looks for values that no program of ours wrote, once an audit stumbled over one: of another type, or no text."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import LargeBinary, Table
from sqlalchemy.types import Integer

from app.engine.tables import offsets, outcomes
from app.ledger.tables import accounts, causes, facts, journals, orders, pending, postings
from app.operate.audit.proof import Finding, Wrong

_TABLES = (accounts, orders, facts, journals, postings, causes, outcomes, offsets, pending)


def misshapen(connection: Any) -> Iterator[Finding]:
    """Every value that is not what its column holds (SQLite lets any hold anything). `connection` is the driver's."""
    connection.text_factory = bytes
    for table in _TABLES:
        names = [column.name for column in table.columns]
        cursor = connection.cursor()
        quoted = ", ".join(f'"{name}"' for name in names)
        cursor.execute(f"SELECT {quoted} FROM {table.name}")
        checks = [(place, *_wanted(table, name)) for place, name in enumerate(names)]
        key = [names.index(column.name) for column in table.primary_key]
        for row in cursor:
            for place, kind, is_text, nullable in checks:
                value = row[place]
                if (value is None and nullable) or (isinstance(value, kind) and not (is_text and _broken(value))):
                    continue
                subject = f"{table.name} {', '.join(_shown(row[each]) for each in key)}"
                yield Finding(Wrong.SHAPE, f"{subject}: {names[place]}", "", None, kind_word(kind), _shown(value))


def kind_word(kind: type) -> str:
    """What a column holds, for people."""
    return "integer" if kind is int else "text or bytes"


def _wanted(table: Table, name: str) -> tuple[type, bool, bool]:
    column = table.columns[name]
    whole = isinstance(column.type, Integer)
    return (int if whole else bytes), not whole and not isinstance(column.type, LargeBinary), bool(column.nullable)


def _broken(value: Any) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def _shown(value: object) -> str:
    return value.decode(errors="backslashreplace")[:60] if isinstance(value, bytes) else str(value)
