import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.files.snapshot import Change, Kind, State
from app.operate.files.told import NoEventOfOurs, change_of, event_of

names = st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 47} & set(name))
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
states = st.builds(
    State, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**62), st.integers(-(2**62), 2**62)
)
changes = st.one_of(
    st.builds(Change, st.sampled_from([Kind.CREATED, Kind.MODIFIED]), paths, states, st.none(), st.booleans()),
    st.builds(Change, st.just(Kind.DELETED), paths),
    st.builds(Change, st.just(Kind.MOVED), paths, states, paths),
)


def test_an_event_says_what_a_handler_needs() -> None:
    state = State(1, 2, 3, 4)
    assert event_of("/srv/inbox", Change(Kind.CREATED, b"sub/a.csv", state)) == {
        "event_type": "file_created",
        "path": "/srv/inbox/sub/a.csv",
        "filename": "a.csv",
        "size": 3,
        "version": "1-2-3-4",
    }
    assert event_of("/srv/inbox", Change(Kind.MODIFIED, b"a", state, still_written=True))["still_written"] is True
    assert event_of("/", Change(Kind.DELETED, b"a.csv")) == {
        "event_type": "file_deleted",
        "path": "/a.csv",
        "filename": "a.csv",
    }
    moved = event_of("/srv", Change(Kind.MOVED, b"a.csv", state, b"done/b.csv"))
    assert (moved["path"], moved["dest_path"], moved["filename"]) == ("/srv/a.csv", "/srv/done/b.csv", "b.csv")


def test_a_name_that_is_no_text_is_readable_and_its_bytes_are_beside_it() -> None:
    event = event_of("/srv", Change(Kind.DELETED, b"\xff.csv"))
    assert (event["path"], event["path_base64"], event["filename"]) == (
        "/srv/\ufffd.csv",
        "L3Nydi//LmNzdg==",
        "\ufffd.csv",
    )


@given(change=changes)
def test_what_an_event_tells_is_read_back_whole(change: Change) -> None:
    body = msgspec.json.encode(event_of("/srv/in box", change))
    assert change_of("/srv/in box", body) == change
    assert change_of("/srv/in", body) is None
    assert msgspec.json.encode(event_of("/srv/in box", change)) == body
    assert json.loads(body)["event_type"] == change.kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"path": "/srv/a"}',
        b'{"path": "/srv/a", "event_type": "on_message"}',
        b'{"path": 7, "event_type": "file_deleted"}',
        b'{"path": "/srv/a", "event_type": "file_created"}',
        b'{"path": "/srv/a", "event_type": "file_created", "version": "1-2"}',
        b'{"path": "/srv/a", "path_base64": "?", "event_type": "file_deleted"}',
    ],
)
def test_what_no_watcher_wrote_is_said(body: bytes) -> None:
    with pytest.raises(NoEventOfOurs):
        change_of("/srv", body)
