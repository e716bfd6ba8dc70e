"""When again and when never, as a table and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.tasks import Again, Failure, Finished, GiveUp, Policy, Success, Task
from app.engine.tasks.policy import after_failure, after_try, backoff_seconds, before_try

SECOND = 1_000_000
AT = 1_700_000_000 * SECOND
HOUR = Policy(base_seconds=2, cap_seconds=60, tries_max=None, age_seconds_max=3_600)


def a_task(tries: int = 1, age_seconds: float = 0, error: str = "") -> Task:
    created_at = AT - int(age_seconds * SECOND)
    return Task(
        id=1,
        key="k",
        kind="ask",
        destination="api",
        payload="{}",
        tries=tries,
        fence=tries,
        created_at=created_at,
        last_error=error,
    )


@pytest.mark.parametrize(
    ("tries", "longest"), [(1, 2.0), (2, 4.0), (3, 8.0), (5, 32.0), (6, 60.0), (7, 60.0), (5_000, 60.0)]
)
def test_the_longest_wait_doubles_up_to_the_cap(tries: int, longest: float) -> None:
    assert backoff_seconds(tries, HOUR) == longest


@pytest.mark.parametrize(
    ("task", "failure", "limits", "reason"),
    [
        (a_task(), Failure("gone", final=True), HOUR, "final"),
        (a_task(), Failure("gone", final=True, reason="webhook_gone"), HOUR, "webhook_gone"),
        (a_task(tries=3), Failure("500"), Policy(tries_max=3), "tries_used_up"),
        (a_task(age_seconds=3_600), Failure("500"), HOUR, "too_old"),
        (a_task(), Failure("429", retry_after_seconds=86_401), HOUR, "told_to_wait_too_long"),
        (a_task(), Failure("429", retry_after_seconds=float("inf")), HOUR, "told_to_wait_too_long"),
        (a_task(), Failure("429", retry_after_seconds=float("nan")), HOUR, "told_to_wait_too_long"),
    ],
)
def test_what_cannot_become_better_is_given_up_with_a_reason(
    task: Task, failure: Failure, limits: Policy, reason: str
) -> None:
    verdict = after_failure(task, failure, AT, 0.5, limits)

    assert isinstance(verdict, GiveUp)
    assert (verdict.reason, verdict.error, verdict.detail) == (reason, failure.error, {"tries": task.tries})


@pytest.mark.parametrize(
    ("told", "rest"),
    [(None, None), (30.0, 30), (-5.0, 0), (86_401.0, 86_400), (float("inf"), 86_400), (float("nan"), 86_400)],
)
def test_who_asked_for_time_gets_it_from_the_others_when_a_task_is_given_up(
    told: float | None, rest: int | None
) -> None:
    verdict = after_failure(a_task(tries=3), Failure("429", retry_after_seconds=told), AT, 0.5, Policy(tries_max=3))

    assert isinstance(verdict, GiveUp)
    assert verdict.rests_until == (None if rest is None else AT + rest * SECOND)


def test_a_failure_waits_a_random_part_of_the_longest_wait() -> None:
    assert after_failure(a_task(tries=2), Failure("500"), AT, 0.25, HOUR) == Again(AT + SECOND, "500")


def test_a_wait_told_by_the_destination_is_never_cut_and_its_lane_rests_until_then() -> None:
    verdict = after_failure(a_task(age_seconds=3_599), Failure("429", retry_after_seconds=120.5), AT, 0.0, HOUR)

    assert isinstance(verdict, Again)
    assert verdict.rests_until == AT + 120_500_000
    assert verdict.due_at > verdict.rests_until


def test_the_last_try_is_made_when_the_age_is_reached() -> None:
    verdict = after_failure(a_task(tries=9, age_seconds=3_599), Failure("500"), AT, 0.9, HOUR)

    assert verdict == Again(AT + SECOND, "500")


def test_a_task_that_never_told_how_it_ended_is_not_tried_once_more() -> None:
    assert before_try(a_task(tries=3), Policy(tries_max=3)) is None
    assert before_try(a_task(tries=4, error="500"), Policy(tries_max=3)) == Failure(
        "500", final=True, reason="never_ended"
    )
    assert before_try(a_task(tries=4_000), HOUR) is None


def test_a_success_is_finished() -> None:
    assert after_try(a_task(), Success(), AT, 0.5, HOUR) == Finished()


@given(
    tries=st.integers(1, 10_000),
    age_seconds=st.floats(0, 4_000),
    told=st.none() | st.floats(allow_nan=True, allow_infinity=True),
    random=st.floats(0, 1, exclude_max=True),
    final=st.booleans(),
)
def test_every_failure_leads_to_one_later_time_or_to_an_end(
    tries: int, age_seconds: float, told: float | None, random: float, *, final: bool
) -> None:
    task, failure = a_task(tries, age_seconds), Failure("x", final=final, retry_after_seconds=told)

    verdict = after_failure(task, failure, AT, random, HOUR)

    if isinstance(verdict, GiveUp):
        assert verdict.reason
        return
    assert AT < verdict.due_at <= AT + int((HOUR.wait_seconds_max + HOUR.cap_seconds) * SECOND)
    assert not final
    if told is None:
        assert verdict.due_at <= max(task.created_at + 3_600 * SECOND, AT + SECOND)
    else:
        assert verdict.due_at >= AT + int(max(told, 0) * SECOND)
