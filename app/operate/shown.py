"""How values look outside, for the API and `--json`: ids and amounts as strings, times in ISO 8601 UTC."""

import base64
from datetime import UTC, datetime
from typing import Any, overload

from pydantic import BaseModel, ConfigDict, Field

from app.core.money import Minor, format_amount
from app.ledger.books import EntryRow, FactRow, PostingRow, WalletRow
from app.ledger.effect import NUMBERED


def time_text(at: int) -> str:
    """Microseconds UTC → `"2025-11-25T04:49:00.123456Z"`."""
    seconds, micro = divmod(at, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micro:06d}Z"


@overload
def amount_text(minor: Minor) -> str: ...
@overload
def amount_text(minor: Minor | None) -> str | None: ...
def amount_text(minor: Minor | None) -> str | None:
    """Minor units → a decimal string; None stays None."""
    return None if minor is None else format_amount(minor)


class Shown(BaseModel):
    """What leaves the system; its fields are the API's."""

    model_config = ConfigDict(frozen=True)


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


class NoticeShown(Shown):
    """A notice to the user: written down with the effect, and shown here; nothing sends it yet."""

    at: str
    status: str
    text: str


class CauseShown(Shown):
    """What changed an order and is no callback: the announcement, an answer of a status API, a person's word."""

    id: str
    kind: str
    at: str
    who: str
    reason: str
    callback_id: str | None


class CallbackLine(Shown):
    """One callback of the log, with what became of it."""

    callback_id: str
    provider: str
    event_type: str
    received_at: str
    order_id: str | None
    outcome: str = Field(description="A word such as `applied`; empty while it is not decided.")
    reason: str
    text: str = Field(description="What became of it, in a sentence.")


class TransactionShown(Shown):
    """An order, with everything that was told about it and moved for it."""

    order_id: str
    user_id: str
    kind: str
    amount: str
    currency: str
    provider: str
    product: str
    customer_no: str
    status: str
    text: str = Field(description="The status, in a sentence.")
    serial_number: str | None = Field(description="Of a purchase that succeeded.")
    cost: str | None = Field(description="What the shop pays its supplier.")
    fee: str | None = Field(description="What the payer bore beside the amount.")
    announced_at: str
    facts: list[FactShown]
    postings: list[PostingShown]
    notices: list[NoticeShown]
    callbacks: list[CallbackLine]
    causes: list[CauseShown]
    alerts: list["AlertShown"]


class WalletShown(Shown):
    """A user's money."""

    user_id: str
    balance: str
    held: str
    currency: str

    @classmethod
    def of(cls, row: WalletRow) -> "WalletShown":
        """From the books' row."""
        return cls(
            user_id=row.user_id, balance=amount_text(row.balance), held=amount_text(row.held), currency=row.currency
        )


class EntryShown(Shown):
    """One line of a wallet's statement."""

    journal_id: str
    at: str
    amount: str
    balance: str = Field(description="After this line.")
    order_id: str | None
    kind: str = Field(description="The order's kind, or `adjustment`.")
    reason: str

    @classmethod
    def of(cls, row: EntryRow) -> "EntryShown":
        """From the books' row."""
        return cls(
            journal_id=str(row.journal_id),
            at=time_text(row.at),
            amount=amount_text(row.amount),
            balance=amount_text(row.balance),
            order_id=row.order_id,
            kind=row.kind,
            reason=row.reason,
        )


class EntriesShown(Shown):
    """A page of a statement, newest first."""

    entries: list[EntryShown]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null at the end.")


class TaskShown(Shown):
    """Something to be done outside."""

    id: str
    kind: str
    destination: str
    state: str
    tries: int
    due_at: str
    last_error: str


class ExplanationShown(Shown):
    """Which row of the sender's table decided, found by asking its pure functions again."""

    said: str = Field(description="What the callback says, in one line.")
    facts: list[str] = Field(description="The facts that this means.")
    why_none: str = Field(description="Why it means none, in a sentence.")
    moves: str = Field(description="What these facts move beside what is known of the order today.")


