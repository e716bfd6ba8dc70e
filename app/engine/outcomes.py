"""What became of each callback: outcome rows, dead letters and alert rows, one statement a table."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal

import msgspec
import orjson
from sqlalchemy import Connection

from app.engine.callback import Callback, Outcome, OutcomeWord

_DETAIL_CHARS_MAX = 16_384
_DEAD = frozenset({OutcomeWord.REJECTED, OutcomeWord.SET_ASIDE})

_INSERT = (
    "INSERT INTO callback_outcomes (callback_id, epoch_no, provider, event_type, order_no, outcome, reason, detail,"
    " received_at, decided_at) VALUES (?,?,?,?,?,?,?,?,?,?)"
)


def driver(connection: Connection) -> Any:
    """The raw driver's connection: the hot statements go past SQLAlchemy, inside its transaction."""
    return connection.connection.driver_connection


def to_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """JSON text for a column; "" for an empty value."""
    return orjson.dumps(value).decode() if value else ""


def decided_before(connection: Connection, first: int, last: int) -> dict[int, Outcome]:
    """Outcomes that exist already for callbacks of this range: a direct call was faster, or the batch is read again."""
    rows = driver(connection).execute(
        "SELECT callback_id, outcome, reason, order_no FROM callback_outcomes WHERE callback_id BETWEEN ? AND ?",
        (first, last),
    )
    return {row[0]: Outcome(row[0], OutcomeWord(row[1]), row[2], row[3]) for row in rows}


def write_outcomes(
    connection: Connection, callbacks: Sequence[Callback], outcomes: Sequence[Outcome], *, epoch_no: int, at: int
) -> None:
    """Write what became of these callbacks, with a dead letter for each that was rejected or set aside."""
    rows = [
        (
            callback.id,
            epoch_no,
            callback.provider,
            callback.event_type[:64],
            outcome.order_no,
            str(outcome.word),  # an enum's member costs the driver as much as the row
            outcome.reason,
            to_json(outcome.detail) if outcome.detail else "",
            callback.received_at,
            at,
        )
        for callback, outcome in zip(callbacks, outcomes, strict=True)
    ]
    driver(connection).executemany(_INSERT, rows)
    words = Counter(map(_PROVIDER_AND_WORD, rows))
    count(connection, {(provider, OUTCOME + word): number for (provider, word), number in words.items()})
    bury(connection, (outcome for outcome in outcomes if outcome.word in _DEAD), at=at)


_PROVIDER_AND_WORD = itemgetter(2, 5)  # columns of `_INSERT`

#: Names in the table of counters, by what they begin with: callbacks that have this outcome today, requests refused for
#: this reason, callbacks whose effects were committed within this bucket of time (see `latency`).
OUTCOME = "outcome:"
REFUSED = "refused:"
APPLIED_US = "applied_us:"


def count(connection: Connection, more: Mapping[tuple[str, str], int]) -> None:
    """Add to the counters that survive restarts, by (provider, name)."""
    if more:
        driver(connection).executemany(
            "INSERT INTO callback_counters (provider, name, value) VALUES (?,?,?)"
            " ON CONFLICT (provider, name) DO UPDATE SET value = value + excluded.value",
            [(provider, name, number) for (provider, name), number in more.items()],
        )


def refusal_keys(connection: Connection) -> set[tuple[str, str]]:
    """Which refusals are counted so far, by (provider, name)."""
    rows = driver(connection).execute(
        "SELECT provider, name FROM callback_counters WHERE name LIKE ?", (f"{REFUSED}%",)
    )
    return {(row[0], row[1]) for row in rows}


def rewrite_outcomes(connection: Connection, outcomes: Sequence[Outcome], *, decided_by: int | None, at: int) -> None:
    """Change what became of callbacks that waited or are decided anew; `decided_by` names the answer or the person."""
    _recount(connection, {outcome.callback_id: str(outcome.word) for outcome in outcomes})
    driver(connection).executemany(
        "UPDATE callback_outcomes SET outcome=?, reason=?, detail=?, order_no=coalesce(?, order_no), decided_by=?,"
        " decided_at=? WHERE callback_id=?",
        [(o.word, o.reason, to_json(o.detail), o.order_no, decided_by, at, o.callback_id) for o in outcomes],
    )
    bury(connection, (outcome for outcome in outcomes if outcome.word in _DEAD), at=at)


