"""`callbacks tail`: callbacks as they come, each once, in the log's order, with what became of it.

A callback is held back until it is decided. Nobody waits for ever: where the worker stands still, it is shown as not
decided after a moment; where an outcome is looked for, it goes on waiting, because it may become just that.
"""

from collections import deque
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from app.core.database import reading
from app.core.language import Lang
from app.engine.callback import Callback
from app.engine.log import Log
from app.operate import candidates
from app.operate.callbacks_shown import CallbackLine
from app.operate.candidates import Candidate, Search
from app.operate.fitting import Fitting
from app.operate.outcomes import OutcomeRow, outcomes_of
from app.operate.search import lines

#: How long a callback is waited for while the worker does not move, in microseconds.
PATIENCE = 2_000_000
_HELD_MAX = 500


class _Held(NamedTuple):
    callback: Callback
    came_after: int  # the step before it was read, if that came to the log's end; else an earlier one


class Tail:
    """Where one reader stands in the log. `step` is called again and again, with a clock that never goes back."""

    def __init__(self, engine: Engine, log: Log, search: Search, *, since: int | None, at: int, lang: Lang) -> None:
        """Goes on after the callback `since`; None: after the newest. Raises LogUnavailable."""
        self._engine = engine
        self._log = log
        self._search = search
        self._lang = lang
        self._read = log.last_id() if since is None else since
        self._done = self._read
        self._held: deque[_Held] = deque()
        self._at_end = self._moved = at
        self._reached = -1
        self._epoch = log.epoch

    @property
    def place(self) -> int:
        """The last callback that was shown or did not fit: one who goes on after it misses nothing."""
        return self._done

    def log_changed(self) -> bool:
        """Whether another log stands in the place of the one read so far; True once for each."""
        changed = self._log.epoch != self._epoch
        self._epoch = self._log.epoch
        return changed

    def step(self, at: int) -> list[CallbackLine]:
        """What can be shown now, oldest first. Raises LogUnavailable or what the state says; nothing is lost then."""
        self._read_on(at)
        if not self._held:
            return []
        with reading(self._engine) as connection:
            ready = self._ready(connection, at)
            fitting = Fitting(connection, self._log, self._search)
            shown = lines(connection, fitting.keep(ready), lang=self._lang)
        for _ in ready:
            self._done = self._held.popleft().callback.id
        return shown

    def _read_on(self, at: int) -> None:
        room = _HELD_MAX - len(self._held)
        page = self._log.read_after(self._read, room) if room else []
        self._held.extend(_Held(callback, self._at_end) for callback in page)
        if page:
            self._read = page[-1].id
        elif room:
            self._at_end = at

    def _ready(self, connection: Connection, at: int) -> list[Candidate]:
        """The first of those held, up to one that is to be waited for."""
        reached = candidates.reached(connection)
        if reached != self._reached:
            self._reached, self._moved = reached, at
        known = outcomes_of(connection, [held.callback.id for held in self._held])
        ready = []
        for held in self._held:
            outcome = known.get(held.callback.id)
            if outcome is None and self._is_waited_for(held, at):
                break
            ready.append(_candidate(held.callback, outcome))
        return ready

    def _is_waited_for(self, held: _Held, at: int) -> bool:
        if held.callback.id <= self._reached:
            return False  # the worker is past it: of another log, or lost with one
        return bool(self._search.outcome) or at - max(self._moved, held.came_after) < PATIENCE


def _candidate(callback: Callback, outcome: OutcomeRow | None) -> Candidate:
    return Candidate(callback.id, callback.provider, callback.received_at, callback, outcome)
