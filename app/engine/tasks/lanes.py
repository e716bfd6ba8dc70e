"""How much room each lane has: tries under way, tries begun of late, and rests that a destination asked for."""

import math
from collections import deque
from collections.abc import Mapping

from app.engine.tasks import Circuit, Failure, Lane, Performer, Result

_SECOND = 1_000_000
#: How long failures of a destination are remembered where nothing is sent to it.
_REMEMBERED_US = 600 * _SECOND


class Lanes:
    """The lanes that are not empty; one process', one thread's."""

    def __init__(self, performers: Mapping[str, Performer], at_once: int) -> None:
        """`performers` by kind; those that are added later count at once. `at_once`: tries under way in all."""
        self._performers = performers
        self._at_once = at_once
        self._lanes: dict[Lane, _Lane] = {}
        self._kinds: dict[str, _Lane] = {}  # what all lanes of a kind share

    def begin(self, lane: Lane, at: int) -> None:
        """A try begins."""
        self._get(lane).begin(at)
        self._all(lane[0]).begin(at)

    def end(self, lane: Lane) -> None:
        """A try has ended."""
        self._get(lane).under_way -= 1
        self._all(lane[0]).under_way -= 1

    def heard(self, lane: Lane, result: Result, at: int) -> None:
        """Note how a try ended: a destination that fails again and again is left alone for a while."""
        # A final failure is an answer, and who asks for time is there.
        if not isinstance(result, Failure) or result.final:
            self._get(lane).answered()
        elif result.retry_after_seconds is None:
            self._get(lane).failed(at)

    def rest(self, lane: Lane, until: int) -> None:
        """Leave a lane alone until then."""
        self._get(lane).rest(until)

    def are_told(self, at: int) -> bool:
        """Whether a lane rests by its destination's own word."""
        return any(lane.told_until > at for lane in self._lanes.values())

    def forget_told(self) -> None:
        """Forget what destinations have asked for, to be told anew; what their failures say stays."""
        for lane in self._lanes.values():
            lane.told_until = 0

    def rest_all(self, kind: str, until: int) -> None:
        """Leave all destinations of a kind alone until then."""
        self._all(kind).rest(until)

    def room_in_all(self, at: int) -> dict[str, int]:
        """How many tries each kind may begin now in all: a service that hangs leaves the others their part."""
        part = max(1, self._at_once // max(1, len(self._performers)))
        return {kind: min(part - self._all(kind).under_way, self._all(kind).free(at)) for kind in self._performers}

    def room_of_kinds(self) -> dict[str, int]:
        """How many tries an empty lane of each kind may begin at once."""
        return {
            kind: min(performer.concurrency, _at_once(performer.rate_of("")))
            for kind, performer in self._performers.items()
        }

    def room(self, at: int) -> dict[Lane, int]:
        """How many tries each lane may begin now that may not begin what an empty one may; empty ones are forgotten."""
        self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.is_empty(at)}
        usual = self.room_of_kinds()
        return {name: free for name, lane in self._lanes.items() if (free := lane.free(at)) != usual[name[0]]}

    def opens_at(self, at: int) -> int | None:
        """When the next lane that time has closed opens (microseconds, UTC)."""
        closed = (*self._lanes.values(), *self._kinds.values())
        return min((time for lane in closed if (time := lane.opens_at(at)) is not None), default=None)

    def _all(self, kind: str) -> "_Lane":
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = _Lane(_ANY, self._performers[kind].rate_in_all_per_second, None)
        return found

    def _get(self, name: Lane) -> "_Lane":
        lane = self._lanes.get(name)
        if lane is None:
            performer = self._performers[name[0]]
            lane = self._lanes[name] = _Lane(performer.concurrency, performer.rate_of(name[1]), performer.circuit)
        return lane


class _Lane:
    """One destination of one kind."""

    def __init__(self, concurrency: int, rate_per_second: float | None, circuit: Circuit | None) -> None:
        self.under_way = 0
        self.told_until = 0  # by the destination's own word
        self._broken_until = 0
        self._circuit = circuit
        self._failures = 0  # in a row
        self._failed_at = 0
        self._concurrency = concurrency
        self._window_us = 0
        self._begun: deque[int] = deque(maxlen=0)
        if rate_per_second is not None:
            most = _at_once(rate_per_second)
            self._window_us = math.ceil(most / rate_per_second * _SECOND)
            self._begun = deque(maxlen=most)

    def begin(self, at: int) -> None:
        self.under_way += 1
        self._begun.append(at)

    @property
    def rests_until(self) -> int:
        return max(self.told_until, self._broken_until)

    def rest(self, until: int) -> None:
        self.told_until = max(self.told_until, until)

    def answered(self) -> None:
        self._failures = 0

    def failed(self, at: int) -> None:
        if self._circuit is None:
            return
        self._failures += 1
        self._failed_at = at
        if self._is_broken():
            doublings = min(self._failures - self._circuit.failures, 62)
            rest = min(self._circuit.cap_seconds, self._circuit.base_seconds * 2.0**doublings)
            self._broken_until = max(self._broken_until, at + int(rest * _SECOND))

    def free(self, at: int) -> int:
        if at < self.rests_until:
            return 0
        at_once = 1 if self._is_broken() else self._concurrency
        return max(0, min(at_once - self.under_way, self._free_by_rate(at)))

    def _is_broken(self) -> bool:
        return self._circuit is not None and self._failures >= self._circuit.failures

    def opens_at(self, at: int) -> int | None:
        opens = self.rests_until
        if self._window_us and self._free_by_rate(at) <= 0:
            opens = max(opens, self._begun[0] + self._window_us)
        return opens if opens > at else None

    def is_empty(self, at: int) -> bool:
        if self.under_way or self.rests_until > at or (self._failures and at < self._failed_at + _REMEMBERED_US):
            return False
        return not self._window_us or self._begun_of_late(at) == 0

    def _free_by_rate(self, at: int) -> int:
        return self._begun.maxlen - self._begun_of_late(at) if self._window_us and self._begun.maxlen else _ANY

    def _begun_of_late(self, at: int) -> int:
        if self._begun and self._begun[-1] > at:  # the clock went back: what it said before says nothing
            self._begun.clear()
        while self._begun and self._begun[0] + self._window_us <= at:
            self._begun.popleft()
        return len(self._begun)


_ANY = 1 << 30


def _at_once(rate_per_second: float | None) -> int:
    # In any window of this many tries' time no more than this many begin: exact, and whole seconds for whole rates.
    return _ANY if rate_per_second is None else max(1, int(rate_per_second))
