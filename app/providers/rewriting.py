"""A JSON body written again, for senders who sign what they wrote: numbers and order of keys as they came. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from app.providers.message import Number, Unread, read_form, read_json

#: Text in quotation marks (also one that does not end), and what stands between.
_PARTS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[^"]+', re.DOTALL)


def compact(body: bytes) -> bytes:
    """The same bytes without the spaces between its parts."""
    return b"".join(part if part[:1] == b'"' else part.translate(None, b" \t\r\n") for part in _PARTS.findall(body))


class Writing(NamedTuple):
    """How JSON is written where writers differ."""

    ascii_only: bool = False  # what is no ASCII is escaped
    slashes: bool = False  # `/` is written `\\/`


PLAIN = Writing()
ASCII = Writing(ascii_only=True)
PHP = Writing(ascii_only=True, slashes=True)


def rewritten(body: bytes, how: Writing = PLAIN) -> bytes:
    """Parsed and written without spaces. Raises Unread."""
    return written(read_json(body), how)


def written(data: Any, how: Writing = PLAIN) -> bytes:
    """A value of `read_json` as compact JSON. Raises Unread for text that is no Unicode."""
    out: list[str] = []
    _write(data, out, how)
    try:
        return "".join(out).encode()
    except UnicodeEncodeError:
        raise Unread("the body holds text that is no Unicode") from None


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TWO_UNITS = 0x10000  # from here on a character is written as two


def _write(data: Any, out: list[str], how: Writing) -> None:
    if isinstance(data, dict):
        _write_all(((_text(key, how) + ":", value) for key, value in data.items()), "{}", out, how)
    elif isinstance(data, list):
        _write_all((("", value) for value in data), "[]", out, how)
    elif isinstance(data, Number):
        out.append(str.__str__(data))
    elif isinstance(data, str):
        out.append(_text(data, how))
    elif isinstance(data, bool):
        out.append("true" if data else "false")
    else:
        out.append("null" if data is None else str(data))


def _write_all(items: Iterable[tuple[str, Any]], around: str, out: list[str], how: Writing) -> None:
    out.append(around[0])
    for number, (key, value) in enumerate(items):
        out.append("," + key if number else key)
        _write(value, out, how)
    out.append(around[1])


def _text(text: str, how: Writing) -> str:
    return '"' + "".join(_char(char, how) for char in text) + '"'


def _char(char: str, how: Writing) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char == "/" and how.slashes:
        return "\\/"
    if char < " " or (how.ascii_only and char > "~"):
        return _escaped(ord(char))
    return char


def _escaped(code: int) -> str:
    if code < _TWO_UNITS:
        return f"\\u{code:04x}"
    code -= _TWO_UNITS
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def form_sorted(body: bytes) -> bytes:
    """A form's fields by name, each value once and in order, name and value glued. Raises Unread."""
    fields: dict[str, set[str]] = {}
    for name, value in read_form(body) if body else ():
        fields.setdefault(name, set()).add(value)
    return "".join(name + value for name in sorted(fields) for value in sorted(fields[name])).encode()


def fields_sorted(data: Mapping[str, Any]) -> bytes:
    """An object's fields by name, as PHP writes them. Raises Unread."""
    return written(dict(sorted(data.items())), PHP)
