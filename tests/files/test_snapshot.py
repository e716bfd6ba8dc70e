"""The table of changes, and the one law that matters: applying the changes to what was gives what is."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.files.snapshot import Change, Kind, State, applied, changes_between, rebased

ONE, TWO, THREE = State(1, 10, 5, 100), State(1, 11, 5, 100), State(1, 12, 7, 300)
ONE_WRITTEN = State(1, 10, 6, 200)

paths = st.lists(st.sampled_from([b"a", b"b", b"c", b"d\xff"]), min_size=1, max_size=3).map(b"/".join)
states = st.builds(State, st.integers(1, 2), st.integers(1, 4), st.integers(0, 2), st.integers(0, 2))
folders = st.dictionaries(paths, states, max_size=8)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({}, {b"a": ONE}, [Change(Kind.CREATED, b"a", ONE)]),
        ({b"a": ONE}, {b"a": ONE}, []),
        ({b"a": ONE}, {b"a": ONE_WRITTEN}, [Change(Kind.MODIFIED, b"a", ONE_WRITTEN)]),
        ({b"a": ONE}, {b"a": TWO}, [Change(Kind.MODIFIED, b"a", TWO)]),  # an atomic save
        ({b"a": ONE}, {}, [Change(Kind.DELETED, b"a")]),
        ({b"a": ONE}, {b"b": ONE}, [Change(Kind.MOVED, b"a", ONE, b"b")]),
        (  # its number was given to another file
            {b"a": ONE},
            {b"b": ONE_WRITTEN},
            [Change(Kind.DELETED, b"a"), Change(Kind.CREATED, b"b", ONE_WRITTEN)],
        ),
        (  # a rename over a file
            {b"a": ONE, b"b": TWO},
            {b"b": ONE},
            [Change(Kind.DELETED, b"a"), Change(Kind.MODIFIED, b"b", ONE)],
        ),
        (  # two that change places
            {b"a": ONE, b"b": TWO},
            {b"a": TWO, b"b": ONE},
            [Change(Kind.MODIFIED, b"a", TWO), Change(Kind.MODIFIED, b"b", ONE)],
        ),
        (  # a row of renames
            {b"a": ONE, b"b": TWO},
            {b"b": ONE, b"c": TWO},
            [Change(Kind.DELETED, b"a"), Change(Kind.MODIFIED, b"b", ONE), Change(Kind.CREATED, b"c", TWO)],
        ),
        ({b"a": ONE}, {b"a": ONE, b"b": ONE}, [Change(Kind.CREATED, b"b", ONE)]),  # a second name for it
        (  # two names of one file, of which one went away and one was changed
            {b"a": ONE, b"b": ONE},
            {b"c": ONE},
            [Change(Kind.MOVED, b"a", ONE, b"c"), Change(Kind.DELETED, b"b")],
        ),
        (  # a file became a folder
            {b"a": ONE},
            {b"a/b": TWO},
            [Change(Kind.DELETED, b"a"), Change(Kind.CREATED, b"a/b", TWO)],
        ),
    ],
)
def test_the_table(before: Mapping[bytes, State], now: Mapping[bytes, State], expected: list[Change]) -> None:
    assert changes_between(before, now) == expected


@given(before=folders, now=folders)
def test_applying_the_changes_to_what_was_gives_what_is(before: dict[bytes, State], now: dict[bytes, State]) -> None:
    changes = changes_between(before, now)
    assert applied(before, changes) == now
    told = [path for change in changes for path in {change.path, change.moved_to or change.path}]
    assert len(told) == len(set(told))


@given(before=folders, now=folders, told=st.integers(0, 20))
def test_whoever_stops_in_the_middle_goes_on_to_the_same_end(
    before: dict[bytes, State], now: dict[bytes, State], told: int
) -> None:
    halfway = applied(before, changes_between(before, now)[:told])
    assert applied(halfway, changes_between(halfway, now)) == now


@given(before=folders, now=folders, unreadable=st.sets(paths, max_size=3))
def test_what_lies_below_an_unreadable_folder_counts_as_unchanged(
    before: dict[bytes, State], now: dict[bytes, State], unreadable: set[bytes]
) -> None:
    def hidden(path: bytes) -> bool:
        parts = path.split(b"/")
        return any(b"/".join(parts[:count]) in unreadable for count in range(1, len(parts) + 1))

    now = {path: state for path, state in now.items() if not hidden(path)}
    kept = {path: state for path, state in before.items() if hidden(path)}
    assert applied(before, changes_between(before, now, unreadable)) == now | kept


def test_a_folder_that_cannot_be_read_at_all_has_lost_nothing() -> None:
    assert changes_between({b"a": ONE, b"b/c": TWO}, {}, {b""}) == []


def test_where_numbers_are_made_up_only_size_and_time_count() -> None:
    other = State(1, 99, ONE.size, ONE.mtime_ns)
    assert changes_between({b"a": ONE}, {b"a": other}, numbered=False) == []
    assert [change.kind for change in changes_between({b"a": ONE}, {b"b": ONE}, numbered=False)] == [
        Kind.DELETED,
        Kind.CREATED,
    ]


def test_a_file_system_that_was_mounted_anew_holds_the_same_files() -> None:
    before = {b"a": ONE, b"sub/b": State(7, 10, 5, 100)}
    now = {b"a": State(3, 10, 5, 100), b"sub/b": State(7, 10, 5, 100)}
    assert changes_between(rebased(before, 1, 3), now) == []
    assert before[b"a"] == ONE


def test_what_is_equal_is_told_in_the_same_order_each_time() -> None:
    before, now = {b"z": ONE, b"a": TWO}, {b"y": THREE, b"b": TWO}
    assert changes_between(before, now) == changes_between(dict(reversed(before.items())), dict(reversed(now.items())))
