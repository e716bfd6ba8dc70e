"""Counts that survive restarts, and what is open now: the part of `GET /callbacks/stats` that is not measured."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text

from app.engine.callback import Callback
from app.engine.log import Log
from app.engine.log.place import log_path
from app.engine.offsets import Place, place_of
from app.engine.tallies import Tallies, tallies_of
from app.operate.shown import time_text
from app.operate.stats_shown import LagShown, StatsShown

#: How far behind the worker is counted; beyond it the figure would cost more than it tells.
LAG_ROWS_MAX = 1_000
_SECOND = 1_000_000


class Counted(NamedTuple):
    """What every figure of one answer is made from, so that sums and their parts agree."""

    tallies: Tallies
    place: Place
    behind: list[Callback]  # kept and not decided yet, the oldest of them


def counted(connection: Connection, callbacks: Log) -> Counted:
    """Read the counters, the worker's place, and what it has not passed."""
    tallies = tallies_of(connection)
    place = place_of(connection, callbacks.epoch)
    return Counted(tallies, place, callbacks.read_after(place.offset, LAG_ROWS_MAX))


def stats(
    connection: Connection, found: Counted, *, log_url: str, at: int, refused: Mapping[tuple[str, str], int]
) -> StatsShown:
    """Counts and what is open; `refused`: those of this process that are not kept yet, by (provider, reason)."""
    tallies, place, behind = found
    accepted = Counter(tallies.decided())
    accepted.update(callback.provider for callback in behind)
    return StatsShown(
        accepted=dict(sorted(accepted.items())),
        refused=_by_provider(tallies.refused + Counter(refused)),
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
        alerts=_grouped(connection, "SELECT kind, count(*) FROM callback_alerts WHERE closed_at IS NULL GROUP BY kind"),
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
