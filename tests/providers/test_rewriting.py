import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from app.providers.message import Unread
from app.providers.rewriting import ASCII, PHP, REWRITTEN_BYTES_MAX, compact, fields_sorted, form_sorted, rewritten
from tests.callbacks.vectors import HOSTILE_BODIES

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def test_numbers_and_the_order_of_keys_stay_as_they_came() -> None:
    body = b'{ "b" : 10000.00 , "a": [1e5, -0.0, 12345678901234567890123] , "c" : "x / \xc3\xa9" }'
    assert compact(body) == b'{"b":10000.00,"a":[1e5,-0.0,12345678901234567890123],"c":"x / \xc3\xa9"}'
    assert rewritten(body) == compact(body)
    assert rewritten(body, ASCII) == compact(body).replace(b"\xc3\xa9", b"\\u00e9")
    assert rewritten(body, PHP) == compact(body).replace(b"\xc3\xa9", b"\\u00e9").replace(b"/", b"\\/")


def test_each_writer_escapes_what_it_escapes() -> None:
    body = json.dumps({"t": 'a"\\\n\x01\x7f/é😀'}).encode()
    assert rewritten(body) == '{"t":"a\\"\\\\\\n\\u0001\x7f/é😀"}'.encode()
    assert rewritten(body, ASCII) == b'{"t":"a\\"\\\\\\n\\u0001\\u007f/\\u00e9\\ud83d\\ude00"}'
    assert rewritten(body, PHP) == b'{"t":"a\\"\\\\\\n\\u0001\x7f\\/\\u00e9\\ud83d\\ude00"}'


@tries(max_examples=200, deadline=None)
@given(value=VALUES)
def test_what_is_written_again_says_the_same(value: Any) -> None:
    spaced = json.dumps(value, indent=3, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for write in (compact, rewritten, lambda body: rewritten(body, ASCII), lambda body: rewritten(body, PHP)):
        assert json.loads(write(spaced)) == value
    assert rewritten(spaced) == json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    assert rewritten(spaced, ASCII) == json.dumps(value, separators=(",", ":")).encode()


@tries(max_examples=300, deadline=None)
@given(body=st.binary(max_size=80) | st.text('{}[]",:\\u d8019ae.-', max_size=40).map(str.encode))
def test_no_bytes_break_a_writer(body: bytes) -> None:
    for write in (compact, rewritten, form_sorted):
        with suppress(Unread):
            assert isinstance(write(body), bytes)


@pytest.mark.parametrize("body", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES)
def test_hostile_bodies_are_unread_or_written(body: bytes) -> None:
    for write in (compact, rewritten, form_sorted):
        with suppress(Unread):
            assert isinstance(write(body), bytes)


@pytest.mark.parametrize("depth", [300, 900, 20_000])
def test_what_nests_too_deeply_is_unread_and_nothing_else(depth: int) -> None:
    body = b"[" * depth + b"]" * depth
    for write in (compact, rewritten):
        with suppress(Unread):
            assert write(body) == body


def test_what_is_too_long_to_be_written_again_is_unread_and_compact_all_the_same() -> None:
    body = b'{"a": "' + b"x" * REWRITTEN_BYTES_MAX + b'"}'
    assert compact(body) == body.replace(b": ", b":")
    with pytest.raises(Unread, match="too long"):
        rewritten(body)


def test_a_forms_fields_are_glued_by_name_each_value_once() -> None:
    assert form_sorted(b"b=2&a=%C3%A9&b=1&b=2&c=") == "aéb1b2c".encode()
    assert form_sorted(b"") == b""


def test_fields_are_sorted_at_the_top_only() -> None:
    assert fields_sorted({"b": {"z": "/", "a": True}, "a": None}) == b'{"a":null,"b":{"z":"\\/","a":true}}'
