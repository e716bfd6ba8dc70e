"""`callbacks watch`: folders whose changes become callbacks."""

import json as jsonlib
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import typer
from rich.text import Text
from sqlalchemy import Engine

from app.cli import parts, printing
from app.cli.parts import Json
from app.cli.processes import starting
from app.cli.progress import Move, progress_bar
from app.core.clock import now_us
from app.core.config import Settings
from app.core.database import check_schema, get_engine, writing
from app.core.errors import FieldError, StartRefused
from app.core.telemetry import get_logger
from app.engine.callback import Handler
from app.engine.log.place import log_path, make_folder, take_watch_lock
from app.files.ignoring import ignoring
from app.files.opening import Folder, folder_at
from app.files.settling import Patience
from app.operate.files.folders import forget, named, remember, unwatchable
from app.operate.files.watching import Place, Told, Watching
from app.operate.shown import time_text

log = get_logger(__name__)

_BAR_FILES = 20_000
_REST = Patience().rest
_WORDS = {"file_created": "created", "file_modified": "modified", "file_deleted": "deleted", "file_moved": "moved"}
_STYLES = {"created": "green", "deleted": "red", "moved": "cyan"}

Paths: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="PATH", help="Folders; by default those of CALLBACK_FOLDERS.")
]
Every: TypeAlias = Annotated[float, typer.Option(help="Look at least so often, in seconds.", min=0.1, max=86_400)]
Wait: TypeAlias = Annotated[
    float, typer.Option(help="Seconds without a change, and a file that somebody holds open is told.", min=0.5)
]
FromNow: TypeAlias = Annotated[
    bool, typer.Option("--from-now", help="A folder's first time: what lies there is known, and not told.")
]
Accept: TypeAlias = Annotated[
    bool, typer.Option("--accept", help="A folder that is suddenly another one, and empty, is right.")
]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="Tell what changed since the last time, and end.")]
Forget: TypeAlias = Annotated[
    bool, typer.Option("--forget", help="Watch these folders no more: forget what is known of them, and end.")
]


