"""The watcher's process: looks at its folders again and again, until it is told to stop.

A hint of the system only makes the next look come sooner; what is told is what a look finds.
"""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.callbacks.file_monitor.hints import Hints, folders_heard
from app.core.clock import now_us
from app.core.database import is_storage_trouble
from app.core.errors import CallbackError, DatabaseError, SchemaOutdated, StartRefused, StateDisplaced
from app.core.telemetry import get_logger, redact
from app.files.mounts import Ground, ground_of
from app.operate.files.watching import Hearing, Place, Round, Told, Watching

log = get_logger(__name__)

POLL_SECONDS = 2.0
#: A program that writes many files gives many hints: one look for all of them.
_DEBOUNCE_SECONDS = 0.1
#: So many times as long as a look took, it rests: a huge folder costs a fraction of one processor.
_REST, _REST_UNHINTED = 2, 10
_TROUBLE_SECONDS = 1.0
_MOUNTS = Path("/proc/self/mountinfo")


class Stopped(Exception):
    """SIGTERM or SIGINT came."""


class Showing(NamedTuple):
    """Who shows what happens."""

    watching: Callable[[Place, int, str], None]  # the folder, files known, how it is watched
    told: Callable[[Place, Sequence[Told]], None]
    seeing: Callable[[int], None] = lambda _files: None
    looked: Callable[[], None] = lambda: None


class Options(msgspec.Struct, frozen=True):
    """How it is to watch."""

    every: float = 10.0  # seconds between two looks, in any case
    once: bool = False
    from_now: bool = False


def ground(folder: str) -> Ground:
    """What the folder of this resolved path lies on; an empty answer where the system does not say."""
    try:
        return ground_of(_MOUNTS.read_text(errors="surrogateescape"), folder)
    except OSError:
        return Ground()


