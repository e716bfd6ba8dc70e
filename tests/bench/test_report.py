import io
from pathlib import Path

import msgspec
from rich.console import Console

from bench.machine import machine
from bench.measure import Row
from bench.report import Report, ratios, show, write


def a_row(system: str, *, load: str = "as fast as answered", accepted: float = 100.0, **fields: object) -> Row:
    """A line of the table; without effects unless `applied_per_second` says so."""
    usual: dict[str, object] = {
        "system": system,
        "does": f"what {system} does",
        "load": load,
        "announced": 1_000,
        "connections": 64,
        "accepted": 500,
        "accepted_per_second": accepted,
        "applied_per_second": None,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "max_ms": 3.0,
        "backlog": 0,
        "drain_seconds": 0.0,
        "applied_p99_ms": None,
        "cpu_us": {"serve": 30.0},
        "generator_us": 10.0,
        "idle_mib": 40.0,
        "rss_mib": {"serve": 50.0},
        "statuses": {"200": 500},
        "others_cores": 0.0,
        "wrong": [],
    }
    return Row(**(usual | fields))  # type: ignore[arg-type]


def a_report(tmp_path: Path, *rows: Row) -> Report:
    return Report(machine(tmp_path), quick=True, rows=list(rows), ratios=ratios(rows, [("ours", "peer")]))


def shown(report: Report) -> str:
    console = Console(file=io.StringIO(), width=200)
    show(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_ratio_compares_applied_where_effects_are_and_only_equal_loads() -> None:
    ours = a_row("ours", accepted=900.0, applied_per_second=800.0)
    peer = a_row("peer", accepted=100.0, applied_per_second=100.0)
    other = a_row("peer", load="another load", accepted=1.0)
    assert ratios([ours, peer, other], [("ours", "peer")]) == {"ours / peer (as fast as answered)": 8.0}


def test_the_table_names_every_system_and_says_that_all_was_checked(tmp_path: Path) -> None:
    text = shown(a_report(tmp_path, a_row("ours", accepted=2_900.0), a_row("peer")))
    assert "what ours does" in text
    assert "2,900" in text
    assert "29.0 x" in text
    assert "exactly once" in text


def test_what_is_wrong_is_shown_and_nothing_is_called_checked(tmp_path: Path) -> None:
    text = shown(a_report(tmp_path, a_row("ours", wrong=["journals: 99, not 100"])))
    assert "journals: 99, not 100" in text
    assert "exactly once" not in text


def test_the_figures_are_written_for_programs_and_drawn(tmp_path: Path) -> None:
    report = a_report(
        tmp_path, a_row("ours", applied_per_second=90.0, cpu_us={"serve": 30.0, "worker": 31.0}), a_row("peer")
    )
    data, picture = write(report, tmp_path / "results", "latest")
    assert msgspec.json.decode(data.read_bytes(), type=Report) == report
    assert picture.read_text().startswith("<?xml")