def watch(  # noqa: PLR0917 - the options are what one may want of a watcher
    paths: Paths = None,
    every: Every = 10.0,
    patience: Wait = _REST,
    from_now: FromNow = False,  # noqa: FBT002 - an option
    accept: Accept = False,  # noqa: FBT002 - an option
    once: Once = False,  # noqa: FBT002 - an option
    forget_them: Forget = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Watch folders: each file that is created, modified, moved or deleted becomes a callback. Ctrl-C stops.

    A file is told once it is whole. What changed while no watcher ran is told at the next start. The worker handles
    the files: run `callbacks up` beside. With --json, an object a line.

    Example: callbacks watch /srv/inbox
    """
    from app.callbacks.callback_manager import load_app  # noqa: PLC0415 - each command loads its own room only
    from app.callbacks.file_monitor.watcher import Options, Showing, run  # noqa: PLC0415 - as above
    from app.engine.supervisor import stop_with_supervisor  # noqa: PLC0415 - as above

    settings = parts.settings()
    folders = _outermost(_folders(paths) if paths else _named(settings))
    engine = get_engine()
    with starting():
        check_schema(engine)
    if forget_them:
        _forget(settings, engine, folders)
        return
    manager = load_app(settings)
    handler = manager.event_handlers["file"]
    with starting():
        watchings = [
            _watching(settings, engine, handler, folder, patience=patience, accept=accept) for folder in folders
        ]
    stop_with_supervisor()
    show = _print_json if json else _print_line
    first = _FirstLook()
    try:
        showing = Showing(_say, show, first.seeing, first.looked)
        raise typer.Exit(run(watchings, engine, Options(every, once, from_now), showing))
    finally:
        first.looked()


def _folders(paths: Sequence[str]) -> list[Folder]:
    found = [folder_at(path) for path in paths]
    for folder in found:
        if why := unwatchable(folder):
            raise FieldError("PATH", f"{printing.safe(folder.spelled)} {why}")
    return found


def _named(settings: Settings) -> list[Folder]:
    """Those of CALLBACK_FOLDERS; one that cannot be watched is told, and the others are watched."""
    found = [folder_at(path) for path in named(settings)]
    if not found:
        raise StartRefused("no folder is named: callbacks watch /srv/inbox, or set CALLBACK_FOLDERS")
    good = []
    for folder in found:
        if why := unwatchable(folder):
            log.error("watch.not_watched", setting="CALLBACK_FOLDERS", folder=folder.spelled, why=why)
        else:
            good.append(folder)
    if not good:
        told = "; ".join(f"{printing.safe(folder.spelled)} {unwatchable(folder)}" for folder in found)
        raise StartRefused(f"CALLBACK_FOLDERS names nothing that can be watched: {told}")
    return good


def _outermost(folders: Sequence[Folder]) -> list[Folder]:
    """Each folder once; one that lies in another is seen with that one."""
    kept: list[Folder] = []
    for folder in sorted(folders, key=lambda each: len(each.real)):
        above = next((each for each in kept if _holds(each.real, folder.real)), None)
        if above is None:
            kept.append(folder)
        elif above.real != folder.real:
            printing.err().print(Text(f"{printing.safe(folder.spelled)} is watched with {above.spelled}", "dim"))
    return kept


def _holds(above: str, path: str) -> bool:
    return path == above or path.startswith(above.rstrip("/") + "/")


def _watching(
    settings: Settings, engine: Engine, handler: Handler, folder: Folder, *, patience: float, accept: bool
) -> Watching:
    number = _locked(settings, engine, folder)
    log = log_path(settings.callback_log_url)
    own = [os.path.realpath(path) for path in (log, engine.url.database or "")]
    leave = ignoring(
        settings.callback_ignore,
        folder=folder.real,
        databases=own,
        folders=[os.path.realpath(settings.callback_uploads)],
    )
    place = Place(folder, number, leave, patience=Patience(rest=patience))
    return Watching(place, engine, settings.callback_log_url, handler, accept=accept)


def _locked(settings: Settings, engine: Engine, folder: Folder) -> int:
    """The folder's number; its lock is held until the process ends, however it ends. Raises LogBusy."""
    with writing(engine) as connection:
        number = remember(connection, folder.real, now_us())
    log = log_path(settings.callback_log_url)
    make_folder(log.absolute().parent)
    take_watch_lock(log, number, folder.real)
    return number


def _forget(settings: Settings, engine: Engine, folders: Sequence[Folder]) -> None:
    for folder in folders:
        _locked(settings, engine, folder)
        with writing(engine) as connection:
            forget(connection, folder.real)
        printing.out().print(Text(f"{printing.safe(folder.real)} is forgotten; its files are read no more"))


def _say(place: Place, files: int, how: str) -> None:
    line = Text("watching ", "bold").append(printing.safe(place.folder.real))
    printing.err().print(line.append(f": {files} files known, looks {how}", "dim"))


def _print_line(place: Place, batch: Sequence[Told]) -> None:
    del place
    out = printing.out()
    at = datetime.fromtimestamp(now_us() / 1e6, UTC).astimezone().strftime("%H:%M:%S")
    for told in batch:
        out.print(_line(told.event, at))
    sys.stdout.flush()


def _line(event: dict[str, Any], at: str) -> Text:
    word = _WORDS[event["event_type"]]
    line = (
        Text(f"{at}  ", "dim").append(f"{word:<8}", _STYLES.get(word, "")).append(f"  {printing.safe(event['path'])}")
    )
    if "dest_path" in event:
        line.append(f" → {printing.safe(event['dest_path'])}")
    return line.append("  (still written)", "yellow") if "still_written" in event else line


def _print_json(place: Place, batch: Sequence[Told]) -> None:
    del place
    at = time_text(now_us())
    for told in batch:
        sys.stdout.write(jsonlib.dumps({"callback_id": str(told.callback_id), "at": at, **told.event}) + "\n")
    sys.stdout.flush()


class _FirstLook:
    """A bar on standard error while a large folder is seen for the first time; none where there are few files."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._move: Move | None = None
        self._over = not sys.stderr.isatty()

    def seeing(self, files: int) -> None:
        """So many were seen."""
        if self._over or files < _BAR_FILES:
            return
        if self._move is None:
            self._move = self._open.enter_context(progress_bar("looking", files))
        self._move(files, files)

    def looked(self) -> None:
        """The look is over."""
        self._over = True
        self._open.close()
