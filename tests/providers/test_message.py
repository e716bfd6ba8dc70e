from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from app.providers import message
from app.providers.message import MISSING, Unread, field_of, path_of, read_body, text_at
from tests.callbacks.vectors import HOSTILE_BODIES

HOWS = ("json", "form", "json_or_form", "raw", "form_json:data")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("[0].id", (0, "id")),
        ("[].id", (0, "id")),
        ("a[0][12]", ("a", 0, 12)),
        ("header.event_id", ("header", "event_id")),
        ("a-b.c_d", ("a-b", "c_d")),
        ("", None),
        ("a..b", None),
        ("a[", None),
        ("a[-1]", None),
        ("a[1]x", None),
        ("a[9999999]", None),
        ("a[²]", None),
    ],
)
def test_a_path_leads_through_names_and_places_in_lists(text: str, path: Any) -> None:
    assert path_of(text) == path


@pytest.mark.parametrize(
    ("body", "how", "path", "due"),
    [
        (b'{"amount": 10000.00}', "json", "amount", "10000.00"),
        (b'{"id": 5000000000000000000001}', "json", "id", "5000000000000000000001"),
        (b'{"a": {"b": [1, {"c": "\\u00e9"}]}}', "json", "a.b[1].c", "é"),
        (b'[{"id": false}]', "json", "[0].id", "false"),
        (b'{"a": 1, "a": 2}', "json", "a", "2"),
        (b'{"a": null, "b": [1], "c": {}}', "json", "a", None),
        (b'{"a": null, "b": [1], "c": {}}', "json", "b", None),
        (b'{"a": "\\ud83d\\ude00"}', "json", "a", "😀"),
        (b"a=1&a=2&b=x+y%21", "form", "a", "1"),
        (b"a=1&a=2&b=x+y%21", "form", "b", "x y!"),
        (b"a=1", "json_or_form", "a", "1"),
        (b' {"a": 1}', "json_or_form", "a", "1"),
        (b"data=%7B%22id%22%3A+7%7D&token=t", "form_json:data", "data.id", "7"),
        (b"data=%7B%22id%22%3A+7%7D&token=t", "form_json:data", "token", "t"),
    ],
)
def test_a_field_is_told_as_it_was_written(body: bytes, how: str, path: str, due: str | None) -> None:
    assert text_at(read_body(body, how), path_of(path) or ()) == due


@pytest.mark.parametrize("how", ["json", "json_or_form", "form_json:data", "form"])
@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_hostile_body_is_unread_or_has_no_such_field(name: str, how: str) -> None:
    with suppress(Unread):
        data = read_body(HOSTILE_BODIES[name], how)
        assert text_at(data, ("no", 0, "such")) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": 01}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a": "\\ud800"}',
        b"{} {}",
        b"hello",
    ],
)
def test_what_is_not_json_is_unread(body: bytes) -> None:
    with pytest.raises(Unread, match="not JSON"):
        read_body(body, "json")


def test_a_form_of_too_many_fields_and_one_without_its_json_are_unread() -> None:
    for body, how in ((b"&".join([b"a=1"] * 1001), "form"), (b"data=7", "form_json:data"), (b"x=1", "form_json:data")):
        with pytest.raises(Unread):
            read_body(body, how)


def test_a_value_is_not_there_where_something_else_stands() -> None:
    data = read_body(b'{"a": [1], "b": "x"}', "json")
    for path in (("a", "x"), ("a", 1), ("b", 0), ("b", "c"), ("c",)):
        assert field_of(data, path) is MISSING


def test_what_was_looked_into_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = read_body(b'{"a": [{"b": {"c": 1, "d": 2}}]}', "json")
    assert text_at(data, ("a", 0, "b", "c")) == "1"
    parsed: list[bytes] = []
    opened = message.opened
    monkeypatch.setattr(message, "opened", lambda value: _noted(parsed, opened, value))
    assert text_at(data, ("a", 0, "b", "d")) == "2"
    assert parsed == [b"2"]


def _noted(parsed: list[bytes], opened: Callable[[Any], Any], value: Any) -> Any:
    parsed += [bytes(value)] if isinstance(value, msgspec.Raw) else []
    return opened(value)


@tries(max_examples=400, deadline=None)
@given(
    body=st.binary(max_size=80) | st.text('{}[]",:&=%+dat0.x', max_size=60).map(str.encode),
    how=st.sampled_from(HOWS),
    path=st.lists(st.sampled_from(["a", "data", "d", 0, 1]), min_size=1, max_size=3),
)
def test_no_bytes_break_a_reader(body: bytes, how: str, path: list[str | int]) -> None:
    with suppress(Unread):
        told = text_at(read_body(body, how), path)
        assert told is None or isinstance(told, str)


@tries(max_examples=300, deadline=None)
@given(text=st.text(max_size=30) | st.text("a.[]0", max_size=12))
def test_any_text_is_a_path_or_none(text: str) -> None:
    path = path_of(text)
    assert path is None or path
