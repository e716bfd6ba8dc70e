"""`callbacks top` as it is drawn: figures and alerts of one moment → lines that fit eighty columns. Pure.

Figures of the last minute; the two times are those within which 99 of 100 were through.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.cli.printing import safe
from app.operate.alerts_shown import AlertShown
from app.operate.traffic_shown import PaceShown, ProviderShown, TrafficShown

_NARROWEST = 80
_SPARK_MIN, _SPARK_MAX = 14, 60
_NAME_MAX = 14
_REST = 64  # columns of everything but the curve, at eighty
_ALERTS_MAX = 5
_LINES_AROUND = 9  # those that are no sender's and no alert's
_LAG_BAD_SECONDS = 10.0
_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.:-=+*#"
_KILO, _MS_OF_A_SECOND, _MS_OF_100_SECONDS = 10_000, 1_000.0, 100_000.0
_SMALL = 10.0

HEAD = ("provider", "last minute", "in/s", "done/s", "ref/s", "lag", "answer", "apply", "dead")


def picture(
    found: TrafficShown,
    alerts: Sequence[AlertShown],
    *,
    url: str,
    at: datetime,
    columns: int = _NARROWEST,
    lines: int | None = None,
    plain: bool = False,
    trouble: str = "",
) -> RenderableType:
    """All of it. `lines` that there is room for; `plain` where the terminal has no block signs; `trouble` of now."""
    told = min(len(alerts), _ALERTS_MAX) + 2 if alerts else 0
    room = None if lines is None else max(1, lines - _LINES_AROUND - told)
    busiest = sorted(found.providers.items(), key=lambda item: (-_activity(item[1]), item[0]))
    shown = busiest if room is None or len(busiest) <= room else busiest[:room]
    width = max(_SPARK_MIN, min(_SPARK_MAX, columns - _REST))
    parts: list[RenderableType] = [*_top(found, url, at, trouble), Text("")]
    parts.append(_grid(found, shown, width, plain=plain))
    if len(shown) < len(busiest):
        parts.append(Text(f"… and {len(busiest) - len(shown)} more senders: callbacks top --json", "dim"))
    parts.append(Text("lag in seconds; answer, apply: 99 of 100 were faster, in the last minute", "dim"))
    if alerts:
        parts += [Text(""), *_alerts(alerts, columns)]
    return Group(*parts)


def _top(found: TrafficShown, url: str, at: datetime, trouble: str) -> Iterator[Text]:
    since = f"  measured since {found.measured_since[11:19]}" if found.measured_since else ""
    yield Text(f"{safe(url)}  {at:%H:%M:%S} UTC", "bold").append(since, "not bold dim")
    if trouble:
        yield Text(safe(trouble), "bold red", no_wrap=True, overflow="ellipsis")
    lag = found.lag
    many = f"{lag.callbacks}{'+' if lag.callbacks >= 1000 else ''}"  # noqa: PLR2004 - LagShown counts no further
    behind = f"{many} behind by {lag.seconds:.1f} s" if lag.callbacks else "nothing is behind"
    line = Text(no_wrap=True, overflow="ellipsis").append(
        behind, "red" if lag.seconds > _LAG_BAD_SECONDS else "yellow" if lag.callbacks else "green"
    )
    for number, name, style in (
        (sum(found.waiting.values()), "waiting", "yellow"),
        (sum(found.dead_letters.values()), "dead letters", "red"),
        (sum(found.alerts.values()), "alerts", "red"),
    ):
        line.append(f"   {number} {name}", style if number else "dim")
    yield line


def _grid(
    found: TrafficShown, shown: Sequence[tuple[str, ProviderShown]], width: int, *, plain: bool
) -> RenderableType:
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for name in HEAD:
        grid.add_column(name, no_wrap=True, overflow="ellipsis", justify="left" if name in HEAD[:2] else "right")
    for name, sender in shown:
        seconds = sender.each_second.accepted if sender.each_second is not None else []
        dead = sum(sender.dead_letters.values())
        lag = sender.lag
        grid.add_row(
            _cut(safe(name), _NAME_MAX),
            Text(spark(seconds, width, plain=plain), "cyan"),
            *_pace(sender.last_minute),
            Text(f"{lag.seconds:.1f}" if lag.callbacks else "-", "red" if lag.seconds > _LAG_BAD_SECONDS else ""),
            *_times(sender.last_minute),
            Text(str(dead), "red" if dead else "dim"),
        )
    dead_in_all = sum(found.dead_letters.values())
    grid.add_row(
        Text("all", "bold"),
        "",
        *_pace(found.last_minute),
        f"{found.lag.seconds:.1f}" if found.lag.callbacks else "-",
        *_times(found.last_minute),
        str(dead_in_all),
    )
    return grid


def _pace(pace: PaceShown | None) -> tuple[Text, Text, Text]:
    if pace is None:
        return Text("-"), Text("-"), Text("-")
    refused = Text(rate(pace.refused_per_second), "yellow" if pace.refused_per_second else "dim")
    return Text(rate(pace.accepted_per_second)), Text(rate(pace.applied_per_second)), refused


def _times(pace: PaceShown | None) -> tuple[str, str]:
    return (duration(pace.answered.p99_ms), duration(pace.applied.p99_ms)) if pace is not None else ("-", "-")


def _alerts(alerts: Sequence[AlertShown], columns: int) -> Iterator[Text]:
    for alert in alerts[:_ALERTS_MAX]:
        yield Text(_cut(f"{alert.since[5:16].replace('T', ' ')}  {safe(alert.text)}", columns - 1), "red")
    more = len(alerts) - _ALERTS_MAX
    yield Text(f"{f'… and {more} more; ' if more > 0 else ''}what to do: callbacks alerts list", "dim")


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 1]}…"


def _activity(sender: ProviderShown) -> float:
    return sender.last_minute.accepted_per_second if sender.last_minute is not None else 0.0


def spark(counts: Sequence[int], width: int, *, plain: bool = False) -> str:
    """A curve of so many signs; its top is the busiest part, its bottom is nothing."""
    bars = _PLAIN_BARS if plain else _BARS
    step = len(counts) / width
    parts = [counts[int(cell * step) : max(int((cell + 1) * step), int(cell * step) + 1)] for cell in range(width)]
    levels = [sum(part) / len(part) for part in parts if part]
    most = max(levels, default=0.0)
    return "".join(bars[ceil(level / most * (len(bars) - 1))] if level else bars[0] for level in levels)


def rate(per_second: float) -> str:
    """`0`, `0.25`, `7.5`, `1234`, `33.1k`."""
    if not per_second:
        return "0"
    if per_second >= _KILO:
        return f"{per_second / 1000:.1f}k"
    return (
        f"{per_second:.0f}"
        if per_second >= _SMALL * 10
        else f"{per_second:.1f}"
        if per_second >= 1
        else f"{per_second:.2f}"
    )


def duration(ms: float | None) -> str:
    """`-`, `0.8ms`, `45ms`, `1.2s`, `12m`."""
    if ms is None:
        return "-"
    if ms < _SMALL:
        return f"{ms:.1f}ms"
    if ms < _MS_OF_A_SECOND:
        return f"{ms:.0f}ms"
    return f"{ms / 1000:.1f}s" if ms < _MS_OF_100_SECONDS else f"{ms / 60_000:.0f}m"
