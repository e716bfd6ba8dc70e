"""`GET /metrics`: the same counts as `GET /callbacks/stats`, and histograms, in Prometheus' text format. Pure."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from app.core.telemetry import METRICS, Metric
from app.engine.latency import BOUNDS, below, total_us
from app.engine.meter import Tally
from app.operate.stats_shown import StatsShown

_SECOND = 1_000_000


def metrics_page(found: StatsShown, *, ready: bool, latencies: Mapping[str, Tally]) -> bytes:
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
