"""What a server refuses at the door, kept so that the counts survive its end."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine

from app.core.database import writing
from app.engine.outcomes import REFUSED, count, refusal_keys

#: A handler that makes up reasons fills neither the table nor a scrape, however often the server starts.
_REFUSAL_KEYS_MAX = 1000


class RefusalKeeper:
    """Adds what one server refused to the counters that survive its end."""

    def __init__(self, engine: Engine, refused: Mapping[tuple[str, str], int]) -> None:
        """`refused` by (provider, reason), counted on by the server."""
        self._engine = engine
        self._refused = refused
        self._kept: Counter[tuple[str, str]] = Counter()

    def unkept(self) -> dict[tuple[str, str], int]:
        """What was counted and not kept yet."""
        return {
            key: number - self._kept[key] for key, number in list(self._refused.items()) if number > self._kept[key]
        }

    def keep(self) -> None:
        """Write what is new."""
        more = self.unkept()
        if more:
            with writing(self._engine) as connection:
                kept = refusal_keys(connection)
                bounded: Counter[tuple[str, str]] = Counter()
                for (provider, reason), number in more.items():
                    key = (provider, REFUSED + reason)
                    if key not in kept and len(kept) >= _REFUSAL_KEYS_MAX:
                        key = ("other", REFUSED + "other")
                    kept.add(key)
                    bounded[key] += number
                count(connection, bounded)
            self._kept.update(more)
