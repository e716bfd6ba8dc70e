"""How rates, latencies and what waits look outside, by provider and of all together."""

from pydantic import Field

from app.engine.latency import Histogram, percentile_ms
from app.engine.meter import Window
from app.operate.shown import Shown
from app.operate.stats_shown import StatsShown


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


def _rate(count: int, window: Window) -> float:
    return round(count / window.seconds, 2)
