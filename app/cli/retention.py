"""`callbacks prune`: says what is to go, asks, and removes it."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Json, file_trouble
from app.cli.progress import progress_bar
from app.core.clock import now_us
from app.core.errors import FieldError
from app.operate import exporting, retention
from app.operate.endpoints.pruning import forget_events, old_events
from app.operate.moments import moment_from
from app.operate.retention import Plan
from app.operate.shown import time_text
from app.operate.task_retention import KEPT_US, ended_tasks, forget_tasks

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")]


def prune(
    older_than: Annotated[
        str, typer.Option("--older-than", help="How old: 90d, 12w, or a time such as 2026-01-31.", show_default=False)
    ],
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE", help="Write them to this file first.", show_default=False)
    ] = None,
    dry_run: DryRun = False,  # noqa: FBT002 - an option
    yes: Yes = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Remove old callbacks from the log; their facts, journals and outcomes stay.

    Tasks that ended then are forgotten, and events that everybody has heard.
    What is parked, in doubt, or open as a dead letter or task stays, and so does what the worker, or an endpoint that
    hears of callbacks, has not passed yet.
    The log's file keeps its size: new callbacks take the room that became free.

    Example: callbacks prune --older-than 90d --export pruned.jsonl.gz
    """
    engine, at = parts.existing_state(), now_us()
    before = moment_from("--older-than", older_than, at=at)
    if before > at:
        raise FieldError("--older-than", "lies in the future")
    if export == exporting.STANDARD:
        raise FieldError("--export", "wants a file: what is pruned has to be on disk before it goes")
    if export is not None:
        exporting.refuse_existing(export)
    with parts.existing_log() as log:
        with progress_bar("looking") as move:
            planned = retention.plan(engine, log, before=before, progress=move)
        tasks = ended_tasks(engine, before=min(before, at - KEPT_US))
        events = old_events(engine, before=before)
        _say(planned, len(tasks), events, json=json)
        removed = forgotten = gone = 0
        if (planned.rows or tasks or events) and not dry_run:
            _ask(yes=yes)
            if export is not None:
                with file_trouble(), progress_bar("writing") as move:
                    retention.export_first(log, planned, export, progress=move)
            with progress_bar("removing") as move:
                removed = retention.carry_out(engine, log, planned, progress=move)
            with progress_bar("forgetting tasks") as move:
                forgotten = forget_tasks(engine, tasks, before=min(before, at - KEPT_US), progress=move)
            with progress_bar("forgetting events") as move:
                gone = forget_events(engine, before=before, progress=move)
    if json:
        told = {**_told(planned), "tasks": len(tasks), "events": events}
        printing.print_json({**told, "removed": removed, "forgotten": forgotten, "forgotten_events": gone})
    elif (planned.rows or tasks or events) and not dry_run:
        printing.out().print(Text(_done(removed, forgotten, gone), "green"))


def _say(planned: Plan, tasks: int, events: int, *, json: bool) -> None:
    """What is to go, before it goes; on standard error where standard output is for data."""
    console = printing.err() if json else printing.out()
    if tasks:
        console.print(Text(f"{tasks} tasks that ended as long ago to forget"))
    if events:
        console.print(Text(f"{events} events that everybody has heard as long ago to forget"))
    if not planned.rows and not tasks and not events:
        console.print(Text("nothing is so old and can go", "green"))
    if planned.rows:
        console.print(
            Text(
                f"{planned.rows} callbacks to remove, received from {time_text(planned.oldest)}"
                f" to {time_text(planned.newest)}, {_size(planned.body_bytes)} of bodies"
            )
        )
    if planned.kept:
        console.print(Text(f"{planned.kept} as old stay: parked, in doubt, or open as a dead letter or task", "yellow"))


def _done(removed: int, forgotten: int, gone: int) -> str:
    tasks = f", {forgotten} tasks forgotten" if forgotten else ""
    events = f", {gone} events forgotten" if gone else ""
    return f"{removed} removed{tasks}{events}; new callbacks take their room, the file stays as it is"


def _told(planned: Plan) -> dict[str, object]:
    return {
        "callbacks": planned.rows,
        "oldest": time_text(planned.oldest) if planned.rows else None,
        "newest": time_text(planned.newest) if planned.rows else None,
        "body_bytes": planned.body_bytes,
        "kept": planned.kept,
    }


def _ask(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise FieldError("--yes", "is needed where nobody can be asked; --dry-run only says what would go")
    typer.confirm("Remove them?", abort=True, err=True)


def _size(number: int) -> str:
    size, unit = float(number), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - what a KiB is
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
