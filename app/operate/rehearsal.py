"""What a replay would do, without doing it: decided by the same code inside a transaction, and taken back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from app.core.language import Lang
from app.engine.callback import Callback, Handlers, Outcome, OutcomeWord, Route, RoutedHandlers, acting, acts
from app.engine.log import Log
from app.ledger import books
from app.ledger.effect import Effect, effect
from app.ledger.facts import Fact, Level
from app.ledger.postings import NOTHING_MOVED, Account, journal
from app.ledger.record import record
from app.operate import inbox
from app.operate.advice import reason_text
from app.operate.again import Decided, Person, decide_anew, in_log
from app.operate.alerts_shown import AlertShown
from app.operate.outcomes import alerts_about, outcomes_of, subjects_of
from app.operate.replay_shown import MoveShown, ReplayExplainedShown
from app.operate.savepoint import savepoint
from app.operate.shown import amount_text
from app.operate.texts import status as status_text

_NOBODY = Person("nobody", "a rehearsal")


class Rehearsing(RoutedHandlers[Any]):
    """The same handlers, deciding without running code of somebody's own: it may do more than write to the state."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    @property
    def route(self) -> Route | None:
        """As theirs."""
        return self._handlers.route if isinstance(self._handlers, RoutedHandlers) else None

    def __getitem__(self, name: str) -> Any:
        return _Rehearsal(self._handlers[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)

    def can_tell(self, name: str) -> bool:
        """Whether what this handler makes of a callback is known without running it."""
        handler = self._handlers.get(name)
        recorded = hasattr(handler, "telling") and not getattr(handler, "own_apply", False)
        return handler is None or recorded or getattr(handler, "hands_over", False)


class _Rehearsal:
    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        telling = getattr(self._handler, "telling", None)
        if telling is None:
            return [Outcome(callback.id, OutcomeWord.APPLIED, "handed_over") for callback in callbacks]
        return record(connection, [telling(each) for each in callbacks], at=at, policy=self._handler.policy())


def foresee(connection: Connection, callbacks: Log, handlers: Handlers, callback_id: int, *, at: int) -> Decided | None:
    """What a replay would make of it; None where only its handler's own code can tell.

    Runs inside the caller's writing transaction and takes back what it writes. Raises what `decide_anew` raises.
    """
    rehearsing = Rehearsing(handlers)
    if not rehearsing.can_tell(acting(handlers, in_log(callbacks, callback_id))[0]):
        was = outcomes_of(connection, [callback_id]).get(callback_id)
        if was is None or was.outcome != OutcomeWord.APPLIED:
            return None
    return decide_anew(connection, callbacks, rehearsing, callback_id, person=_NOBODY, at=at, keep=False)


class _Picture(msgspec.Struct, frozen=True):
    """An order at one moment."""

    known: Mapping[Fact, Level]
    effect: Effect | None  # None: not announced
    asked: frozenset[str]
    alerts: Mapping[str, AlertShown]


def explain(
    connection: Connection, callbacks: Log, handlers: Handlers, callback_id: int, *, at: int, lang: Lang
) -> tuple[Decided | None, ReplayExplainedShown]:
    """What a replay would make of one callback today, why, and what it would move; takes back what it writes."""
    callback = in_log(callbacks, callback_id)
    decided = foresee(connection, callbacks, handlers, callback_id, at=at)
    number = None
    if decided is not None:
        number = decided.outcome.order_no if decided.outcome.order_no is not None else decided.was.order_no
    order = books.order_no(connection, number) if number is not None else None
    before = _picture(connection, order, lang)
    after = before
    if decided is not None and decided.changed:
        with savepoint(connection):
            decide_anew(connection, callbacks, Rehearsing(handlers), callback_id, person=_NOBODY, at=at)
            after = _picture(connection, order, lang)
    row = getattr(acts(handlers, callback), "row", None)
    known = books.facts_of(connection, order.no) if order is not None else []
    says = inbox.explain(handlers, callback, order, known, lang=lang)
    doubts = decided is not None and decided.outcome.word is OutcomeWord.IN_DOUBT
    return decided, ReplayExplainedShown(
        row=row(callback) if row is not None else "",
        # what its facts alone would move, believed or not, is not what a replay moves
        says=None if says is None else says.model_copy(update={"moves": ""}),
        doubt=reason_text(decided.outcome.reason, decided.outcome.detail, lang) if decided and doubts else "",
        facts=[inbox.fact_text(fact) for fact, level in after.known.items() if before.known.get(fact, -1) < level],
        moves=_moves(order, before, after),
        status=_status(before, lang),
        status_after=_status(after, lang),
        asks=sorted(after.asked - before.asked),
        alerts=[alert for key, alert in after.alerts.items() if before.alerts.get(key) != alert],
    )


def _picture(connection: Connection, order: books.OrderRow | None, lang: Lang) -> _Picture:
    if order is None:
        return _Picture({}, None, frozenset(), {})
    known = {row.fact: row.level for row in books.facts_of(connection, order.no)}
    asked = connection.execute(
        text(
            "SELECT json_extract(payload, '$.attempt') FROM callback_tasks"
            " WHERE key >= :first AND key < :end AND state IN ('ready', 'running')"
        ),
        {"first": f"ask:{order.no}:", "end": f"ask:{order.no};"},
    ).scalars()
    alerts = alerts_about(connection, [*subjects_of(order.order_id), f"wallet:{order.user_id}"], lang=lang)
    return _Picture(
        known,
        effect(order.kind, order.amount, known) if order.announced_at is not None else None,
        frozenset(asked),
        {alert.id: alert for alert in alerts},
    )


def _status(picture: _Picture, lang: Lang) -> str:
    return status_text(picture.effect.status, lang) if picture.effect is not None else ""


def _moves(order: books.OrderRow | None, before: _Picture, after: _Picture) -> list[MoveShown]:
    if order is None:
        return []
    was = before.effect.position if before.effect is not None else NOTHING_MOVED
    becomes = after.effect.position if after.effect is not None else NOTHING_MOVED
    names = {
        Account.WALLET: order.user_id,
        Account.HELD: order.user_id,
        Account.CLEARING: order.provider,
        Account.SALES: order.kind,
    }
    return [
        MoveShown(account=f"{account}:{names[account]}", amount=amount_text(amount))
        for account, amount in journal(was, becomes)
    ]
