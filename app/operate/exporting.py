"""Writes callbacks of the log to a file, one a line: whole or not at all, and never over another file."""

import fcntl
import gzip
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from itertools import count
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from app.core.ends import LATEST
from app.core.errors import FieldError, LogUnavailable
from app.engine.callback import Callback
from app.engine.log import Log
from app.operate.exchange import line_of

PAGE_ROWS = 2_000
STANDARD = Path("-")
_GZIP_LEVEL = 6

#: `progress(done, of)`: about how much of the work is done.
Progress = Callable[[int, int], None]


def no_progress(_done: int, _of: int) -> None:
    """Nobody looks."""


class Wanted(msgspec.Struct, frozen=True):
    """Which callbacks; "" for any sender, times in microseconds, `until` no longer belongs to them."""

    since: int = 0
    until: int = LATEST
    provider: str = ""

    def holds(self, callback: Callback) -> bool:
        """Whether this is one."""
        return self.since <= callback.received_at < self.until and self.provider in {"", callback.provider}


def export(log: Log, file: Path, wanted: Wanted, *, progress: Progress = no_progress) -> int:
    """Write the wanted callbacks, oldest first → how many. Raises FieldError for a file that is there already.

    What comes in meanwhile is left out.
    """
    return write((callback for callback in walk(log, progress=progress) if wanted.holds(callback)), file)


def export_these(log: Log, file: Path, ids: Sequence[int], *, progress: Progress = no_progress) -> None:
    """Write these callbacks (ids ascending), all of them. Raises LogUnavailable where one is no longer there."""
    write(_these(log, ids, progress), file)


def walk(log: Log, *, progress: Progress = no_progress) -> Iterator[Callback]:
    """All callbacks of the log, ascending, up to the one that is its last now.

    Raises LogUnavailable when another log takes its place meanwhile: half of one is no export.
    """
    last, epoch = log.last_id(), log.epoch
    after = first = 0
    while after < last:
        page = log.read_after(after, PAGE_ROWS)
        if log.epoch != epoch:
            raise LogUnavailable("another log was found in its place meanwhile; nothing is written, run it again")
        if not page:  # the last ones were pruned meanwhile
            return
        first = first or page[0].id
        for callback in page:
            if callback.id > last:
                return
            yield callback
        after = page[-1].id
        progress(after - first, last - first)


def _these(log: Log, ids: Sequence[int], progress: Progress) -> Iterator[Callback]:
    for start in range(0, len(ids), PAGE_ROWS):
        chunk = set(ids[start : start + PAGE_ROWS])
        after, last = ids[start] - 1, ids[min(start + PAGE_ROWS, len(ids)) - 1]
        while after < last and (page := log.read_after(after, PAGE_ROWS)):
            yield from (callback for callback in page if callback.id in chunk)
            after = page[-1].id
            chunk.difference_update(callback.id for callback in page)
        if chunk:
            raise LogUnavailable(f"callback {min(chunk)} is no longer in the log; nothing is written, run it again")
        progress(min(start + PAGE_ROWS, len(ids)), len(ids))


def write(callbacks: Iterator[Callback], file: Path) -> int:
    """Write these callbacks to a new file → how many."""
    with whole_file(file) as stream:
        number = 0
        for number, callback in zip(count(1), callbacks):  # noqa: B007 - the last one is the answer
            stream.write(line_of(callback) + b"\n")
        return number


@contextmanager
def whole_file(file: Path) -> Iterator[BinaryIO]:
    """A new file that is on disk under its name when the block has ended, and not there at all if it raises.

    Packed where its name ends in `.gz`; readable by its owner alone, for callbacks are about people. `-` is standard
    output. What a killed process left half written is removed by the next one that writes this name. Raises FieldError
    for a file that is there already: it may hold what was pruned.
    """
    if file == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    refuse_existing(file)
    _remove_halves(file)
    half = file.with_name(f".{file.name}.{os.getpid()}.half")
    with open(half, "xb", opener=_private) as raw:
        try:
            fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as long as we write it: nobody may take it for a rest
            if file.suffix == ".gz":
                with gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, 0) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
            refuse_existing(file)
            half.rename(file)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
    folder = os.open(file.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def refuse_existing(file: Path) -> None:
    """Raise FieldError unless a file of this name can be made."""
    if file != STANDARD and (file.exists() or file.is_symlink()):
        raise FieldError("FILE", f"{file} is there already; nothing is written over, choose another name")
    if file != STANDARD and not file.absolute().parent.is_dir():
        raise FieldError("FILE", f"there is no folder {file.absolute().parent}")


def _remove_halves(file: Path) -> None:
    """Remove what processes that were killed left of this file: nobody holds it locked."""
    for half in file.parent.glob(f".{escape(file.name)}.*.half"):
        with suppress(OSError), half.open("rb") as raw:  # somebody writes it, or it is another user's
            fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
            half.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