def note(connection: Connection, outcome: Outcome, *, at: int) -> None:
    """Say of a callback that was handed over what its handler made of it.

    A detail that is no JSON, or long, is left out: it comes from handlers of somebody's own.
    """
    try:
        fits = len(to_json(outcome.detail)) <= _DETAIL_CHARS_MAX
    except TypeError:
        fits = False
    found = (
        driver(connection)
        .execute("SELECT outcome, detail FROM callback_outcomes WHERE callback_id=?", (outcome.callback_id,))
        .fetchone()
    )
    if found is not None and found[0] == OutcomeWord.APPLIED:
        acted = orjson.loads(found[1]).get("handler") if found[1] else None
        detail = {**(outcome.detail if fits else {}), **({"handler": acted} if acted else {})}
        told = msgspec.structs.replace(outcome, detail=detail)
        rewrite_outcomes(connection, [told], decided_by=None, at=at)


def _recount(connection: Connection, words: Mapping[int, str]) -> None:
    """Move these callbacks in the counters from the outcomes that they have to these; before they are changed."""
    more: Counter[tuple[str, str]] = Counter()
    rows = driver(connection).execute(
        "SELECT callback_id, provider, outcome FROM callback_outcomes"
        " WHERE callback_id IN (SELECT value FROM json_each(?))",
        (orjson.dumps(list(words)).decode(),),
    )
    for callback_id, provider, before in rows:
        more[provider, OUTCOME + before] -= 1
        more[provider, OUTCOME + words[callback_id]] += 1
    count(connection, {key: number for key, number in more.items() if number})


def bury(connection: Connection, outcomes: Iterable[Outcome], *, at: int) -> None:
    """Open a dead letter for each, unless the same callback has one that is open."""
    rows = [(o.callback_id, o.order_no, o.reason, to_json(o.detail), at) for o in outcomes]
    if rows:
        driver(connection).executemany(
            "INSERT INTO callback_dead (kind, ref, order_no, reason, detail, since) SELECT 'callback',?1,?2,?3,?4,?5"
            " WHERE NOT EXISTS (SELECT 1 FROM callback_dead WHERE kind='callback' AND ref=?1 AND closed_at IS NULL)",
            rows,
        )


def close_letters(
    connection: Connection,
    kind: Literal["callback", "task"],
    refs: Iterable[int],
    *,
    how: str,
    at: int,
    by: str | None = None,
    reason: str | None = None,
) -> None:
    """Close the open dead letters of these callbacks or tasks; `how` is `retried`, `dropped` or `announced`."""
    rows = [(at, how, by, reason, kind, ref) for ref in refs]
    if rows:
        driver(connection).executemany(
            "UPDATE callback_dead SET closed_at=?, closed_how=?, closed_by=?, closed_reason=?"
            " WHERE kind=? AND ref=? AND closed_at IS NULL",
            rows,
        )


class Alert(msgspec.Struct, frozen=True):
    """Something that a person should see; one open row for each kind and subject."""

    kind: str
    subject: str
    detail: Mapping[str, Any] = {}


def raise_alerts(connection: Connection, alerts: Iterable[Alert], *, at: int) -> None:
    """Open these alerts; one that is open already counts one more."""
    rows = [(alert.kind, alert.subject, to_json(alert.detail), at, at) for alert in alerts]
    if rows:
        driver(connection).executemany(
            "INSERT INTO callback_alerts (kind, subject, detail, since, last_at) VALUES (?,?,?,?,?)"
            " ON CONFLICT (kind, subject) WHERE closed_at IS NULL"
            " DO UPDATE SET count = count + 1, last_at = excluded.last_at, detail = excluded.detail",
            rows,
        )


def settle_alerts(connection: Connection, alerts: Iterable[tuple[str, str]], *, by: str, at: int) -> None:
    """Close these alerts (kind, subject): what they told of is over."""
    rows = [(at, by, kind, subject) for kind, subject in alerts]
    if rows:
        driver(connection).executemany(
            "UPDATE callback_alerts SET closed_at=?, closed_by=? WHERE kind=? AND subject=? AND closed_at IS NULL", rows
        )
