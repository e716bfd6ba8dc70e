"""Whether it all adds up: statistics that survive restarts, and metrics."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from sqlalchemy import Connection, Engine, text

from app.core.database import reading, writing
from app.core.telemetry import METRICS, Metric
from app.engine.latency import BOUNDS, below, total_us
from app.engine.log import Log
from app.engine.meter import Tally
from app.engine.offsets import place_of
from app.engine.outcomes import REFUSED, count, refusal_keys
from app.engine.tallies import tallies_of
from app.operate.shown import (
    LagShown,
    StatsShown,
    time_text,
)

#: How far behind the worker is counted; beyond it the figure would cost more than it tells.
LAG_ROWS_MAX = 1_000
_SECOND = 1_000_000


def stats(
    engine: Engine, callbacks: Log, *, log_url: str, at: int, refused: Mapping[tuple[str, str], int]
) -> StatsShown:
    """Counts and what is open; `refused`: those of this process that are not kept yet, by (provider, reason)."""
    with reading(engine) as connection:
        tallies = tallies_of(connection)
        kept = tallies.refused
        place = place_of(connection, callbacks.epoch)
        behind = callbacks.read_after(place.offset, LAG_ROWS_MAX)
        accepted = Counter(tallies.decided())
        accepted.update(callback.provider for callback in behind)
        for key, number in refused.items():
            kept[key] += number
        return StatsShown(
            accepted=dict(sorted(accepted.items())),
            refused=_by_provider(kept),
            outcomes=tallies.by_outcome(),
            lag=LagShown(
                callbacks=len(behind),
                seconds=max(0.0, round((at - behind[0].received_at) / _SECOND, 3)) if behind else 0.0,
                moved_at=time_text(place.moved_at) if place.moved_at else None,
            ),
            waiting=_grouped(connection, "SELECT state, count(*) FROM callback_pending GROUP BY state"),
            dead_letters=_grouped(
                connection, "SELECT kind, count(*) FROM callback_dead WHERE closed_at IS NULL GROUP BY kind"
            ),
            alerts=_grouped(
                connection, "SELECT kind, count(*) FROM callback_alerts WHERE closed_at IS NULL GROUP BY kind"
            ),
            tasks=_grouped(
                connection,
                "SELECT state, count(*) FROM callback_tasks WHERE state IN ('ready', 'running') GROUP BY state",
            ),
            log_bytes=log_bytes(log_url),
        )


def _by_provider(refused: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    shown: dict[str, dict[str, int]] = {}
    for (provider, reason), number in sorted(refused.items()):
        shown.setdefault(provider, {})[reason] = number
    return shown


def _grouped(connection: Connection, statement: str) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(text(statement))}


def log_bytes(log_url: str) -> dict[str, int]:
    """Sizes of the log's file and of its write-ahead log; those that are not there are missing."""
    path = log_path(log_url)
    files = {"log": path, "wal": path.with_name(f"{path.name}-wal")}
    return {name: file.stat().st_size for name, file in files.items() if file.is_file()}


def log_path(log_url: str) -> Path:
    """Where an SQLite log lies."""
    return Path(log_url.partition("://")[2].removeprefix("/"))


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


def metrics(found: StatsShown, *, ready: bool, latencies: Mapping[str, Tally]) -> bytes:
    """The figures for Prometheus, in its text format; `latencies` by the metric's name."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(found, ready=ready, latencies=latencies))
    return generate_latest(registry)


class _Figures:
    """Figures as a collector of the Prometheus client."""

    def __init__(self, found: StatsShown, *, ready: bool, latencies: Mapping[str, Tally]) -> None:
        self.latencies = latencies
        outcomes: dict[tuple[str, ...], float] = {(word,): number for word, number in found.outcomes.items()}
        self.figures: dict[str, Mapping[tuple[str, ...], float]] = {
            "callbacks_accepted": _labelled(found.accepted),
            "callbacks_refused": {
                (provider, reason): number
                for provider, reasons in found.refused.items()
                for reason, number in reasons.items()
            },
            "callbacks_outcomes": outcomes,
            "callbacks_lag": {(): found.lag.callbacks},
            "callbacks_lag_seconds": {(): found.lag.seconds},
            "callbacks_waiting": _labelled(found.waiting),
            "callbacks_dead_letters": _labelled(found.dead_letters),
            "callbacks_alerts": _labelled(found.alerts),
            "callbacks_tasks": _labelled(found.tasks),
            "callbacks_log_bytes": _labelled(found.log_bytes),
            "callbacks_ready": {(): float(ready)},
        }

    def collect(self) -> Iterator[Family]:
        """Every metric of the page, in its order."""
        for metric in METRICS:
            if metric.kind == "histogram":
                yield self._histogram(metric)
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.meaning, labels=metric.labels)
            for labels, value in self.figures[metric.name].items():
                family.add_metric(list(labels), value)
            yield family

    def _histogram(self, metric: Metric) -> Family:
        family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for provider, histogram in sorted(self.latencies.get(metric.name, {}).items()):
            counts = zip(BOUNDS, below(histogram), strict=True)
            buckets = [(str(bound / _SECOND), count) for bound, count in counts]
            everything = ("+Inf", sum(histogram.values()))
            family.add_metric([provider], [*buckets, everything], total_us(histogram) / _SECOND)
        return family


def _labelled(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(word,): number for word, number in counts.items()}
