"""What goes wrong over time and no callback tells of: looked at now and then by the server, an alert row for each.

One open row a kind and subject; it is closed by itself when the trouble is over. Nothing is written while nothing
changes, and what is looked at each time is bounded.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import Connection, Engine, text

from app.core.database import reading, writing
from app.core.money import format_amount
from app.engine.log import Log
from app.engine.offsets import place_of
from app.engine.outcomes import Alert, raise_alerts, settle_alerts
from app.engine.trend import RECENT_MINUTES, Trends
from app.ledger.sampling import sample, still_wrong
from app.operate.shown import time_text

#: A worker decides a batch in a tenth of a second, and is started again within a few seconds.
STILL_SECONDS = 10.0
_LEDGER_EVERY_SECONDS = 30.0
_LEDGER_ALERTS_MAX = 20
_MINUTE = 60_000_000
_LOG = "log"
_BY = "callbacks"  # who closes what is over

_STANDS, _RISES, _UNBALANCED = "partition_stands_still", "signature_failures_rising", "ledger_out_of_balance"

#: Why a request was refused whose sender nothing proves.
UNPROVED = frozenset(
    {
        "not_verified",
        "signature_missing",
        "signature_malformed",
        "signature_wrong",
        "timestamp_out_of_range",
        "token_missing",
        "token_wrong",
    }
)


class Seen(NamedTuple):
    """Where the worker stood when it was first seen there with callbacks waiting."""

    epoch: str
    offset: int
    seconds: float  # the monotonic clock then


class Look(NamedTuple):
    """What one look found: rows to open, and rows to close, by kind and subject."""

    raised: list[Alert]
    settled: list[tuple[str, str]]


#: The details of the alerts of these kinds that are open, by kind and subject.
Open: TypeAlias = Mapping[tuple[str, str], Mapping[str, Any]]


class Watch:
    """Remembers what one server saw, so that it can tell what changed."""

    def __init__(self, engine: Engine) -> None:
        """Alerts are written to this state."""
        self._engine = engine
        self._seen: Seen | None = None
        self._trends = Trends()
        self._unproved: Counter[str] = Counter()
        self._began: int | None = None
        self._ledger_due = 0.0
        self._account_no = 0

    def look(self, log: Log | None, refused: Mapping[tuple[str, str], int], *, at: int, seconds: float) -> None:
        """Look once. `refused` counts since the server's start; `seconds` of a clock that nobody sets.

        `log` is None where there is none yet: then nothing waits.
        """
        with reading(self._engine) as connection:
            open_ones = _open(connection)
            found = [
                self._worker(connection, log, open_ones, seconds),
                self._signatures(refused, open_ones, at),
                self._ledger(connection, open_ones, seconds),
            ]
        raised = [alert for look in found for alert in look.raised]
        settled = [row for look in found for row in look.settled]
        if raised or settled:
            with writing(self._engine) as connection:
                raise_alerts(connection, raised, at=at)
                settle_alerts(connection, settled, by=_BY, at=at)

    def _worker(self, connection: Connection, log: Log | None, known: Open, seconds: float) -> Look:
        told = known.get((_STANDS, _LOG))
        offset = place_of(connection, log.epoch).offset if log is not None else 0
        first = log.read_after(offset, 1) if log is not None else []
        if log is None or not first:
            self._seen = None
            return Look([], [(_STANDS, _LOG)] if told is not None else [])
        if self._seen is None or (self._seen.epoch, self._seen.offset) != (log.epoch, offset):
            self._seen = Seen(log.epoch, offset, seconds)
        if told is not None:
            return Look([], [(_STANDS, _LOG)] if told.get("offset") != str(offset) else [])
        if seconds - self._seen.seconds < STILL_SECONDS:
            return Look([], [])
        detail = {"offset": str(offset), "waiting_since": time_text(first[0].received_at)}
        return Look([Alert("partition_stands_still", _LOG, detail)], [])

    def _signatures(self, refused: Mapping[tuple[str, str], int], known: Open, at: int) -> Look:
        minute = at // _MINUTE
        self._began = minute if self._began is None else self._began
        counts: Counter[str] = Counter()
        for (provider, reason), number in refused.items():
            if reason in UNPROVED:
                counts[provider] += number
        for provider, number in counts.items():
            if number > self._unproved[provider]:
                self._trends.note(minute, provider, number - self._unproved[provider])
        self._unproved = counts
        raised, settled = [], []
        for provider in self._trends.names():
            trend, subject = self._trends.of(minute, provider), f"provider:{provider}"
            if (_RISES, subject) not in known and trend.rises():
                detail = {"recent": trend.recent, "before": trend.before, "minutes": RECENT_MINUTES}
                raised.append(Alert("signature_failures_rising", subject, detail))
        if minute - self._began >= RECENT_MINUTES:  # before, this server does not know what there was
            for kind, subject in known:
                trend = self._trends.of(minute, subject.partition(":")[2])
                if kind == _RISES and trend.is_over(int(known[kind, subject].get("before", 0))):
                    settled.append((kind, subject))
        return Look(raised, settled)

    def _ledger(self, connection: Connection, known: Open, seconds: float) -> Look:
        if seconds < self._ledger_due:
            return Look([], [])
        self._ledger_due = seconds + _LEDGER_EVERY_SECONDS
        open_ones = {subject for kind, subject in known if kind == _UNBALANCED}
        wrong, self._account_no = sample(connection, self._account_no)
        raised = [
            Alert(
                "ledger_out_of_balance",
                each.subject,
                {"what": each.subject, "expected": format_amount(each.expected), "found": format_amount(each.found)},
            )
            for each in wrong
            if each.subject not in open_ones
        ]
        settled = open_ones - still_wrong(connection, open_ones)
        room = max(0, _LEDGER_ALERTS_MAX - len(open_ones))
        return Look(raised[:room], [(_UNBALANCED, subject) for subject in sorted(settled)])


def _open(connection: Connection) -> Open:
    rows = connection.execute(
        text(
            "SELECT kind, subject, detail FROM callback_alerts"
            f" WHERE closed_at IS NULL AND kind IN ('{_STANDS}', '{_RISES}', '{_UNBALANCED}')"
        )
    )
    return {(kind, subject): orjson.loads(detail) if detail else {} for kind, subject, detail in rows}
