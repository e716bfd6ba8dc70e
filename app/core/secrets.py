"""Secrets as they stand in a setting: several side by side while one is exchanged, the old one with its end.

`NEW, OLD;until=2026-12-31`: both prove a sender until that day (UTC) is over, then the old one fits nothing. A date
counts to its end; an ISO time, of UTC where it names no zone, is the first moment at which the secret no longer fits.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

import msgspec
from pydantic import SecretStr

from app.core.clock import now_us

#: What a setting holds.
Setting: TypeAlias = SecretStr | str | None

_UNTIL = re.compile(r";\s*until\s*=(.*)\Z", re.DOTALL)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_BLANK = " \t\r\n"
_END_REFUSED = "the end of a secret is a date or an ISO time in UTC, such as ;until=2026-12-31"


class Secret(msgspec.Struct, frozen=True):
    """One secret; `until` (microseconds, UTC) is the moment from which it no longer fits, None: it has no end."""

    text: bytes
    until: int | None = None

    def fits(self, at: int) -> bool:
        """Whether it proves anybody at this time."""
        return self.until is None or at < self.until


class Secrets:
    """The secrets of one setting; true when there is any, whether or not it has ended."""

    __slots__ = ("always", "each")

    def __init__(self, setting: Setting) -> None:
        """Raises ValueError for an end that is none; its text names no secret."""
        self.each = tuple(_read(text_of(setting)))
        #: all of them where none has an end, else (): what has no end costs no look at the clock
        self.always = () if any(s.until is not None for s in self.each) else tuple(s.text for s in self.each)

    def __bool__(self) -> bool:
        return bool(self.each)

    def at(self, at: int) -> tuple[bytes, ...]:
        """Their texts, in their order; of one that has ended b"", which fits nothing, so that numbers stay."""
        return self.always or tuple(secret.text if secret.fits(at) else b"" for secret in self.each)


def text_of(setting: Setting) -> str:
    """The setting's text, "" where there is none."""
    return setting.get_secret_value() if isinstance(setting, SecretStr) else setting or ""


def secrets_of(setting: Setting, at: int | None = None) -> tuple[bytes, ...]:
    """What may prove a sender at this time (microseconds; by default now): () is *not configured*.

    Empty and blank ones are left out, never a secret; one that has ended is b"", which fits nothing: a sender whose
    only secret has ended is refused, not taken unverified. Raises ValueError for an end that is none.
    """
    secrets = Secrets(setting)
    return secrets.always or secrets.at(now_us() if at is None else at)


def usable_secrets(setting: Setting) -> tuple[bytes, ...]:
    """Those that have not ended: what we sign and ask with ourselves. Raises ValueError like `secrets_of`."""
    return tuple(secret for secret in secrets_of(setting) if secret)


def parts_of(setting: Setting) -> tuple[str, ...]:
    """The secrets' texts without their ends, whatever these say: for hiding them."""
    return tuple(text for text, _ in _parts(text_of(setting)) if text)


def _read(text: str) -> Iterator[Secret]:
    for secret, end in _parts(text):
        if secret:
            # What the environment holds beside UTF-8 keeps its bytes; the doctor tells of it.
            yield Secret(secret.encode(errors="surrogateescape"), None if end is None else end_of(end))


def _parts(text: str) -> Iterator[tuple[str, str | None]]:
    """Each secret between commas, and what stands behind its `;until=`. A JSON object (a JWK) is one secret."""
    start = 0
    while start < len(text):
        middle = _end_of_object(text, start)
        comma = text.find(",", middle)
        comma = len(text) if comma < 0 else comma
        found = _UNTIL.search(text, middle, comma)
        yield text[start : found.start() if found else comma].strip(), found[1].strip() if found else None
        start = comma + 1


def _end_of_object(text: str, start: int) -> int:
    """Where a JSON object that begins here ends; `start` where none does."""
    begin = next((place for place in range(start, len(text)) if text[place] not in _BLANK), start)
    if not text.startswith("{", begin):
        return start
    try:
        return json.JSONDecoder().raw_decode(text, begin)[1]
    except (ValueError, RecursionError):  # a secret that begins with a brace is a secret like any other
        return start


def end_of(text: str) -> int:
    """`2026-12-31` or an ISO time → the first moment at which it is over, microseconds UTC. Raises ValueError."""
    try:
        if _DATE.fullmatch(text):
            moment = datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), UTC)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1_000_000
    except (ValueError, OverflowError):
        raise ValueError(_END_REFUSED) from None
