import pytest

from app.files.settling import Patience, Verdict, Waiting, Writers, due, seen, verdict
from app.files.snapshot import State

NOW_NS = 10**18
NEW, OLD, GROWN = State(1, 2, 3, NOW_NS), State(1, 2, 3, NOW_NS - 10**12), State(1, 2, 4, NOW_NS)
P = Patience(settle=0.5, rest=30, still_written=300)


def told(state: State, writers: Writers, rested: float, waited: float | None = None) -> Verdict:
    waiting = Waiting(state, 1000 - (rested if waited is None else waited), 1000 - rested)
    return verdict(waiting, writers, P, at=1000, wall_ns=NOW_NS)


@pytest.mark.parametrize(
    ("state", "writers", "rested", "waited", "expected"),
    [
        (NEW, Writers.NONE, 0.0, None, Verdict.WAIT),
        (NEW, Writers.NONE, 0.5, None, Verdict.WHOLE),
        (OLD, Writers.NONE, 0.0, None, Verdict.WHOLE),  # moved in, or written while nobody watched
        (OLD, Writers.SOME, 0.0, None, Verdict.WAIT),
        (OLD, Writers.UNKNOWN, 0.0, None, Verdict.WAIT),  # a server's clock may be anything
        (NEW, Writers.SOME, 29.9, None, Verdict.WAIT),
        (NEW, Writers.SOME, 30.0, None, Verdict.WHOLE),
        (NEW, Writers.UNKNOWN, 30.0, None, Verdict.WHOLE),
        (NEW, Writers.SOME, 1.0, 299.0, Verdict.WAIT),
        (NEW, Writers.SOME, 1.0, 300.0, Verdict.STILL_WRITTEN),
        (NEW, Writers.UNKNOWN, 0.0, 300.0, Verdict.STILL_WRITTEN),
        (NEW, Writers.NONE, 0.5, 300.0, Verdict.WHOLE),
    ],
)
def test_when_a_file_is_whole(
    state: State, writers: Writers, rested: float, waited: float | None, expected: Verdict
) -> None:
    assert told(state, writers, rested, waited) is expected


def test_what_changes_rests_from_then_on_and_has_waited_since_the_first_change() -> None:
    first = seen(None, NEW, 100)
    assert first == Waiting(NEW, 100, 100)
    assert seen(first, NEW, 105) is first
    assert seen(first, GROWN, 105) == Waiting(GROWN, 100, 105)


def test_it_is_looked_at_again_when_it_may_be_whole() -> None:
    assert due(Waiting(NEW, 100, 105), Writers.NONE, P) == 105.5
    assert due(Waiting(NEW, 100, 105), Writers.SOME, P) == 135
    assert due(Waiting(NEW, 100, 390), Writers.SOME, P) == 400
