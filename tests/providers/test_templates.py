from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from app.providers.message import Message
from app.providers.proving import Reading
from app.providers.templates import FUNCTIONS, TextError, compiled, place

BODY = (
    b'{"a": {"b": [{"c": "x"}, 10000.00]}, "n": 12345678901234567890, "t": true, "z": null, '
    b'"body": "inner", "u": "\xc3\xa9/"}'
)
MESSAGE = Message(
    BODY,
    {b"x-name": b"value", b"authorization": b"Bearer TOKEN"},
    "POST",
    "https://shop.example:8443/callbacks?q=1",
    "/callbacks",
    "q=1&empty=",
)


def rendered(text: str, body: bytes = BODY, how: str = "json", **more: Any) -> bytes | None:
    message = Message(body, MESSAGE.headers, MESSAGE.method, MESSAGE.url, MESSAGE.path, MESSAGE.query)
    given = {"timestamp": b"1764000000", "part:t": b"7"}
    return compiled(text).render(Reading(message, how, config={"id": "M1"}, secret=b"key", given=given, **more))


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("", b""),
        ("plain", b"plain"),
        ("{a.b[0].c}", b"x"),
        ("{a.b[1]}", b"10000.00"),
        ("{n}", b"12345678901234567890"),
        ("{t}", b"true"),
        ("{z}", None),
        ("{a}", None),
        ("{a.b[9].c}", None),
        ("{missing}", None),
        ("{field:body}", b"inner"),
        ("{body}", BODY),
        ("{header:X-Name}", b"value"),
        ("{header:Missing}", None),
        ("{query:q}{query:empty}.", b"1."),
        ("{method} {path}", b"POST /callbacks"),
        ("{timestamp}.{part:t}", b"1764000000.7"),
        ("{config:id}:{secret}", b"M1:key"),
        ('{"ok": true, "id": "{a.b[0].c}"}', b'{"ok": true, "id": "x"}'),
        ("{bearer(header:Authorization)}", b"TOKEN"),
        ("{optional(missing)}|{filled(query:empty)}", None),
        ("{optional(missing)}|", b"|"),
        ("{sha1hex(md5hex(join(config:id,secret,n)))}", None.__class__),
        ("{noport(url)}", b"https://shop.example/callbacks?q=1"),
        ("{quoted(url)}", b"https%3A%2F%2Fshop.example%3A8443%2Fcallbacks%3Fq%3D1"),
        ("{json(config:id)}{json(url)}", b'"M1""https://shop.example:8443/callbacks?q=1"'),
        ("{crc32(config:id)}", b"1439703949"),
        ("{withport(noport(url))}", b"https://shop.example:443/callbacks?q=1"),
    ],
)
def test_a_text_is_rendered_from_the_values_of_the_request(text: str, due: Any) -> None:
    told = rendered(text)
    if isinstance(due, type):
        assert told is not None
        assert len(told) == 40
    else:
        assert told == due


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{heder:X}", "begins with none of header:"),
        ("{header:}", "begins with none of"),
        ("{sha9(body)}", "is not a function here; there are ascii, "),
        ("{hmac256hex(secret)}", "takes 2 values, not 1"),
        ("{lower(a,b)}", "takes 1 value, not 2"),
        ("{a..b}", "is no path to a field, such as"),
        ("{a[x]}", "is no path"),
        ("{a[0}", "is no path"),
    ],
)
def test_a_text_that_means_nothing_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(TextError) as told:
        compiled(text)
    assert says in str(told.value)


def test_a_place_is_one_value_and_no_function() -> None:
    assert place("header:X-Name").read(Reading(MESSAGE, "json")) == b"value"
    with pytest.raises(TextError, match="a place is due"):
        place("lower(body)")


@tries(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.text("{}()[].,:abhdersw0", max_size=40))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    with suppress(TextError):
        told = compiled(text).render(Reading(MESSAGE, "json"))
        assert told is None or isinstance(told, bytes)
    with suppress(TextError):
        assert place(text).room


@tries(max_examples=150, deadline=None)
@given(body=st.binary(max_size=60), how=st.sampled_from(["json", "form", "json_or_form", "raw", "form_json:a"]))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_bytes_break_a_function(name: str, body: bytes, how: str) -> None:
    takes = FUNCTIONS[name].takes or 2
    told = rendered(f"{{{name}({','.join(['body'] * takes)})}}", body, how)
    assert told is None or isinstance(told, bytes)
