"""What a run found, for people (a table), for programs (JSON) and for the eye (a chart)."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import msgspec
from matplotlib import pyplot as plt
from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.measure import Row
from bench.slow_lane import SlowLane
from bench.slow_lane import show as show_slow_lane

_QUIET_CORES = 0.2


class Report(msgspec.Struct, frozen=True):
    """Everything that is kept of one run."""

    machine: Machine
    quick: bool
    rows: list[Row]
    ratios: dict[str, float]
    slow_lane: SlowLane | None = None


def ratios(rows: Sequence[Row], compared: Sequence[tuple[str, str]]) -> dict[str, float]:
    """How many times as fast ours is as the peer beside it, under the same load; `compared`: names of ours and a peer.

    Compared is what both promise: applied/s where effects are, else accepted/s.
    """
    found: dict[str, float] = {}
    for name, other in compared:
        for row in (row for row in rows if row.system == name):
            peer = next((peer for peer in rows if peer.system == other and peer.load == row.load), None)
            if peer is not None:
                found[f"{name} / {other} ({row.load})"] = round(_speed(row) / max(_speed(peer), 1e-9), 1)
    return found


def _speed(row: Row) -> float:
    return row.accepted_per_second if row.applied_per_second is None else row.applied_per_second


def show(report: Report, console: Console) -> None:
    """Print the table, what each system does, the ratios, and what was checked."""
    console.print(_table(report))
    for name, does in {row.system: row.does for row in report.rows}.items():
        console.print(f"[bold]{name}[/]: {does}")
    for name, ratio in report.ratios.items():
        console.print(f"{name}: [bold]{ratio} x[/]")
    if report.slow_lane is not None:
        show_slow_lane(report.slow_lane, console)
    if any(row.others_cores > _QUIET_CORES for row in report.rows):
        console.print(
            "[yellow]the machine was busy with other work: rates are too low, CPU a callback is a little too high[/]"
        )
    wrong = [f"{row.system}, {row.load}: {sentence}" for row in report.rows for sentence in row.wrong]
    for sentence in wrong:
        console.print(f"[red]wrong[/] {sentence}")
    if not wrong:
        console.print("[green]checked[/] after every load: each 200 is kept, and has its effect, exactly once")


def _table(report: Report) -> Table:
    machine = report.machine
    table = Table(
        title=f"{machine.cores} cores {machine.cpu}, {machine.memory_gib} GiB, {machine.system}, {machine.filesystem}, "
        f"Python {machine.python}, SQLite {machine.sqlite_log} (log) and {machine.sqlite_state} (state), {machine.date}"
    )
    table.add_column("system, load")
    for head in (
        "accepted/s",
        "applied/s",
        "p50 ms",
        "p99 ms",
        "200→applied\np99 ms",
        "backlog,\ndrained in",
        "CPU µs\na callback",
        "memory MiB\nidle, most",
        "others'\ncores",
        "count",
    ):
        table.add_column(head, justify="right")
    for row in report.rows:
        table.add_row(*_cells(row), style="red" if row.wrong else None)
    return table


def _cells(row: Row) -> list[str]:
    later = row.drain_seconds > 0
    return [
        f"{row.system}\n  {row.load}",
        f"{row.accepted_per_second:,.0f}",
        "–" if row.applied_per_second is None else f"{row.applied_per_second:,.0f}",
        f"{row.p50_ms:.1f}",
        f"{row.p99_ms:.1f}",
        "–" if row.applied_p99_ms is None else f"{row.applied_p99_ms:.1f}",
        f"{row.backlog:,}\n{row.drain_seconds:.2f} s" if later else "–",
        "\n".join(f"{name} {cpu:,.1f}" for name, cpu in _processes(row).items()),
        f"{row.idle_mib:.0f}, {sum(row.rss_mib.values()):.0f}",
        f"{row.others_cores:.1f}",
        f"{row.accepted:,}",
    ]


def _processes(row: Row) -> dict[str, float]:
    """CPU a callback of those that do the work; the supervisor only waits."""
    return {name: cpu for name, cpu in row.cpu_us.items() if name != "supervisor"}


def write(report: Report, folder: Path, name: str) -> list[Path]:
    """Write `name.json` and `name.svg` → their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{name}.json"
    data.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    picture = folder / f"{name}.svg"
    _draw(report, picture)
    return [data, picture]


def _draw(report: Report, path: Path) -> None:
    """Two panels: callbacks a second (logarithmic), and CPU a callback."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "callbacks"  # the same figures give the same file
    rows = [row for row in report.rows if "/s," not in row.load][::-1]
    labels = [f"{row.system}\n{row.load.partition(', ')[2]}" for row in rows]
    places = range(len(rows))
    figure, (speed, cost) = plt.subplots(1, 2, figsize=(13, 1.2 + 0.75 * len(rows)), sharey=True)
    accepted = [row.accepted_per_second for row in rows]
    applied = [row.applied_per_second or 0 for row in rows]
    bars = [
        speed.barh([place + 0.2 for place in places], accepted, 0.38, label="accepted/s", color="#4477aa"),
        speed.barh([place - 0.2 for place in places], applied, 0.38, label="applied/s", color="#228833"),
    ]
    for bar in bars:
        speed.bar_label(bar, labels=[f"{value:,.0f}" if value else "" for value in bar.datavalues], padding=3, size=8)
    speed.set(
        xscale="log",
        xlim=(100, max(accepted) * 4),
        xlabel=f"callbacks a second, {rows[0].connections} connections (logarithmic)",
    )
    speed.set_yticks(list(places), labels)
    speed.legend(loc="lower right", fontsize=8)
    totals = [sum(_processes(row).values()) for row in rows]
    bar = cost.barh(list(places), totals, 0.6, color="#aa3377")
    cost.bar_label(
        bar,
        padding=3,
        size=8,
        labels=[" + ".join(f"{name} {cpu:,.0f}" for name, cpu in _processes(row).items()) for row in rows],
    )
    cost.set(xscale="log", xlim=(10, max(totals) * 20), xlabel="CPU µs a callback, all processes (logarithmic)")
    machine = report.machine
    figure.suptitle(f"{machine.cores} cores {machine.cpu}, load generator beside it, {machine.date}", size=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