class CallbackShown(CallbackLine):
    """One callback with its bytes and everything that came of it."""

    kept: bool = Field(description="False: its bytes are no longer in the log (pruned); what came of it stays.")
    event_key: str
    ordering_key: str
    verification: str
    verified_how: str
    remote_addr: str
    headers: dict[str, str]
    body: str = Field(description="As UTF-8; bytes that are none appear as �, see `body_base64`.")
    body_base64: str
    detail: dict[str, Any]
    decided_at: str | None
    decided_by: CauseShown | None = Field(description="The answer or person that decided, where it did not by itself.")
    explanation: ExplanationShown | None
    facts: list[FactShown] = Field(description="The facts that it told first.")
    postings: list[PostingShown] = Field(description="The journal that it caused.")
    tasks: list[TaskShown]
    dead_letters: list["DeadLetterShown"]


class CallbacksShown(Shown):
    """A page of the log, newest first."""

    callbacks: list[CallbackLine]
    next_cursor: str | None
    looked_back_to: str | None = Field(
        description="Where the time was over before the page was full: the oldest callback that was looked at."
    )
    looked_back_at: str | None = Field(description="When that one came.")


class DeadLetterShown(Shown):
    """Something that was given up, with why and what would settle it."""

    id: str
    kind: str = Field(description="`callback` or `task`.")
    ref: str = Field(description="The callback's or the task's id.")
    order_id: str | None
    reason: str
    text: str = Field(description="What happened, in a sentence.")
    what_to_do: str
    commands: list[str]
    detail: dict[str, Any]
    since: str
    closed_at: str | None
    closed_how: str | None
    closed_by: str | None
    closed_reason: str | None


class DeadLettersShown(Shown):
    """A page of dead letters, newest first."""

    dead_letters: list[DeadLetterShown]
    next_cursor: str | None


class RetriedShown(Shown):
    """What came of a retry."""

    outcome: str = Field(description="The callback's outcome now, or `ready` for a task that is due again.")
    text: str
    dead_letter: DeadLetterShown


class AlertShown(Shown):
    """Something that a person should look at."""

    id: str
    kind: str
    subject: str
    text: str
    what_to_do: str
    commands: list[str]
    detail: dict[str, Any]
    since: str
    last_at: str
    count: int
    closed_at: str | None
    closed_by: str | None


class LagShown(Shown):
    """How far the worker is behind the log."""

    callbacks: int = Field(description="Not decided yet; 1000 means as many or more.")
    seconds: float = Field(description="Age of the oldest of them.")
    moved_at: str | None = Field(None, description="When the worker last decided something; null before it ever did.")


class StatsShown(Shown):
    """Counts since the beginning, true across restarts, and what is open now."""

    accepted: dict[str, int] = Field(description="Callbacks kept in the log, by provider.")
    refused: dict[str, dict[str, int]] = Field(description="Requests refused at the door, by provider and reason.")
    outcomes: dict[str, int] = Field(description="What became of the callbacks, as it is today.")
    lag: LagShown
    waiting: dict[str, int] = Field(description="Callbacks that are `parked`, `in_doubt`, or `lapsed`.")
    dead_letters: dict[str, int] = Field(description="Open ones, by kind.")
    alerts: dict[str, int] = Field(description="Open ones, by kind.")
    tasks: dict[str, int] = Field(description="Those that are not done, by state.")
    log_bytes: dict[str, int] = Field(description="Size of the callback log's files.")


class CheckShown(Shown):
    """One thing that was looked at."""

    ok: bool
    told: str


class ReadinessShown(Shown):
    """Whether callbacks can be taken: what is not `needed` is told, but does not make it unready."""

    success: bool
    checks: dict[str, CheckShown]


class HandlerShown(Shown):
    """One registered handler."""

    name: str
    kind: str = Field(description="`webhook` or `event`.")
    provider: str
    path: str
    verification: str = Field(description="What proves its sender: `signature`, `token`, `nothing`.")
    configured: bool = Field(description="Whether what proves the sender is set up.")
    runs: str = Field(description="Where it works: `worker` (inside the transaction) or `slow lane`.")


class HandlersShown(Shown):
    """All registered handlers, by name."""

    handlers: list[HandlerShown]


class AlertsShown(Shown):
    """A page of alerts, newest first."""

    alerts: list[AlertShown]
    next_cursor: str | None


def body_shown(body: bytes) -> tuple[str, str]:
    """A body as text and as base64."""
    return body.decode(errors="replace"), base64.b64encode(body).decode()


TransactionShown.model_rebuild()
CallbackShown.model_rebuild()
