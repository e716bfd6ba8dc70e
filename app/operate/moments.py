"""Moments as people write them: ISO 8601, or how long ago. Pure."""

import re
from datetime import UTC, datetime

from app.core.errors import FieldError

_SECOND = 1_000_000
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"([0-9]{1,9})([smhdw])")


def moment_from(field: str, text: str, *, at: int) -> int:
    """`2h` (that long before `at`) or `2026-11-25T07:00:00Z` → microseconds UTC; a time without an offset is UTC.

    Raises FieldError.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0, at - int(ago[1]) * _UNITS[ago[2]] * _SECOND)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise FieldError(
            field, "must be how long ago (30m, 2h, 3d) or a time in ISO 8601, such as 2026-11-25T07:00:00Z"
        ) from None
    return max(0, (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds)


__all__ = ["moment_from"]
