"""The counters that survive restarts, read: outcomes as they are today, refusals, and how long effects took to come."""

from collections import Counter
from typing import NamedTuple

from sqlalchemy import Connection

from app.engine.meter import Tally
from app.engine.outcomes import APPLIED_US, OUTCOME, REFUSED, driver


class Tallies(NamedTuple):
    """What the table of counters holds."""

    #: callbacks by provider and outcome
    outcomes: dict[str, dict[str, int]]
    #: requests by provider and reason
    refused: Counter[tuple[str, str]]
    #: by provider, how long callbacks waited until their effects were committed
    applied: Tally

    def decided(self) -> dict[str, int]:
        """How many callbacks of each provider have an outcome."""
        return {provider: sum(words.values()) for provider, words in self.outcomes.items()}

    def by_outcome(self) -> dict[str, int]:
        """How many callbacks have each outcome."""
        total: Counter[str] = Counter()
        for words in self.outcomes.values():
            total.update(words)
        return {word: number for word, number in sorted(total.items()) if number}


def tallies_of(connection: Connection) -> Tallies:
    """Read all of them: a row for each provider and word."""
    outcomes: dict[str, dict[str, int]] = {}
    refused: Counter[tuple[str, str]] = Counter()
    applied: dict[str, dict[int, int]] = {}
    for provider, name, value in driver(connection).execute("SELECT provider, name, value FROM callback_counters"):
        if name.startswith(OUTCOME):
            outcomes.setdefault(provider, {})[name.removeprefix(OUTCOME)] = value
        elif name.startswith(REFUSED):
            refused[provider, name.removeprefix(REFUSED)] = value
        elif name.startswith(APPLIED_US):
            applied.setdefault(provider, {})[int(name.removeprefix(APPLIED_US))] = value
    return Tallies(outcomes, refused, applied)
