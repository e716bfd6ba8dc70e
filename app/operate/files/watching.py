"""One round of a watched folder: look, compare with what was told, tell what is whole, and only then remember it."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine

from app.core.clock import now_us
from app.core.database import reading, writing
from app.core.errors import ValidationError, describe_os_error
from app.core.telemetry import get_logger
from app.engine.callback import EVENT_PREFIX, Handler, Request, Row
from app.engine.log import Log, visiting
from app.engine.receive import row_of
from app.files.ignoring import Ignoring
from app.files.mounts import Ground
from app.files.opening import Folder
from app.files.scanning import FILES_MAX, Scan, TooManyFiles, scan
from app.files.settling import Patience, Verdict, Waiting, Writers, due, seen, verdict
from app.files.snapshot import Change, Kind, State, changes_between
from app.files.writers import ask
from app.operate.files import snapshots
from app.operate.files.snapshots import VOUCHED, WATCHER, Known
from app.operate.files.told import event_of

log = get_logger(__name__)

BATCH_ROWS = 500
PROVIDER = f"{EVENT_PREFIX}file"
#: How often it is written that nothing changed.
_NOTE_SECONDS = 30.0


class Told(NamedTuple):
    """One event that is in the log, and in what the snapshot says."""

    callback_id: int
    event: dict[str, Any]


class Round(msgspec.Struct, frozen=True):
    """How a round ended."""

    told: int = 0
    waiting: int = 0  # files that changed and are not whole yet
    look_again: float | None = None  # when one of them may be, by the clock that `round` was given
    trouble: str = ""  # why the folder was not seen whole
    seen: Scan | None = None  # None: not at all


class Hearing(msgspec.Struct, frozen=True):
    """Who hears of a round while it goes on; each may raise to stop it between two batches."""

    told: Callable[[Sequence[Told]], None] = lambda _batch: None
    seeing: Callable[[int], None] = lambda _files: None
    pulse: Callable[[], None] = lambda: None


class Place(msgspec.Struct, frozen=True):
    """A folder to watch, and how."""

    folder: Folder
    number: int  # of its row
    ignoring: Ignoring
    ground: Ground = Ground()
    patience: Patience = Patience()
    files_max: int = FILES_MAX


class Watching:
    """A watched folder. One process has it at a time; what it remembers in memory may be lost at any moment."""

    def __init__(self, place: Place, engine: Engine, log_url: str, handler: Handler, *, accept: bool = False) -> None:
        """`handler`: of file events; `accept`: take an empty folder in the place of the one that was known."""
        self.place = place
        self._engine = engine
        self._log_url = log_url
        self._handler = handler
        self._accept = accept
        self._known: Known | None = None
        self._waiting: dict[bytes, Waiting] = {}
        self._noted: tuple[str, float] | None = None

    def known(self) -> int:
        """How many files are known. Raises LogUnavailable, and what the state says."""
        return len(self._knowing().files)

    def stand_on(self, ground: Ground) -> None:
        """What the folder lies on, as far as the system says."""
        self.place = msgspec.structs.replace(self.place, ground=ground)

    def forget_memory(self) -> None:
        """After an error: what is known is read anew, with what may have been appended."""
        self._known = self._noted = None

    def take_as_known(self, *, at: int, hearing: Hearing) -> int:
        """A folder's first time: what lies there is known from now on, without being told → how many files."""
        known = self._knowing()
        if known.root is not None:
            return 0
        found = scan(self.place.folder.real, self.place.ignoring.ignores, pulse=hearing.seeing)
        changes = changes_between({}, found.files)
        with writing(self._engine) as connection:
            snapshots.save(connection, self.place.number, changes, telling=None, at=at)
            snapshots.note_scan(connection, self.place.number, found, trouble=_trouble(found), at=at)
        self.forget_memory()
        return len(changes)

    def round(self, *, at: int, seconds: float, hearing: Hearing = Hearing()) -> Round:  # noqa: B008 - frozen
        """Look once. `at`: microseconds UTC; `seconds`: of a clock that nobody sets, for the waiting.

        Raises LogUnavailable and what the state says; call `forget_memory` then, nothing is lost.
        """
        known = self._knowing()
        found = self._look(known, hearing)
        if isinstance(found, str):
            self._note(None, found, at=at, seconds=seconds)
            return Round(trouble=found)
        known = self._settled_in(known, found)
        changes = changes_between(
            known.files, found.files, found.unreadable.keys(), numbered=self.place.ground.numbered
        )
        ready, again = self._whole(changes, hearing, at=at, seconds=seconds)
        self._tell(known, ready, at=at, hearing=hearing)
        trouble = _trouble(found)
        self._note(found, trouble, at=at, seconds=seconds)
        return Round(len(ready), len(self._waiting), again, trouble, found)

    def _knowing(self) -> Known:
        if self._known is None:
            self._known = self._recalled()
        return self._known

    def _recalled(self) -> Known:
        """What is known, with what was appended by a watcher that was killed before it could remember it."""
        number = self.place.number
        with reading(self._engine) as connection:
            known = snapshots.load(connection, number)
        if known.telling is None:
            return known
        with visiting(self._log_url) as opened:
            changes = snapshots.appended_after(opened, known.telling, self.place.folder.real, PROVIDER)
        with writing(self._engine) as connection:
            snapshots.save(connection, number, changes, telling=None, at=now_us())
            return snapshots.load(connection, number)

    def _look(self, known: Known, hearing: Hearing) -> Scan | str:
        """The folder as it is now, or why nothing can be said of it."""
        place = self.place
        leads_to = os.path.realpath(place.folder.spelled)
        if leads_to != place.folder.real:
            spelled = os.fsencode(place.folder.spelled).decode(errors="replace")
            now = os.fsencode(leads_to).decode(errors="replace")  # a link may lead to a name that is no text
            return f"is not what {spelled} leads to any more ({now}); start the watcher anew"
        try:
            found = scan(
                place.folder.real,
                place.ignoring.ignores,
                known=known.files,
                files_max=place.files_max,
                pulse=hearing.seeing,
            )
        except OSError as error:
            return f"cannot be opened: {describe_os_error(error)}"
        except TooManyFiles:
            return f"holds more than {place.files_max} files; watch folders below it instead"
        emptied = known.files and not found.files and not found.unreadable
        if emptied and known.root not in {None, (found.device, found.inode)} and not self._accept:
            return "is another folder than before, and empty; if that is right: callbacks watch --accept"
        return found

    def _settled_in(self, known: Known, found: Scan) -> Known:
        if known.root is not None and known.root[0] != found.device:
            with writing(self._engine) as connection:
                known = snapshots.rebase(connection, self.place.number, known, found.device)
        self._accept = False  # of what becomes of it later nobody said that it is right
        self._known = Known(known.files, (found.device, found.inode), known.telling, known.scanned_at)
        return self._known

    def _whole(
        self, changes: Sequence[Change], hearing: Hearing, *, at: int, seconds: float
    ) -> tuple[list[Change], float | None]:
        """Those that can be told, and when to look at the others again."""
        ready: list[Change] = []
        waiting: dict[bytes, Waiting] = {}
        again: list[float] = []
        for change in changes:
            if change.kind not in {Kind.CREATED, Kind.MODIFIED} or change.state is None:
                ready.append(change)
                continue
            hearing.pulse()
            decided = self._decided(change, change.state, at=at, seconds=seconds)
            if isinstance(decided, Change):
                ready.append(decided)
            elif decided is not None:
                waiting[change.path], when = decided
                again.append(when)
        self._waiting = waiting
        return ready, min(again, default=None)

    def _decided(
        self, change: Change, state: State, *, at: int, seconds: float
    ) -> Change | tuple[Waiting, float] | None:
        """The change as it can be told; or what waits, and until when; None: there is no such file any more."""
        place = self.place
        asked = ask(place.folder, change.path, elsewhere=place.ground.devices)
        if asked is None:
            return None
        if asked.writers is not Writers.UNKNOWN and asked.state is not None:
            state = asked.state
        waiting = seen(self._waiting.get(change.path), state, seconds)
        match verdict(waiting, asked.writers, place.patience, at=seconds, wall_ns=at * 1000):
            case Verdict.WHOLE:
                return msgspec.structs.replace(change, state=state)
            case Verdict.STILL_WRITTEN:
                return msgspec.structs.replace(change, state=state, still_written=True)
            case Verdict.WAIT:
                return waiting, due(waiting, asked.writers, place.patience)

    def _tell(self, known: Known, changes: Sequence[Change], *, at: int, hearing: Hearing) -> None:
        """First the log, then the snapshot, in batches; whoever is killed in between reads the log."""
        if not changes:
            return
        number = self.place.number
        with visiting(self._log_url) as opened:
            with writing(self._engine) as connection:
                snapshots.begin_telling(connection, number, opened.last_id())
            for start in range(0, len(changes), BATCH_ROWS):
                batch = changes[start : start + BATCH_ROWS]
                told = self._append(opened, batch, at)
                done = start + len(batch)
                last = told[-1].callback_id if told else opened.last_id()
                with writing(self._engine) as connection:
                    snapshots.save(connection, number, batch, telling=last if done < len(changes) else None, at=at)
                snapshots.known_after(known.files, batch)
                hearing.told(told)

    def _append(self, opened: Log, changes: Sequence[Change], at: int) -> list[Told]:
        events = [event_of(self.place.folder.real, change) for change in changes]
        kept = [(event, row) for event in events if (row := self._row(event, at)) is not None]
        first = opened.write_batch([row for _, row in kept]) if kept else 0
        return [Told(first + place, event) for place, (event, _) in enumerate(kept)]

    def _row(self, event: dict[str, Any], at: int) -> Row | None:
        """The event as the log keeps it; None where a handler of somebody's own does not want it."""
        handler = self._handler
        request = Request("file", msgspec.json.encode(event), {}, WATCHER, at)
        try:
            if not handler.keeps(request):
                return None
            return row_of(handler, request, handler.identify(request), VOUCHED, PROVIDER)
        except ValidationError as error:
            log.warning("watch.event_refused", path=event["path"], error=str(error))
            return None

    def _note(self, found: Scan | None, trouble: str, *, at: int, seconds: float) -> None:
        what = trouble if found is None else f"{found.device}-{found.inode} {trouble}"
        if self._noted is not None and self._noted[0] == what and seconds - self._noted[1] < _NOTE_SECONDS:
            return
        with writing(self._engine) as connection:
            snapshots.note_scan(connection, self.place.number, found, trouble=trouble, at=at)
        self._noted = (what, seconds)


def _trouble(found: Scan) -> str:
    """Why the look was not whole; the first folder stands for the others."""
    if not found.unreadable:
        return ""
    path, why = min(found.unreadable.items())
    more = f" (and {len(found.unreadable) - 1} more)" if len(found.unreadable) > 1 else ""
    shown = path.decode(errors="replace")
    return f"{shown or 'the folder itself'} cannot be read{more}: {why}; what lies below counts as unchanged"
