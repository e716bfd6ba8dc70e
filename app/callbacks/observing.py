"""What a server does beside answering: it measures each second, and every few seconds looks for trouble that creeps.

The event loop only adds up; whatever reads a file runs in a thread.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping

from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine, reading
from app.core.telemetry import get_logger
from app.engine.log import visiting
from app.engine.log.place import log_path
from app.engine.meter import Tally
from app.engine.reception import Reception
from app.engine.tallies import tallies_of
from app.operate.watch import Watch

_MEASURE_SECONDS = 1.0
_LOOK_SECONDS = 5.0
_QUIET_SECONDS = 60.0

log = get_logger(__name__)


class Observer:
    """Beside one application: its reception is there from the first callback on."""

    def __init__(self, reception: Callable[[], Reception | None]) -> None:
        """`reception` finds it; None where there is none yet."""
        self._reception = reception
        self._watch: Watch | None = None
        self._look_due = 0.0
        self._quiet_until = 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(_MEASURE_SECONDS)
            reception = self._reception()
            if reception is None:
                continue
            refused = dict(reception.counters.refused)
            try:
                applied = await asyncio.to_thread(self._read, refused)
            except Exception as error:  # noqa: BLE001 - the state or the log is in trouble, which readiness tells
                self._complain(error)
                continue
            reception.meter.sample(now_us(), refused=_by_provider(refused), applied=applied)

    def _read(self, refused: Mapping[tuple[str, str], int]) -> Tally:
        engine, seconds = get_engine(), time.monotonic()
        with reading(engine) as connection:
            applied = tallies_of(connection).applied
        if seconds >= self._look_due:
            self._look_due = seconds + _LOOK_SECONDS
            self._watch = self._watch or Watch(engine)
            self._look(self._watch, refused, seconds)
        return applied

    @staticmethod
    def _look(watch: Watch, refused: Mapping[tuple[str, str], int], seconds: float) -> None:
        url = get_settings().callback_log_url
        if not log_path(url).is_file():  # else looking would make it
            watch.look(None, refused, at=now_us(), seconds=seconds)
            return
        with visiting(url) as opened:
            watch.look(opened, refused, at=now_us(), seconds=seconds)

    def _complain(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            log.warning("not_observed", error=str(error).partition("\n")[0])


def _by_provider(refused: Mapping[tuple[str, str], int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (provider, _), number in refused.items():
        found[provider] += number
    return dict(found)
