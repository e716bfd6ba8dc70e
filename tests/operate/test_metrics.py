from app.core.telemetry import METRICS
from app.operate.metrics import metrics_page
from app.operate.stats_shown import LagShown, StatsShown


def test_hostile_label_values_stay_inside_their_quotation_marks() -> None:
    nothing = StatsShown(
        accepted={'a"} 1\nevil{x="': 1},
        refused={},
        outcomes={},
        lag=LagShown(callbacks=0, seconds=0),
        waiting={},
        dead_letters={},
        alerts={},
        tasks={},
        log_bytes={},
    )
    lines = (
        metrics_page(nothing, ready=False, latencies={"callbacks_answer_seconds": {'a"} 1\nevil{x="': {9: 1}}})
        .decode()
        .splitlines()
    )
    names = {metric.name for metric in METRICS}
    assert all(line.startswith(("# HELP ", "# TYPE ", *names)) for line in lines)
