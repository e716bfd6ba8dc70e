"""What is to become of callbacks, inside the caller's transaction: the worker's batch and a direct call's alike.

Their handlers apply the effects; what came of each is written beside them.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from app.core.errors import TransactionEnded
from app.engine.callback import Callback, Handlers, Outcome, OutcomeWord, RoutedHandlers, routed
from app.engine.outcomes import close_letters, decided_before, rewrite_outcomes, write_outcomes


def decide(
    connection: Connection, handlers: Handlers, callbacks: Sequence[Callback], *, epoch_no: int, at: int
) -> list[Outcome]:
    """Decide these callbacks and apply their effects inside the caller's writing transaction → one outcome each.

    Those that have an outcome already keep it: a direct call was faster.
    """
    if not callbacks:
        return []
    known = decided_before(connection, callbacks[0].id, callbacks[-1].id)
    fresh = [callback for callback in callbacks if callback.id not in known] if known else callbacks
    decided = _apply(connection, handlers, fresh, at)
    write_outcomes(connection, fresh, [decided[callback.id] for callback in fresh], epoch_no=epoch_no, at=at)
    return [known.get(callback.id) or decided[callback.id] for callback in callbacks]


def _apply(connection: Connection, handlers: Handlers, callbacks: Sequence[Callback], at: int) -> dict[int, Outcome]:
    route = handlers.route if isinstance(handlers, RoutedHandlers) else None
    by_name: dict[str, list[Callback]] = {}
    for callback in callbacks:
        by_name.setdefault(callback.provider if route is None else routed(route, callback), []).append(callback)
    decided: dict[int, Outcome] = {}
    for name, group in by_name.items():
        handler = handlers.get(name)
        if handler is None:
            outcomes = [Outcome(c.id, OutcomeWord.SET_ASIDE, "no_handler", detail={"name": name}) for c in group]
        else:
            outcomes = handler.apply(connection, group, at)
            _still_in_transaction(connection, name)
        if route is not None:
            outcomes = _routed(outcomes, group, name)
        decided.update((outcome.callback_id, outcome) for outcome in outcomes)
    return decided


def _still_in_transaction(connection: Connection, name: str) -> None:
    """A handler of somebody's own that ends the transaction would take what others did in it with it, or half of it."""
    if not getattr(connection.connection.driver_connection, "in_transaction", True):
        raise TransactionEnded(name)


def _routed(outcomes: Sequence[Outcome], callbacks: Sequence[Callback], name: str) -> list[Outcome]:
    """The same, telling of those that came by another sender's name which handler acted."""
    moved = {callback.id for callback in callbacks if callback.provider != name}
    return [
        msgspec.structs.replace(outcome, detail={**outcome.detail, "handler": name})
        if outcome.callback_id in moved
        else outcome
        for outcome in outcomes
    ]


def decide_again(
    connection: Connection,
    handlers: Handlers,
    callback: Callback,
    *,
    who: str,
    at: int,
    reason: str | None = None,
    decided_by: int | None = None,
) -> Outcome:
    """Decide one callback anew with today's facts, inside the caller's writing transaction; closes its dead letter.

    `who` and `reason` are kept with the letter; `decided_by` names the cause that is kept with the outcome.
    """
    close_letters(connection, "callback", [callback.id], how="retried", by=who, reason=reason, at=at)
    outcome = _apply(connection, handlers, [callback], at)[callback.id]
    rewrite_outcomes(connection, [outcome], decided_by=decided_by, at=at)
    return outcome
