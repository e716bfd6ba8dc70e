"""Which decided callbacks a verb is for: by sender, outcome and time of arrival; counted, and in the log's order."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Engine, text

from app.core.database import reading
from app.core.ends import LATEST
from app.core.errors import FieldError
from app.engine.callback import OutcomeWord
from app.operate.moments import moment_from

_PAGE_ROWS = 500


class Selection(msgspec.Struct, frozen=True):
    """Callbacks that are decided; "" for any sender or outcome, times in microseconds UTC (`until` is not within)."""

    provider: str = ""
    outcome: str = ""
    since: int = 0
    until: int = LATEST


def selection_from(
    *, provider: str = "", outcome: str = "", since: str | None = None, until: str | None = None, at: int
) -> Selection:
    """What a person asked for. Raises FieldError: an outcome that is none, no moment, or nothing asked for at all."""
    if outcome and outcome not in set(OutcomeWord):
        raise FieldError("outcome", f"must be one of {', '.join(OutcomeWord)}")
    if not (provider or outcome or since or until):
        raise FieldError("callbacks", "say which: an ID, or --provider, --outcome, --from, --to")
    return Selection(
        provider,
        outcome,
        moment_from("from", since, at=at) if since else 0,
        moment_from("to", until, at=at) if until else LATEST,
    )


#: Both halves of the second line name the outcome: the other one leads SQLite to the index of those not applied.
_WITHIN = (
    "FROM callback_outcomes WHERE (:provider = '' OR provider = :provider)"
    " AND received_at >= :since AND received_at < :until"
)


def counted(engine: Engine, selection: Selection) -> dict[str, int]:
    """How many there are of each outcome."""
    narrow = ""
    if selection.outcome:
        narrow = " AND outcome = :outcome" + (" AND outcome <> 'applied'" if selection.outcome != "applied" else "")
    with reading(engine) as connection:
        rows = connection.execute(
            text(f"SELECT outcome, count(*) {_WITHIN}{narrow} GROUP BY outcome ORDER BY outcome"), _values(selection)
        )
        return {row[0]: row[1] for row in rows}


def to_decide(engine: Engine, selection: Selection) -> Iterator[int]:
    """Ids of those that were not applied, in the log's order, up to the last one that is decided now."""
    words = [word for word in OutcomeWord if word != OutcomeWord.APPLIED and selection.outcome in {"", word}]
    with reading(engine) as connection:
        last = connection.execute(text("SELECT max(callback_id) FROM callback_outcomes")).scalar_one() or 0
    after = 0
    while True:
        # A page of each word by the index of outcomes: one query for all of them would read the applied ones too.
        with reading(engine) as connection:
            found = sorted(
                number
                for word in words
                for number in connection.execute(
                    text(
                        f"SELECT callback_id {_WITHIN} AND outcome = :word AND outcome <> 'applied'"
                        " AND callback_id > :after AND callback_id <= :last ORDER BY callback_id LIMIT :rows"
                    ),
                    {**_values(selection), "word": word, "after": after, "last": last, "rows": _PAGE_ROWS},
                ).scalars()
            )[:_PAGE_ROWS]
        if not found:
            return
        yield from found
        after = found[-1]


def _values(selection: Selection) -> dict[str, Any]:
    return msgspec.structs.asdict(selection)
