"""What was refused since the start, and a log line for refusals that nobody can flood."""

from typing import Any

from app.core.telemetry import get_logger

_UNKNOWN = "unknown"
_REASON_MAX = 64
_KEYS_MAX = 1000
_SAMPLE_US = 1_000_000

log = get_logger(__name__)


class Counters:
    """Plain numbers, written by the event loop's thread only.

    Their keys are bounded: names come from registered handlers (all others are `unknown`), reasons are cut, and what
    comes after a thousand different keys is counted under `other`.
    """

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str], int] = {}
        #: when the callback came that could not be written last (microseconds); 0: none since the start
        self.write_failed_at = 0
        self._told: dict[tuple[str, str], tuple[int, int]] = {}

    def refuse(self, provider: str, reason: str, *, at: int, **detail: Any) -> None:
        """One more was refused; at most one log line a second for each provider and reason says so.

        `reason` is a stable word; `detail` goes into the line, it holds no secrets.
        """
        key = (provider or _UNKNOWN, reason[:_REASON_MAX])
        if key not in self.refused and len(self.refused) >= _KEYS_MAX:
            key = ("other", "other")
        count = self.refused.get(key, 0) + 1
        self.refused[key] = count
        told_at, told_count = self._told.get(key, (at - _SAMPLE_US, 0))
        if at - told_at >= _SAMPLE_US or at < told_at:
            self._told[key] = (at, count)
            log.warning("receive.refused", provider=key[0], reason=key[1], times=count - told_count, **detail)
