"""The snapshot of a watched folder: each file as it was told last.

It is written after the log, never before: killed in between, a watcher reads in the log what it told. So a change is
told once, and what was told always leads to what the snapshot says.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from app.core.telemetry import get_logger
from app.engine.callback import Verification
from app.engine.log import Log
from app.files.scanning import Scan
from app.files.snapshot import Change, State, rebased, told_of
from app.operate.files.told import NoEventOfOurs, change_of

log = get_logger(__name__)

#: Where our events come from, in the log's column of addresses.
WATCHER = "watch"
#: How they are proved: by the process that wrote them.
VOUCHED = Verification("caller")
#: The size that a file has in the snapshot which was told while it was still written: no file is as this one says, so
#: that it is told again once it is whole.
_UNFINISHED = -1
_PAGE_ROWS = 1_000
_INT64, _UINT64 = 2**63, 2**64


class Known(msgspec.Struct, frozen=True):
    """What is known of a folder."""

    files: dict[bytes, State]
    root: tuple[int, int] | None  # device and inode of the folder itself; None: never scanned
    telling: int | None  # what is in the log after this callback may not be in `files`; None: all of it is
    scanned_at: int  # 0: never to its end


def load(connection: Connection, folder_no: int) -> Known:
    """What is known of the folder of this number."""
    told = connection.execute(
        text("SELECT device, inode, telling, scanned_at FROM callback_folders WHERE id = :no"), {"no": folder_no}
    ).one()
    rows = connection.execute(
        text("SELECT path, device, inode, size, mtime_ns FROM callback_files WHERE folder_no = :no"), {"no": folder_no}
    )
    files = {row[0]: State(_unsigned(row[1]), _unsigned(row[2]), row[3], row[4]) for row in rows}
    root = None if told.inode is None else (_unsigned(told.device), _unsigned(told.inode))
    return Known(files, root, told.telling, told.scanned_at)


def save(connection: Connection, folder_no: int, changes: Iterable[Change], *, telling: int | None, at: int) -> None:
    """Write what was told, and in the same transaction `telling`: the last callback that is in it, None for all."""
    paths = dict(chain.from_iterable(_rows(change) for change in changes))
    gone = [{"no": folder_no, "path": path} for path, state in paths.items() if state is None]
    there = [
        {"no": folder_no, "path": path, "at": at, **_columns(state)}
        for path, state in paths.items()
        if state is not None
    ]
    if gone:
        connection.execute(text("DELETE FROM callback_files WHERE folder_no = :no AND path = :path"), gone)
    if there:
        connection.execute(_UPSERT, there)
    connection.execute(_TELLING, {"no": folder_no, "telling": telling})


def begin_telling(connection: Connection, folder_no: int, after: int) -> None:
    """Note that events may be appended after this callback from now on."""
    connection.execute(_TELLING, {"no": folder_no, "telling": after})


def note_scan(connection: Connection, folder_no: int, scan: Scan | None, *, trouble: str, at: int) -> None:
    """How the folder was found, and why the scan was not whole; `scan` is None where there was none."""
    values: dict[str, Any] = {"no": folder_no, "trouble": trouble}
    if scan is not None:
        values |= {"device": _signed(scan.device), "inode": _signed(scan.inode)}
        connection.execute(
            text("UPDATE callback_folders SET device = :device, inode = :inode, trouble = :trouble WHERE id = :no"),
            values,
        )
        if not trouble:
            connection.execute(
                text("UPDATE callback_folders SET scanned_at = :at WHERE id = :no"), {"no": folder_no, "at": at}
            )
    else:
        connection.execute(text("UPDATE callback_folders SET trouble = :trouble WHERE id = :no"), values)


def rebase(connection: Connection, folder_no: int, known: Known, device: int) -> Known:
    """The folder's file system got another device number, as some do at each mount: its files are the same ones."""
    if known.root is None or known.root[0] == device:
        return known
    connection.execute(
        text("UPDATE callback_files SET device = :now WHERE folder_no = :no AND device = :before"),
        {"no": folder_no, "now": _signed(device), "before": _signed(known.root[0])},
    )
    connection.execute(
        text("UPDATE callback_folders SET device = :now WHERE id = :no"), {"no": folder_no, "now": _signed(device)}
    )
    return Known(rebased(known.files, known.root[0], device), (device, known.root[1]), known.telling, known.scanned_at)


def appended_after(opened: Log, after: int, folder: str, provider: str) -> list[Change]:
    """What a watcher of this folder appended after this callback, in the log's order. Raises LogUnavailable."""
    found: list[Change] = []
    while page := opened.read_after(after, _PAGE_ROWS):
        after = page[-1].id
        for callback in page:
            # No headers: those that were imported from another log have them.
            ours = (provider, WATCHER, VOUCHED.how, "")
            if (callback.provider, callback.remote_addr, callback.verification, callback.headers) == ours:
                found += _change(folder, callback.body)
    return found


def _change(folder: str, body: bytes) -> Iterator[Change]:
    try:
        change = change_of(folder, body)
    except NoEventOfOurs as error:
        log.warning("watch.unreadable_event", error=str(error))
        return
    if change is not None:
        yield change


def _rows(change: Change) -> Iterator[tuple[bytes, State | None]]:
    for path, state in told_of(change):
        unfinished = state is not None and change.still_written
        yield path, msgspec.structs.replace(state, size=_UNFINISHED) if unfinished and state is not None else state


def known_after(files: dict[bytes, State], changes: Sequence[Change]) -> None:
    """Bring what is in memory to what `save` writes."""
    for path, state in chain.from_iterable(_rows(change) for change in changes):
        if state is None:
            files.pop(path, None)
        else:
            files[path] = state


def _columns(state: State) -> dict[str, int]:
    return {
        "device": _signed(state.device),
        "inode": _signed(state.inode),
        "size": state.size,
        "mtime_ns": state.mtime_ns,
    }


def _signed(number: int) -> int:
    """64 bits without a sign, as the system counts, in a column that has one."""
    return number - _UINT64 if number >= _INT64 else number


def _unsigned(number: int) -> int:
    return number + _UINT64 if number < 0 else number


_UPSERT = text(
    "INSERT INTO callback_files (folder_no, path, device, inode, size, mtime_ns, told_at)"
    " VALUES (:no, :path, :device, :inode, :size, :mtime_ns, :at)"
    " ON CONFLICT (folder_no, path) DO UPDATE SET device = excluded.device, inode = excluded.inode,"
    " size = excluded.size, mtime_ns = excluded.mtime_ns, told_at = excluded.told_at"
)
_TELLING = text("UPDATE callback_folders SET telling = :telling WHERE id = :no")