def run(folders: Sequence[Watching], engine: Engine, options: Options, showing: Showing) -> int:
    """Watch until SIGTERM or SIGINT, or with `once` until everything is told → exit code; 1 when `once` met trouble."""
    stop, wake = threading.Event(), threading.Event()

    def told_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        wake.set()

    before = {number: signal.signal(number, told_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    # Should a lease ever be broken while it is held: see app/files/writers.py.
    before[signal.SIGIO] = signal.signal(signal.SIGIO, signal.SIG_IGN)
    watcher = _Watcher(folders, engine, options, showing, stop, wake)
    try:
        return watcher.run()
    except Stopped:
        log.info("watch.stopped")
        return 0
    finally:
        watcher.hints.close()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Looked(msgspec.Struct):
    """One folder while it is watched; times by the monotonic clock."""

    watching: Watching
    every: float
    next_at: float = 0.0  # a look in any case
    free_at: float = 0.0  # no look before
    hinted: bool = False
    heard_root: tuple[int, int] | None = None  # the folder that hints come from
    trouble: str = ""
    begun: bool = False
    done: bool = False

    @property
    def path(self) -> str:
        return self.watching.place.folder.real

    def due_at(self) -> float:
        """When it is looked at next."""
        return max(self.free_at, 0.0 if self.hinted else self.next_at)


class _Watcher:
    def __init__(
        self,
        folders: Sequence[Watching],
        engine: Engine,
        options: Options,
        showing: Showing,
        stop: threading.Event,
        wake: threading.Event,
    ) -> None:
        self.hints = Hints(wake)
        self._folders = [_Looked(watching, options.every) for watching in folders]
        self._engine = engine
        self._options = options
        self._showing = showing
        self._stop, self._wake = stop, wake
        self._storage_trouble = ""

    def run(self) -> int:
        """Look when it is time; ends by Stopped, or when everything is told."""
        while not all(each.done for each in self._folders):
            self._go_on()
            self._wake.clear()
            now = time.monotonic()
            for each in self._folders:
                if self.hints.taken(each.path) and not each.hinted:
                    each.hinted, each.free_at = True, max(each.free_at, now + _DEBOUNCE_SECONDS)
            due = [each for each in self._folders if not each.done]
            first = min(due, key=_Looked.due_at)
            if first.due_at() > now:
                self._wake.wait(first.due_at() - now)
                continue
            self._look(first)
        return 1 if any(each.trouble for each in self._folders) else 0

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _look(self, each: _Looked) -> None:
        each.hinted = False
        began = time.monotonic()
        try:
            if not each.begun:
                self._begin(each)
            ended = each.watching.round(at=now_us(), seconds=began, hearing=self._hearing(each))
        except (DatabaseError, StartRefused, DBAPIError) as error:
            if not each.begun or self._options.once or not _may_pass(error):
                raise
            self._wait_for_storage(each, error)
            return
        if self._storage_trouble:
            self._storage_trouble = ""
            log.info("watch.goes_on")
        self._showing.looked()
        self._plan(each, ended, began)
        self._say(each, ended)

    def _begin(self, each: _Looked) -> None:
        """Hints first: what changes during the first look is looked at again."""
        how = self._listen(each)
        if self._options.from_now:
            self._take_as_known(each)
        self._showing.watching(each.watching.place, each.watching.known(), how)
        each.begun = True

    def _take_as_known(self, each: _Looked) -> None:
        try:
            each.watching.take_as_known(at=now_us(), hearing=self._hearing(each))
        except OSError as error:
            log.debug("watch.not_there", error=str(error))  # the round that follows says it

    def _listen(self, each: _Looked) -> str:
        """Have the system tell of changes; where it does not, look often → how the folder is watched."""
        each.every = self._options.every
        each.watching.stand_on(ground(each.path))
        if self._options.once:
            return "once"
        self.hints.deafen(each.path)
        network = each.watching.place.ground.network
        why = f"{network}: others' changes are not told" if network else ""
        if not why:
            why = self.hints.listen(each.path, each.watching.place.ignoring.ignores_within)
        if not why:
            return f"at once, and every {each.every:g} s"
        each.every = min(each.every, POLL_SECONDS)
        return f"every {each.every:g} s ({why})"

    def _hearing(self, each: _Looked) -> Hearing:
        def told(batch: Sequence[Told]) -> None:
            self._showing.looked()
            self._showing.told(each.watching.place, batch)
            self._go_on()

        def seeing(files: int) -> None:
            self._showing.seeing(files)
            self._go_on()

        return Hearing(told, seeing, self._go_on)

    def _wait_for_storage(self, each: _Looked, error: CallbackError | DBAPIError) -> None:
        """Said once, tried again; what was appended and not remembered is read in the log."""
        each.watching.forget_memory()
        self._engine.dispose()
        what = redact(str(error.orig) if isinstance(error, DBAPIError) else str(error))
        if what != self._storage_trouble:
            self._storage_trouble = what
            log.warning("watch.waiting", error=what)
        each.free_at = time.monotonic() + _TROUBLE_SECONDS

    def _plan(self, each: _Looked, ended: Round, began: float) -> None:
        now = time.monotonic()
        took = now - began
        each.next_at = now + max(each.every, _REST_UNHINTED * took)
        if ended.look_again is not None:
            each.next_at = min(each.next_at, ended.look_again)
        each.free_at = now + _REST * took
        each.done = self._options.once and not ended.waiting

    def _say(self, each: _Looked, ended: Round) -> None:
        """What is wrong with the folder, once; and hear of the right folder again when it is back."""
        if ended.trouble != each.trouble:
            if ended.trouble:
                log.warning("watch.trouble", folder=each.path, why=ended.trouble)
            else:
                log.info("watch.well_again", folder=each.path)
        was, each.trouble = each.trouble, ended.trouble
        if ended.seen is None or self._options.once:
            return
        root = (ended.seen.device, ended.seen.inode)
        if each.heard_root is None:
            self._check_heard(each, ended.seen.folders)
        elif each.heard_root != root or was or self.hints.lost(each.path):
            log.info("watch.listening_anew", folder=each.path, how=self._listen(each))
            each.hinted = True  # what changed since that look was heard by nobody
        each.heard_root = root

    def _check_heard(self, each: _Looked, folders: int) -> None:
        if each.every <= POLL_SECONDS or each.watching.place.ground.network:
            return
        heard = folders_heard()
        if heard is not None and heard < folders:
            each.every = POLL_SECONDS
            log.warning(
                "watch.polling",
                folder=each.path,
                why=f"the system tells of {heard} of {folders} folders; raise fs.inotify.max_user_watches",
            )


def _may_pass(error: CallbackError | DBAPIError) -> bool:
    """Whether it is worth waiting: not for a state that is another one."""
    if isinstance(error, DBAPIError):
        return is_storage_trouble(error)
    return not isinstance(error, StateDisplaced | SchemaOutdated)
