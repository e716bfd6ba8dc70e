"""`apply(self, connection, callbacks)` as somebody writes it, as the engine calls it."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from app.core.clock import now_us
from app.engine.callback import Callback, Outcome, OutcomeWord

_OURS = __name__.partition(".")[0]


def as_the_engine_calls(own: Callable[..., Any]) -> Callable[..., Any]:
    """`apply(self, connection, callbacks)` of your own → the engine's form with `at`, and an outcome each."""
    if inspect.iscoroutinefunction(own):
        raise TypeError("apply runs inside the worker's transaction and cannot be async; use handle for that")
    try:
        inspect.signature(own).bind(None, None, None, None)
        with_time = True
    except TypeError:
        with_time = False
    ours = not is_own(own)  # tested, and on the hot path

    @functools.wraps(own)
    def apply(self: Any, connection: Connection, callbacks: Sequence[Callback], at: int | None = None) -> Any:
        at = now_us() if at is None else at  # `super().apply(connection, callbacks)` of somebody's own
        told = own(self, connection, callbacks, at) if with_time else own(self, connection, callbacks)
        if told is None:
            return [Outcome(callback.id, OutcomeWord.APPLIED) for callback in callbacks]
        return told if ours else outcomes_of(told, callbacks)

    return apply


def is_own(apply: Callable[..., Any]) -> bool:
    """Whether it is code of somebody's own."""
    return apply.__module__.partition(".")[0] != _OURS


def outcomes_of(told: Any, callbacks: Sequence[Callback]) -> list[Outcome]:
    """What an `apply` of your own returned, if it is an outcome for each. Raises TypeError that says what is wrong."""
    outcomes = list(told) if isinstance(told, Iterable) else [told]
    for outcome in outcomes:
        if not isinstance(outcome, Outcome):
            kind = type(outcome).__name__
            raise TypeError(f"apply returned {kind}; it returns nothing, or a list with an Outcome for each callback")
        if outcome.word not in _OUTCOME_WORDS:
            raise TypeError(f"apply returned an Outcome of the word {outcome.word!r}; it is one of OutcomeWord")
    told_of = {outcome.callback_id for outcome in outcomes}
    for callback in callbacks:
        if callback.id not in told_of:
            raise TypeError(f"apply returned no outcome for the callback {callback.id}")
    return outcomes


_OUTCOME_WORDS = frozenset(OutcomeWord)
