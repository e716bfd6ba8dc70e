"""Whether something happens much more often than before: counts by name, minute by minute, for an hour.

Pure: the minute is an argument.
"""

from typing import NamedTuple

RECENT_MINUTES = 5
_BEFORE_MINUTES = 60
_FLOOR = 20  # fewer within five minutes are no matter: a person who tries something out
_TIMES = 3
_OVER_BELOW = 10
_OVER_TIMES = 1.5


class Trend(NamedTuple):
    """How often in the last minutes, and in the hour before those."""

    recent: int
    before: int

    def rises(self) -> bool:
        """Whether that is worth a person's attention."""
        return self.recent >= _FLOOR and self.recent > _TIMES * _share(self.before)

    def is_over(self, before_it_rose: int) -> bool:
        """Whether it fell back to what it was: to less than what made it rise, lest it come and go."""
        return self.recent < _OVER_BELOW or self.recent <= _OVER_TIMES * _share(before_it_rose)


def _share(before: int) -> float:
    """What of the hour before falls to as many minutes as are recent."""
    return before * RECENT_MINUTES / _BEFORE_MINUTES


class Trends:
    """Counts by name; names are bounded by whoever counts."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self._minutes: dict[str, dict[int, int]] = {}

    def note(self, minute: int, name: str, more: int) -> None:
        """It happened so many times more in this minute (since 1970)."""
        counts = self._minutes.setdefault(name, {})
        counts[minute] = counts.get(minute, 0) + more
        for old in [each for each in counts if each <= minute - RECENT_MINUTES - _BEFORE_MINUTES]:
            del counts[old]

    def names(self) -> list[str]:
        """Whatever happened within the hour."""
        return sorted(self._minutes)

    def of(self, minute: int, name: str) -> Trend:
        """How it stands at this minute."""
        counts = self._minutes.get(name, {})
        edge = minute - RECENT_MINUTES
        return Trend(
            sum(count for each, count in counts.items() if edge < each <= minute),
            sum(count for each, count in counts.items() if edge - _BEFORE_MINUTES < each <= edge),
        )
