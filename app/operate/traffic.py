"""`GET /callbacks/stats`: the counts that are always true, and beside them how fast it goes, by provider."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine, text

from app.core.database import reading
from app.engine.callback import Callback
from app.engine.log import Log
from app.engine.meter import Meter, Tally
from app.engine.tallies import tallies_of
from app.operate.shown import time_text
from app.operate.stats import counted, stats
from app.operate.traffic_shown import BehindShown, EachSecondShown, PaceShown, ProviderShown, TrafficShown

_SECOND = 1_000_000


def traffic(
    engine: Engine,
    callbacks: Log,
    *,
    log_url: str,
    at: int,
    refused: Mapping[tuple[str, str], int],
    meter: Meter | None,
) -> TrafficShown:
    """Counts, what is open, rates and latencies. `refused` as in `stats`; `meter` of the server that is asked."""
    with reading(engine) as connection:
        read = counted(connection, callbacks)
        found = stats(connection, read, log_url=log_url, at=at, refused=refused)
        dead = _dead_letters(connection)
    outcomes, lags = read.tallies.outcomes, _lags(read.behind, at)
    measured = meter.providers() if meter is not None else set()
    names = sorted({*found.accepted, *found.refused, *dead, *lags, *measured})
    return TrafficShown(
        **found.model_dump(),
        providers={
            name: ProviderShown(
                accepted=found.accepted.get(name, 0),
                refused=found.refused.get(name, {}),
                outcomes={word: number for word, number in sorted(outcomes.get(name, {}).items()) if number},
                dead_letters=dead.get(name, {}),
                lag=lags.get(name, BehindShown(callbacks=0, seconds=0.0)),
                last_minute=_minute(meter, at, [name]),
                last_hour=_hour(meter, at, [name]),
                each_second=_each_second(meter, at, name),
            )
            for name in names
        },
        measured_since=time_text(meter.since) if meter is not None else None,
        last_minute=_minute(meter, at, names),
        last_hour=_hour(meter, at, names),
    )


def latencies(engine: Engine, meter: Meter | None) -> dict[str, Tally]:
    """How long it took since the beginning, by the name of the metric and by provider."""
    with reading(engine) as connection:
        applied = tallies_of(connection).applied
    return {
        "callbacks_answer_seconds": meter.totals if meter is not None else {},
        "callbacks_apply_seconds": applied,
    }


def _minute(meter: Meter | None, at: int, names: Sequence[str]) -> PaceShown | None:
    return PaceShown.of(meter.minute(at, names)) if meter is not None else None


def _hour(meter: Meter | None, at: int, names: Sequence[str]) -> PaceShown | None:
    return PaceShown.of(meter.hour(at, names)) if meter is not None else None


def _each_second(meter: Meter | None, at: int, name: str) -> EachSecondShown | None:
    if meter is None:
        return None
    found = meter.each_second(at, name)
    return EachSecondShown(accepted=found.accepted, refused=found.refused, applied=found.applied)


def _dead_letters(connection: Connection) -> dict[str, dict[str, int]]:
    """Open ones by provider and reason; a task that belongs to no callback is counted under where it went."""
    rows = connection.execute(
        text(
            "SELECT coalesce(o.provider, t.destination, ''), d.reason, count(*) FROM callback_dead AS d"
            " LEFT JOIN callback_tasks AS t ON d.kind = 'task' AND t.id = d.ref"
            " LEFT JOIN callback_outcomes AS o"
            " ON o.callback_id = CASE d.kind WHEN 'task' THEN t.callback_id ELSE d.ref END"
            " WHERE d.closed_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
        )
    )
    found: dict[str, dict[str, int]] = {}
    for provider, reason, number in rows:
        found.setdefault(provider, {})[reason] = number
    return found


def _lags(behind: Sequence[Callback], at: int) -> dict[str, BehindShown]:
    waiting = Counter(callback.provider for callback in behind)
    oldest = {callback.provider: callback.received_at for callback in reversed(behind)}
    return {
        name: BehindShown(callbacks=number, seconds=max(0.0, round((at - oldest[name]) / _SECOND, 3)))
        for name, number in waiting.items()
    }
