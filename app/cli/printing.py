"""How a terminal is written to: colours only there, hostile text escaped, data on stdout, all else on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_COLUMNS = 400  # no terminal: lines are not folded
_TABLE_COLUMNS = 4_000  # a narrow terminal folds a row; a table that fits itself into it cuts its cells

GOOD = frozenset({"applied", "paid", "succeeded", "confirmed", "ok"})
BAD = frozenset({"rejected", "set_aside", "failed", "denied", "charged_back", "wrong"})
OPEN = frozenset({"parked", "in_doubt", "waiting", "pending", "challenged", "authorized", ""})


def safe(value: object) -> str:
    """Text that cannot move the cursor or turn the line around: what is not printable is written as an escape."""
    text = "" if value is None else str(value)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def out() -> Console:
    """Standard output."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error: errors, progress."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_COLUMNS
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)


def print_json(value: BaseModel | Sequence[Any] | Mapping[str, Any]) -> None:
    """Data for programs: JSON in ASCII."""
    data = value.model_dump() if isinstance(value, BaseModel) else value
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def coloured(word: str) -> Text:
    """A word such as an outcome or a status, in the colour of how well it went."""
    shown = safe(word) or "-"
    style = "green" if word in GOOD else "red" if word in BAD else "yellow" if word in OPEN else ""
    return Text(shown, style)


def heading(text: str) -> None:
    """A line that begins a part."""
    out().print(Text(safe(text), "bold"))


def field(name: str, *values: object) -> None:
    """A name with what it is; nothing when there is nothing."""
    shown = [value if isinstance(value, Text) else Text(safe(value)) for value in values if value not in (None, "")]
    if shown:
        out().print(Text(f"  {name:<10}  ", "dim").append_text(Text("  ").join(shown)))


def finding(state: str, told: str, to_do: str) -> None:
    """How one thing stands, `warn` or `wrong` where a person should mend it, and how."""
    style = {"ok": "green", "warn": "yellow"}.get(state, "bold red")
    line = Text("  ").append(f"{state:<10}", style).append(f"  {safe(told)}")
    out().print(line.append(f" → {safe(to_do)}", "cyan") if to_do else line)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, indent: int = 2) -> None:
    """Rows below their columns' names; nothing at all for no rows."""
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_header=bool(any(columns)))
    for name in columns:
        grid.add_column(name, no_wrap=True, overflow="ignore", justify="right" if name in _NUMBERS else "left")
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row))
    if grid.row_count:
        console = out()
        console.width = _TABLE_COLUMNS
        with console.capture() as captured:
            console.print(grid)
        for line in captured.get().splitlines():
            console.file.write(f"{' ' * indent}{line.rstrip()}\n")


_NUMBERS = frozenset({"amount", "balance", "tries", "count"})


def nothing(what: str) -> None:
    """That nothing was found, beside the output: a pipe gets no line that is none."""
    err().print(Text(f"no {what}", "dim"))


_ERROR_CHARS = 800


def fail(message: str) -> None:
    """One line that says what is wrong and what to do."""
    words = safe(" ".join(message.split()))
    if len(words) > _ERROR_CHARS:  # it repeats something that somebody typed
        words = f"{words[: _ERROR_CHARS // 2]} … {words[-_ERROR_CHARS // 2 :]}"
    err().print(Text("error: ", "bold red").append_text(Text(words, "not bold default")))
