"""Writes the sections that show measurements, from what measuring left in bench/results."""

import json
from pathlib import Path
from typing import Any

from docs.markdown import table

_RESULTS = Path(__file__).resolve().parent.parent / "bench" / "results"


def benchmark() -> str:
    """The figures of the last `make bench`, and the machine that they were measured on."""
    report = json.loads((_RESULTS / "latest.json").read_text(encoding="utf-8"))
    machine, rows = report["machine"], report["rows"]
    about = (
        f"{machine['date']}: {machine['cores']} cores {machine['cpu']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}, {machine['filesystem']}, Python {machine['python']}, "
        f"SQLite {machine['sqlite_log']} (log) and {machine['sqlite_state']} (state). "
        "The load generator ran on the same cores."
    )
    head = (
        "System",
        "Load",
        "Accepted/s",
        "Applied/s",
        "p50 ms",
        "p99 ms",
        "CPU µs a callback",
        "Memory MiB idle, most",
        "Others' cores",
    )
    systems = {row["system"]: row["does"] for row in rows}
    return "\n\n".join(
        (
            about,
            table(head, (_benchmark_row(row) for row in rows)),
            "\n".join(f"- **{name}**: {does}." for name, does in systems.items()),
            "\n".join(f"- {name}: **{ratio} ×**" for name, ratio in report["ratios"].items()),
            *_slow_lane(report.get("slow_lane")),
        )
    )


_LANES = {
    "one": "one fast destination",
    "healthy": "fifty destinations",
    "beside_dead": "fifty, of which five never answer (figures of the others)",
}


def _slow_lane(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    head = ("The slow lane, to destinations on loopback", "Tasks", "Tasks/s", "p50 s", "p99 s")
    lanes = ((words, found[name]) for name, words in _LANES.items())
    rows = (
        [
            words,
            f"{lane['tasks']:,}",
            f"{lane['per_second']:,.0f}",
            f"{lane['p50_seconds']:.2f}",
            f"{lane['p99_seconds']:.2f}",
        ]
        for words, lane in lanes
    )
    return [table(head, rows)]


def _benchmark_row(row: dict[str, Any]) -> list[str]:
    applied = row["applied_per_second"]
    return [
        row["system"],
        f"{row['announced']:,} orders announced, {row['connections']} connections, {row['load']}",
        f"{row['accepted_per_second']:,.0f}",
        "none" if applied is None else f"{applied:,.0f}",
        f"{row['p50_ms']:.1f}",
        f"{row['p99_ms']:.1f}",
        " + ".join(f"{name} {cpu:,.0f}" for name, cpu in row["cpu_us"].items() if name != "supervisor"),
        f"{row['idle_mib']:,.0f}, {sum(row['rss_mib'].values()):,.0f}",
        f"{row['others_cores']:.1f}",
    ]


def figures() -> str:
    """The benchmark in five columns, for the front page."""
    report = json.loads((_RESULTS / "latest.json").read_text(encoding="utf-8"))
    rows = (_figures_row(row) for row in report["rows"])
    head = ("System", "Load", "Accepted/s", "Applied/s", "p99 ms", "CPU µs a callback", "Others' cores")
    ratios = "\n".join(f"- {name}: {ratio} ×" for name, ratio in report["ratios"].items())
    return f"{report['machine']['cores']} cores, {report['machine']['date']}\n\n{table(head, rows)}\n\n{ratios}"


def _figures_row(row: dict[str, Any]) -> list[str]:
    system, _, accepted, applied, _, p99, cpu, _, others = _benchmark_row(row)
    return [system, row["load"], accepted, applied, p99, cpu, others]


def growth() -> str:
    """What growth costs: the figures of the last `make bench-growth`."""
    report = json.loads((_RESULTS / "growth.json").read_text(encoding="utf-8"))
    machine, levels = report["machine"], report["levels"]
    costs = (
        [
            f"{level['callbacks']:,}",
            f"{level['accepted_per_second']:,.0f}",
            f"{level['applied_per_second']:,.0f}",
            f"{level['p99_ms']:.1f}",
            f"serve {level['serve_us']:.1f} + worker {level['worker_us']:.1f}",
            f"{level['rss_mib']:,.0f}",
        ]
        for level in levels
    )
    searches = (
        [one["what"], *(f"{level['searches'][place]['median_ms']:.1f}" for level in levels)]
        for place, one in enumerate(levels[0]["searches"])
    )
    head = ("Callbacks in the log", "Accepted/s", "Applied/s", "p99 ms", "CPU µs a callback", "Memory MiB")
    asked = ("Asked over HTTP, median ms", *(f"{level['callbacks']:,}" for level in levels))
    about = f"{machine['date']}: {machine['cores']} cores {machine['cpu']}, {machine['filesystem']}."
    return "\n\n".join((about, table(head, costs), table(asked, searches)))


def deliveries() -> str:
    """How long messages took in the last `make bench-deliveries`, beside dead destinations and without."""
    found = json.loads((_RESULTS / "deliveries.json").read_text(encoding="utf-8"))
    machine, rate = found["machine"], found["rate"]
    loads = {
        "channels": f"Channels, {rate:,.0f}/s, from asked for to arrived",
        "channels_beside_dead": "The same, beside {dead} dead ones",
        "chats": "Telegram chats, all at once: later than the rates alone would have it",
        "chats_beside_dead": "The same, beside {dead} dead ones",
    }
    rows = (
        [
            words.format(dead=found[name]["dead"]),
            f"{found[name]['messages']:,}",
            f"{found[name]['destinations'] - found[name]['dead']}",
            *(f"{found[name][f'{part}_seconds'] * 1e3:,.0f}" for part in ("p50", "p99", "most")),
        ]
        for name, words in loads.items()
    )
    ratio = found["channels_beside_dead"]["p99_seconds"] / found["channels"]["p99_seconds"]
    about = f"{machine['date']}: {machine['cores']} cores {machine['cpu']}, {machine['filesystem']}."
    head = ("Messages to destinations that live", "Messages", "Destinations", "p50 ms", "p99 ms", "Most ms")
    return f"{about}\n\n{table(head, rows)}\n\n- p99 beside dead channels / without: **{ratio:.2f} ×**"


def soak() -> str:
    """What each process held in the last `make soak`, and whether the books were right."""
    found = json.loads((_RESULTS / "soak.json").read_text(encoding="utf-8"))
    rows = (
        [
            name,
            f"{one['first_mib']:.0f}",
            f"{one['last_mib']:.0f}",
            f"{one['most_mib']:.0f}",
            f"{one['mib_a_minute']:+.3f}",
        ]
        for name, one in found["memory"].items()
    )
    about = (
        f"{found['machine']['date']}: {found['callbacks']:,} callbacks in {found['seconds'] / 60:.0f} minutes, "
        f"{found['differences']:,} balances and statuses not as the model says."
    )
    return f"{about}\n\n{table(('Memory MiB', 'First', 'Last', 'Most', 'A minute'), rows)}"
