"""`GET /callbacks/stats`: the counts that are always true, and beside them how fast it goes, by provider."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import Field
from sqlalchemy import Connection, Engine, text

from app.core.database import reading
from app.engine.callback import Callback
from app.engine.latency import Histogram, percentile_ms
from app.engine.log import Log
from app.engine.meter import Meter, Tally, Window
from app.engine.tallies import tallies_of
from app.operate.shown import Shown, time_text
from app.operate.stats import counted, stats
from app.operate.stats_shown import StatsShown

_SECOND = 1_000_000


class LatencyShown(Shown):
    """How long it took, in milliseconds; null where nothing happened. At most 6 % off."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, histogram: Histogram) -> "LatencyShown":
        """Of what was counted."""
        p50, p95, p99 = (percentile_ms(histogram, share) for share in (0.50, 0.95, 0.99))
        return cls(p50_ms=p50, p95_ms=p95, p99_ms=p99)


class PaceShown(Shown):
    """How fast it went in a while, as this server saw it since its start."""

    seconds: int = Field(description="What it covers: fewer than a minute or an hour shortly after the server's start.")
    accepted_per_second: float
    refused_per_second: float
    applied_per_second: float
    answered: LatencyShown = Field(description="From the request's end to its 200, of callbacks that were kept.")
    applied: LatencyShown = Field(description="From being received to the commit of its outcome and effects.")

    @classmethod
    def of(cls, window: Window) -> "PaceShown":
        """Of what was measured."""
        return cls(
            seconds=window.seconds,
            accepted_per_second=_rate(sum(window.answered.values()), window),
            refused_per_second=_rate(window.refused, window),
            applied_per_second=_rate(sum(window.applied.values()), window),
            answered=LatencyShown.of(window.answered),
            applied=LatencyShown.of(window.applied),
        )


class EachSecondShown(Shown):
    """Counts of each of the last sixty seconds, the oldest first."""

    accepted: list[int]
    refused: list[int]
    applied: list[int]


class BehindShown(Shown):
    """What of one provider is not decided yet."""

    callbacks: int = Field(description="Among the oldest thousand that wait.")
    seconds: float = Field(description="Age of the oldest of them.")


class ProviderShown(Shown):
    """One sender: counts since the beginning, what is open now, and how fast it goes."""

    accepted: int
    refused: dict[str, int] = Field(description="Requests refused at the door, by reason.")
    outcomes: dict[str, int] = Field(description="What became of its callbacks, as it is today.")
    dead_letters: dict[str, int] = Field(description="Open ones, by reason.")
    lag: BehindShown
    last_minute: PaceShown | None = Field(description="Null where no server measures.")
    last_hour: PaceShown | None
    each_second: EachSecondShown | None


class TrafficShown(StatsShown):
    """Counts since the beginning, true across restarts, and what is open now; rates and latencies of this server."""

    providers: dict[str, ProviderShown]
    measured_since: str | None = Field(description="When this server began to measure; null where none does.")
    last_minute: PaceShown | None = Field(description="Of all providers together.")
    last_hour: PaceShown | None


def traffic(
    engine: Engine,
    callbacks: Log,
    *,
    log_url: str,
    at: int,
    refused: Mapping[tuple[str, str], int],
    meter: Meter | None,
) -> TrafficShown:
    """Counts, what is open, rates and latencies. `refused` as in `stats`; `meter` of the server that is asked."""
    with reading(engine) as connection:
        read = counted(connection, callbacks)
        found = stats(connection, read, log_url=log_url, at=at, refused=refused)
        dead = _dead_letters(connection)
    outcomes, lags = read.tallies.outcomes, _lags(read.behind, at)
    measured = meter.providers() if meter is not None else set()
    names = sorted({*found.accepted, *found.refused, *dead, *lags, *measured})
    return TrafficShown(
        **found.model_dump(),
        providers={
            name: ProviderShown(
                accepted=found.accepted.get(name, 0),
                refused=found.refused.get(name, {}),
                outcomes={word: number for word, number in sorted(outcomes.get(name, {}).items()) if number},
                dead_letters=dead.get(name, {}),
                lag=lags.get(name, BehindShown(callbacks=0, seconds=0.0)),
                last_minute=_minute(meter, at, [name]),
                last_hour=_hour(meter, at, [name]),
                each_second=_each_second(meter, at, name),
            )
            for name in names
        },
        measured_since=time_text(meter.since) if meter is not None else None,
        last_minute=_minute(meter, at, names),
        last_hour=_hour(meter, at, names),
    )


def latencies(engine: Engine, meter: Meter | None) -> dict[str, Tally]:
    """How long it took since the beginning, by the name of the metric and by provider."""
    with reading(engine) as connection:
        applied = tallies_of(connection).applied
    return {
        "callbacks_answer_seconds": meter.totals if meter is not None else {},
        "callbacks_apply_seconds": applied,
    }


def _minute(meter: Meter | None, at: int, names: Sequence[str]) -> PaceShown | None:
    return PaceShown.of(meter.minute(at, names)) if meter is not None else None


def _hour(meter: Meter | None, at: int, names: Sequence[str]) -> PaceShown | None:
    return PaceShown.of(meter.hour(at, names)) if meter is not None else None


def _each_second(meter: Meter | None, at: int, name: str) -> EachSecondShown | None:
    if meter is None:
        return None
    found = meter.each_second(at, name)
    return EachSecondShown(accepted=found.accepted, refused=found.refused, applied=found.applied)


def _rate(count: int, window: Window) -> float:
    return round(count / window.seconds, 2)


def _dead_letters(connection: Connection) -> dict[str, dict[str, int]]:
    """Open ones by provider and reason; a task that belongs to no callback is counted under where it went."""
    rows = connection.execute(
        text(
            "SELECT coalesce(o.provider, t.destination, ''), d.reason, count(*) FROM callback_dead AS d"
            " LEFT JOIN callback_tasks AS t ON d.kind = 'task' AND t.id = d.ref"
            " LEFT JOIN callback_outcomes AS o"
            " ON o.callback_id = CASE d.kind WHEN 'task' THEN t.callback_id ELSE d.ref END"
            " WHERE d.closed_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
        )
    )
    found: dict[str, dict[str, int]] = {}
    for provider, reason, number in rows:
        found.setdefault(provider, {})[reason] = number
    return found


def _lags(behind: Sequence[Callback], at: int) -> dict[str, BehindShown]:
    waiting = Counter(callback.provider for callback in behind)
    oldest = {callback.provider: callback.received_at for callback in reversed(behind)}
    return {
        name: BehindShown(callbacks=number, seconds=max(0.0, round((at - oldest[name]) / _SECOND, 3)))
        for name, number in waiting.items()
    }
