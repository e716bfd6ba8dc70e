"""`callbacks export` and `import`: callbacks in a file, out of one log and into another."""

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer
from rich.text import Text
from sqlalchemy import Engine

from app.cli import parts, printing
from app.cli.parts import Json, file_trouble
from app.cli.progress import Refusals, progress_bar
from app.core.clock import now_us
from app.core.ends import LATEST
from app.engine.log import Log, open_log
from app.engine.log.place import log_path, make_folder, take_import_lock
from app.engine.offsets import highest_offset
from app.operate import exporting, taking_in
from app.operate.moments import moment_from


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; .gz is packed, - is standard output.")],
    since: Annotated[
        str, typer.Option("--from", help="Received then or later: 2026-01-31, or 7d (ago).", show_default=False)
    ] = "",
    until: Annotated[str, typer.Option("--to", help="Received before then.", show_default=False)] = "",
    provider: Annotated[str, typer.Option(help="From this sender.", show_default=False)] = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Write callbacks with their bytes to a new file, one JSON object a line; it is there whole or not at all.

    Example: callbacks export january.jsonl.gz --from 2026-01-01 --to 2026-02-01
    """
    parts.settings()
    at = now_us()
    first = moment_from("--from", since, at=at) if since else 0
    after = moment_from("--to", until, at=at) if until else LATEST
    wanted = exporting.Wanted(first, after, provider)
    with parts.existing_log() as log, file_trouble(), progress_bar("writing") as move:
        number = exporting.export(log, file, wanted, progress=move)
    if json and file != exporting.STANDARD:
        printing.print_json({"callbacks": number, "file": str(file)})
    else:
        printing.err().print(Text(f"{number} callbacks written", "green"))


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote; - reads standard input.")],
    trusted: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--trusted", help="Vouch for the file: take what cannot be proved anew, too.")
    ] = False,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Append exported callbacks to the log, proved anew and under new ids; safe to run again.

    A callback whose own signature proves it is believed; others are refused, unless you vouch for the file. What the
    log holds already, and what was decided here once, is left out.

    Example: callbacks import january.jsonl.gz
    """
    engine, told = parts.existing_state(), Refusals()
    handlers = parts.handlers()
    with (
        file_trouble(),
        _opened(file) as (stream, place),
        _log_to_fill(engine) as log,
        progress_bar("importing") as move,
    ):
        hearing = taking_in.Hearing(told, move, lambda _read: move(*place()))
        report = taking_in.take_in(log, engine, handlers, stream, at=now_us(), trusted=trusted, hearing=hearing)
    told.end()
    counts = {"imported": report.imported, "here_already": report.known, "refused": report.refused}
    if json:
        printing.print_json({**counts, "lines": report.lines})
    else:
        line = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())
        printing.out().print(Text(line, "yellow" if report.refused else "green"))
    if report.refused:
        raise typer.Exit(1)


@contextmanager
def _log_to_fill(engine: Engine) -> Iterator[Log]:
    """The log, made where there is none; only one import at a time."""
    url = parts.settings().callback_log_url
    path = log_path(url).absolute()
    make_folder(path.parent)
    with ExitStack() as stack:
        stack.callback(os.close, take_import_lock(path))
        yield stack.enter_context(closing(open_log(url, server=False, floor=highest_offset(engine))))


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, Callable[[], tuple[int, int]]]]:
    """The file's lines, and how far it is read (bytes, of how many; nothing is known of standard input)."""
    if file == exporting.STANDARD:
        yield sys.stdin.buffer, lambda: (0, 0)
        return
    with file.open("rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if file.suffix == ".gz" else raw
        yield stream, lambda: (raw.tell(), size)
