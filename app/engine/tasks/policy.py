"""When again, when never: what follows from one try, decided from values alone. Pure."""

from app.engine.tasks import Again, Failure, Finished, GiveUp, Policy, Result, Success, Task, Verdict

#: Why a task is given up that must not be repeated, and of which nobody knows whether it arrived.
PERHAPS_SENT = "perhaps_sent"

_SECOND = 1_000_000
_DAY_SECONDS = 86_400.0
_LEAST_WAIT = 1_000  # a wait of nothing would try again in the same breath


def before_try(task: Task, limits: Policy) -> Failure | None:
    """Refuse a try that should not be made: the task was claimed too often and never told how it ended.

    A task that takes its process down leaves no failure behind; its tries count all the same. What must not be done
    twice is not tried after one.
    """
    if task.unended and not task.repeatable:
        return Failure("the process ended in the middle of a try", final=True, lost=True, reason=PERHAPS_SENT)
    if limits.tries_max is not None and task.tries > limits.tries_max:
        return Failure(task.last_error or "no try ever ended", final=True, reason="never_ended")
    return None


def after_try(task: Task, result: Result, at: int, random: float, limits: Policy) -> Verdict:
    """What the policy makes of a result; `at` in microseconds, `random` in [0, 1)."""
    return Finished() if isinstance(result, Success) else after_failure(task, result, at, random, limits)


def after_failure(task: Task, failure: Failure, at: int, random: float, limits: Policy) -> Again | GiveUp:
    """Exponential backoff with full jitter, or a reason to give up.

    The destination's own word (`retry_after_seconds`) outweighs backoff and age: never earlier, and spread a little, so
    that what waited together does not start together. Otherwise the last try is made when the age is reached.
    """
    told = failure.retry_after_seconds
    if failure.counts and (reason := _hopeless(task, failure, at, limits)):
        rests_until = None if told is None else at + int(_rest_seconds(told, limits) * _SECOND)
        return GiveUp(reason, failure.error, {"tries": task.tries}, rests_until, everywhere=failure.everywhere)
    spread = max(_LEAST_WAIT, int(random * backoff_seconds(task.tries, limits) * _SECOND))
    if told is not None:
        until = at + int(max(told, 0.0) * _SECOND)
        return Again(until + spread, failure.error, until, everywhere=failure.everywhere, counts=failure.counts)
    due_at = at + spread
    if limits.age_seconds_max is not None:
        due_at = min(due_at, max(_deadline(task, limits.age_seconds_max), at + _LEAST_WAIT))
    return Again(due_at, failure.error, counts=failure.counts)


def backoff_seconds(tries: int, limits: Policy) -> float:
    """The longest wait after so many tries: base, doubled each time, up to the cap."""
    doublings = min(max(tries - 1, 0), 62)  # beyond lies no cap that anyone sets
    return min(limits.cap_seconds, limits.base_seconds * 2.0**doublings)


def _hopeless(task: Task, failure: Failure, at: int, limits: Policy) -> str:
    if failure.lost and not task.repeatable:
        return PERHAPS_SENT
    if failure.final:
        return failure.reason or "final"
    if limits.tries_max is not None and task.tries >= limits.tries_max:
        return failure.reason or "tries_used_up"
    if limits.age_seconds_max is not None and at >= _deadline(task, limits.age_seconds_max):
        return failure.reason or "too_old"
    told = failure.retry_after_seconds
    # `not <=`: NaN is no time to wait either
    if told is not None and not told <= limits.wait_seconds_max:
        return failure.reason or "told_to_wait_too_long"
    return ""


def _rest_seconds(told: float, limits: Policy) -> float:
    """How long the others wait: what is beyond all patience, or no number, is asked again after a day."""
    return max(told, 0.0) if told <= limits.wait_seconds_max else min(limits.wait_seconds_max, _DAY_SECONDS)


def _deadline(task: Task, age_seconds_max: float) -> int:
    return task.created_at + int(age_seconds_max * _SECOND)
