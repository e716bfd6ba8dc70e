"""A JSON body written again, for senders who sign what they wrote: numbers and order of keys as they came. Pure."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, TypeAlias

import msgspec

from app.providers.message import Number, Unread, read_form, read_json

#: What is written again is parsed to its last leaf, before anything proves it: no callback of a sender who writes JSON
#: anew is longer. Longer ones must fit as they came, or without their spaces.
REWRITTEN_BYTES_MAX = 65_536


def compact(body: bytes) -> bytes:
    """The same bytes without the spaces between its parts. Raises Unread."""
    try:
        return msgspec.json.format(body, indent=-1)
    except (msgspec.MsgspecError, RecursionError):
        raise Unread("the body is not JSON") from None


#: How a text is written, with its quotation marks, where writers differ.
Writing: TypeAlias = Callable[[str], str]


def _as_php(text: str) -> str:
    # PHP escapes `/` and all that is no ASCII, but not DEL; Python's writer does.
    parts = (encode_basestring_ascii(part)[1:-1] for part in text.split("\x7f"))
    return '"' + "\x7f".join(parts).replace("/", "\\/") + '"'


PLAIN: Writing = encode_basestring
ASCII: Writing = encode_basestring_ascii
PHP: Writing = _as_php


def rewritten(body: bytes, how: Writing = PLAIN) -> bytes:
    """Parsed and written without spaces. Raises Unread."""
    return written(parsed(body), how)


def parsed(text: bytes) -> Any:
    """JSON to its last leaf, for writing it again. Raises Unread, also for what is too long for that."""
    if len(text) > REWRITTEN_BYTES_MAX:
        raise Unread("the body is too long to be written again")
    return read_json(text)


def written(data: Any, how: Writing = PLAIN) -> bytes:
    """A value of `read_json` as compact JSON. Raises Unread for text that is no Unicode, and too deep a nesting."""
    out: list[str] = []
    try:
        _write(data, out, how)
        return "".join(out).encode()
    except (UnicodeEncodeError, RecursionError):
        raise Unread("the body cannot be written again") from None


def _write(data: Any, out: list[str], how: Writing) -> None:
    if isinstance(data, dict):
        _write_all(((how(key) + ":", value) for key, value in data.items()), "{}", out, how)
    elif isinstance(data, list):
        _write_all((("", value) for value in data), "[]", out, how)
    elif isinstance(data, Number):
        out.append(str.__str__(data))
    elif isinstance(data, str):
        out.append(how(data))
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


@lru_cache(maxsize=1)  # asked for once for each way of writing the address
def form_sorted(body: bytes) -> bytes:
    """A form's fields by name, each value once and in order, name and value glued. Raises Unread."""
    fields: dict[str, set[str]] = {}
    for name, value in read_form(body) if body else ():
        fields.setdefault(name, set()).add(value)
    return "".join(name + value for name in sorted(fields) for value in sorted(fields[name])).encode()


def fields_sorted(data: Mapping[str, Any]) -> bytes:
    """An object's fields by name, as PHP writes them. Raises Unread."""
    return written(dict(sorted(data.items())), PHP)
