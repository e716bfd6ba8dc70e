"""What passes through a server, second by second for a minute and minute by minute for an hour: rates and latencies.

Pure: the time is an argument. The hot path adds a commit group at a time; what is older than a second is never changed
again, only replaced, so that other threads may read it without a lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from app.engine.callback import Callback, Row
from app.engine.latency import Histogram, bucket, fill, merged

_SECOND = 1_000_000
_SLOTS = 60
_RING = _SLOTS + 2  # one that is being filled, and one that a reader may just be leaving
_PROVIDER: Final = 1  # columns of a row
_RECEIVED_AT: Final = 5

#: By provider.
Tally: TypeAlias = Mapping[str, Histogram]


class Window(msgspec.Struct, frozen=True):
    """What happened in the last minute or hour; `seconds` that are covered, fewer shortly after the start."""

    seconds: int
    answered: Histogram
    refused: int
    applied: Histogram


class EachSecond(msgspec.Struct, frozen=True):
    """Counts for each of the last sixty seconds that are over, the oldest first."""

    accepted: list[int]
    refused: list[int]
    applied: list[int]


class Track:
    """Histograms by provider, for each of the last seconds and minutes."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self._seconds: list[tuple[int, Tally]] = [(-1, {})] * _RING
        self._minutes: list[tuple[int, Tally]] = [(-1, {})] * _RING

    def add(self, second: int, more: Tally) -> None:
        """Count what happened in this second (since 1970)."""
        for ring, number in ((self._seconds, second), (self._minutes, second // 60)):
            there, tally = ring[number % _RING]
            ring[number % _RING] = (number, _together(tally, more) if there == number else more)

    def minute(self, second: int, providers: Iterable[str]) -> Histogram:
        """The sixty seconds before this one."""
        return _of(self._seconds, second - _SLOTS, second, providers)

    def hour(self, second: int, providers: Iterable[str]) -> Histogram:
        """This minute and the 59 before it."""
        return _of(self._minutes, second // 60 - _SLOTS + 1, second // 60 + 1, providers)

    def each_second(self, second: int, provider: str) -> list[int]:
        """How many there were in each of the sixty seconds before this one."""
        found = dict(list(self._seconds))
        return [sum(found.get(number, {}).get(provider, {}).values()) for number in range(second - _SLOTS, second)]

    def providers(self) -> set[str]:
        """Whoever something happened to within the hour."""
        return {provider for _, tally in list(self._minutes) for provider in tally}


class Meter:
    """One a server. Everything but reading happens in its event loop's thread."""

    def __init__(self, *, at: int) -> None:
        """`at`: measuring begins."""
        self.since = at
        #: answered since the start, by provider
        self.totals: Tally = {}
        self._answered, self._refused, self._applied = Track(), Track(), Track()
        self._second = at // _SECOND
        self._now: dict[str, dict[int, int]] = {}
        self._refused_before: Mapping[str, int] = {}
        self._applied_before: Tally | None = None

    def kept(self, rows: Sequence[Row], at: int) -> None:
        """A commit group of the log was answered.

        Measured: 0.4 µs for a group of one, 2 to 8 µs for one of 64.
        """
        second = at // _SECOND
        if second != self._second:
            self._turn(second)
        if len(rows) == 1:
            row = rows[0]
            counts = self._counts(row[_PROVIDER])
            number = bucket(at - row[_RECEIVED_AT])
            counts[number] = counts.get(number, 0) + 1
            return
        providers = {row[_PROVIDER] for row in rows}
        slowest = bucket(at - rows[0][_RECEIVED_AT])
        if len(providers) == 1 and slowest == bucket(at - rows[-1][_RECEIVED_AT]):  # nearly always
            counts = self._counts(rows[0][_PROVIDER])
            counts[slowest] = counts.get(slowest, 0) + len(rows)
            return
        for provider in providers:
            of_it = rows if len(providers) == 1 else [row for row in rows if row[_PROVIDER] == provider]
            fill(self._counts(provider), [row[_RECEIVED_AT] for row in of_it], at)

    def _counts(self, provider: str) -> dict[int, int]:
        found = self._now.get(provider)
        if found is None:
            found = self._now[provider] = {}
        return found

    def _turn(self, second: int) -> None:
        if self._now:
            self._answered.add(self._second, self._now)
            self.totals = _together(self.totals, self._now)
            self._now = {}
        self._second = second

    def sample(self, at: int, *, refused: Mapping[str, int], applied: Tally) -> None:
        """Note how far the counts are that others keep: refusals of this server, and what workers have applied ever."""
        second = at // _SECOND
        if second != self._second:
            self._turn(second)
        more = {name: {0: number - self._refused_before.get(name, 0)} for name, number in refused.items()}
        self._refused.add(second, {name: counts for name, counts in more.items() if counts[0] > 0})
        self._refused_before = dict(refused)
        if self._applied_before is not None:  # what was applied before we looked first is of no second that we know
            self._applied.add(second, _difference(self._applied_before, applied))
        self._applied_before = applied

    def minute(self, at: int, providers: Sequence[str]) -> Window:
        """The last sixty seconds that are over."""
        second = at // _SECOND
        seconds = max(1, min(_SLOTS, second - self.since // _SECOND))
        return Window(
            seconds,
            self._answered.minute(second, providers),
            sum(self._refused.minute(second, providers).values()),
            self._applied.minute(second, providers),
        )

    def hour(self, at: int, providers: Sequence[str]) -> Window:
        """The last hour, of which the first minute is the one that is left."""
        second = at // _SECOND
        seconds = max(1, min((_SLOTS - 1) * 60 + second % 60, second - self.since // _SECOND))
        return Window(
            seconds,
            self._answered.hour(second, providers),
            sum(self._refused.hour(second, providers).values()),
            self._applied.hour(second, providers),
        )

    def each_second(self, at: int, provider: str) -> EachSecond:
        """Second by second over the last minute."""
        tracks = (self._answered, self._refused, self._applied)
        return EachSecond(*(track.each_second(at // _SECOND, provider) for track in tracks))

    def providers(self) -> set[str]:
        """Whoever something happened to within the hour."""
        return self._answered.providers() | self._refused.providers() | self._applied.providers()


class AppliedMeter:
    """How long callbacks waited until their effects were committed, until somebody writes it down; one a worker."""

    def __init__(self) -> None:
        """Nothing was applied."""
        self.counts: dict[str, dict[int, int]] = {}

    def add(self, callbacks: Sequence[Callback], at: int) -> None:
        """A batch was committed."""
        began: dict[str, list[int]] = {}
        for callback in callbacks:
            began.setdefault(callback.provider, []).append(callback.received_at)
        for provider, moments in began.items():
            fill(self.counts.setdefault(provider, {}), moments, at)


def _of(ring: list[tuple[int, Tally]], first: int, after: int, providers: Iterable[str]) -> Histogram:
    tallies = [tally for number, tally in list(ring) if first <= number < after]
    return merged(tally[provider] for provider in providers for tally in tallies if provider in tally)


def _together(tally: Tally, more: Tally) -> Tally:
    return {name: merged((tally.get(name, {}), more.get(name, {}))) for name in {*tally, *more}}


def _difference(before: Tally, after: Tally) -> Tally:
    found: dict[str, Histogram] = {}
    for name, counts in after.items():
        known = before.get(name, {})
        more = {number: count - known.get(number, 0) for number, count in counts.items()}
        if grown := {number: count for number, count in more.items() if count > 0}:
            found[name] = grown
    return found
