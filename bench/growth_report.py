"""What growth costs: the values of a run, for people (a table), for programs (JSON) and for the eye (a chart)."""

from pathlib import Path

import matplotlib as mpl
import msgspec
from matplotlib import pyplot as plt
from rich.console import Console
from rich.table import Table

from bench.machine import Machine


class Search(msgspec.Struct, frozen=True):
    """One kind of question over HTTP, and how long the answers took."""

    what: str
    median_ms: float
    worst_ms: float


class Level(msgspec.Struct, frozen=True):
    """What a callback costs when the log holds `callbacks` already; medians of several measurements."""

    callbacks: int
    serve_us: float
    worker_us: float
    accepted_per_second: float
    applied_per_second: float
    p99_ms: float
    rss_mib: float
    log_bytes: int
    state_bytes: int
    searches: list[Search]
    wrong: list[str]


class Report(msgspec.Struct, frozen=True):
    """Everything that is kept of one run; levels rise."""

    machine: Machine
    levels: list[Level]

    def ratios(self) -> dict[str, float]:
        """CPU a callback at the largest level by that at the smallest."""
        first, last = self.levels[0], self.levels[-1]
        return {
            "receiving": round(last.serve_us / max(first.serve_us, 1e-9), 2),
            "applying": round(last.worker_us / max(first.worker_us, 1e-9), 2),
        }


def show(report: Report, console: Console) -> None:
    """Print what a callback costs, what a search takes, and the ratios."""
    costs = Table("callbacks in the log", "accepted/s", "applied/s", "p99 ms", "serve µs", "worker µs", "memory MiB")
    for level in report.levels:
        costs.add_row(
            f"{level.callbacks:,}",
            f"{level.accepted_per_second:,.0f}",
            f"{level.applied_per_second:,.0f}",
            f"{level.p99_ms:.1f}",
            f"{level.serve_us:.1f}",
            f"{level.worker_us:.1f}",
            f"{level.rss_mib:.0f}",
            style="red" if level.wrong else None,
        )
    console.print(costs)
    searches = Table("searching, ms (worst)", *(f"{level.callbacks:,}" for level in report.levels))
    for row in zip(*(level.searches for level in report.levels), strict=True):
        searches.add_row(row[0].what, *(f"{each.median_ms:.1f} ({each.worst_ms:.0f})" for each in row))
    console.print(searches)
    for name, ratio in report.ratios().items():
        console.print(f"{name}: [bold]{ratio} x[/] from the smallest to the largest")
    for level in report.levels:
        for sentence in level.wrong:
            console.print(f"[red]wrong[/] at {level.callbacks:,}: {sentence}")


def write(report: Report, folder: Path, name: str) -> list[Path]:
    """Write `name.json` and `name.svg` → their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{name}.json"
    data.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    picture = folder / f"{name}.svg"
    _draw(report, picture)
    return [data, picture]


def _draw(report: Report, path: Path) -> None:
    """Two panels over the number of callbacks: CPU a callback, and how long searches take."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "callbacks"  # the same figures give the same file
    counts = [level.callbacks for level in report.levels]
    figure, (cost, search) = plt.subplots(1, 2, figsize=(12, 4.5))
    for name, color in (("serve_us", "#4477aa"), ("worker_us", "#228833")):
        values = [getattr(level, name) for level in report.levels]
        cost.plot(counts, values, marker="o", color=color, label=name.removesuffix("_us"))
        for count, value in zip(counts, values, strict=True):
            cost.annotate(
                f"{value:.0f}", (count, value), textcoords="offset points", xytext=(0, 6), size=8, ha="center"
            )
    cost.set(xscale="log", ylim=(0, None), xlabel="callbacks in the log", ylabel="CPU µs a callback")
    cost.legend(fontsize=8)
    for row in zip(*(level.searches for level in report.levels), strict=True):
        search.plot(counts, [each.median_ms for each in row], marker="o", label=row[0].what)
    search.set(xscale="log", yscale="log", xlabel="callbacks in the log", ylabel="median of a search, ms")
    search.legend(fontsize=8)
    machine = report.machine
    figure.suptitle(f"{machine.cores} cores {machine.cpu}, {machine.date}", size=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
