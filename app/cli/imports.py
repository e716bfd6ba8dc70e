"""`callbacks imports`: the settlement reports and price lists that came in, and what became of their rows."""

from typing import Annotated

import typer

from app.cli import parts, printing
from app.cli.parts import Before, Json
from app.operate.files import imports as verbs
from app.operate.files.imports_shown import ImportShown

commands = typer.Typer(help="Settlement reports and price lists that were imported.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Keep `list` a word of its own, though it is the only one."""


@commands.command("list")
def list_imports(
    rows: Annotated[int, typer.Option(min=1, max=verbs.PAGE_MAX)] = 20,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List what was imported, newest first, with what became of the rows.

    Example: callbacks imports list
    """
    found = verbs.list_imports(parts.existing_state(), before=before, rows_max=rows)
    if json:
        printing.print_json(found)
        return
    for record in found.imports:
        _print(record)
    if not found.imports:
        printing.nothing("imports")
    if found.next_cursor:
        printing.field("older", f"callbacks imports list --before {found.next_cursor}")


def _print(record: ImportShown) -> None:
    printing.heading(f"import {record.id}  {record.kind}  {record.filename}")
    printing.field("callback", record.callback_id, record.began_at)
    printing.field("rows", f"{record.rows}" if record.ended_at else f"{record.rows_done} of {record.rows} so far")
    printing.field("counts", "  ".join(f"{word} {number}" for word, number in record.counts.items()))
    for each in record.unreadable_lines:
        printing.field("", f"line {each.line}: {each.why}", each.cell)
