"""How the books' rows look outside: facts, postings, and what caused them."""

from pydantic import Field

from app.ledger.books import FactRow, PostingRow
from app.ledger.effect import NUMBERED
from app.operate.shown import Shown, amount_text, time_text


class FactShown(Shown):
    """What a callback, an answer or a person says about an order."""

    kind: str
    attempt: str
    key: str
    amount: str | None
    level: str = Field(description="`unverified`, `signed` or `confirmed`.")
    source: str = Field(description="Who told it first: a callback's id, or below zero an answer's or a person's.")
    told_at: str

    @classmethod
    def of(cls, row: FactRow) -> "FactShown":
        """From the books' row."""
        fact = row.fact
        return cls(
            kind=fact.kind,
            attempt=fact.attempt,
            key=fact.key,
            amount=None if fact.kind in NUMBERED else amount_text(fact.amount),
            level=row.level.name.lower(),
            source=str(row.source_id),
            told_at=time_text(row.told_at),
        )


class PostingShown(Shown):
    """One line of a journal; the lines of one journal sum to zero."""

    journal_id: str = Field(description="The callback that caused it, or below zero an announcement, answer, person.")
    at: str
    account: str
    amount: str

    @classmethod
    def of(cls, row: PostingRow) -> "PostingShown":
        """From the books' row."""
        return cls(
            journal_id=str(row.journal_id), at=time_text(row.at), account=row.account, amount=amount_text(row.amount)
        )


class CauseShown(Shown):
    """What changed an order and is no callback: the announcement, an answer of a status API, a person's word."""

    id: str
    kind: str
    at: str
    who: str
    reason: str
    callback_id: str | None
