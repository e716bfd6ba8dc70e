"""One request as texts of the catalogue read it: its body parsed, numbers as they were written."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

_FORM_FIELDS_MAX = 1000
_INDEX_DIGITS_MAX = 6


class Number(str):
    """A number of a JSON body as it was written: `10000.00` stays that, and no digits are lost."""

    __slots__ = ()


class Message(msgspec.Struct, frozen=True):
    """A request; header names are lower case, of a repeated header the first value."""

    body: bytes
    headers: Mapping[bytes, bytes] = {}
    method: str = "POST"
    url: str = ""  # the public address as the sender knows it, with its query
    path: str = ""  # of it
    query: str = ""


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_WORD = msgspec.json.Decoder(str | bool | None)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_NUMBERS = (b"-", b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9")


class Unread(Exception):
    """The body is not what the provider's file says; its text says why, without a byte of it."""


def read_json(text: bytes | str) -> Any:
    """JSON → dicts, lists, text, `Number`, bool, None, to the last leaf. Raises Unread, also for too deep a nesting."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unread("the body is not JSON") from None


def opened(value: Any) -> Any:
    """JSON that was not looked into (`Raw`) → a dict or list of such, text, `Number`, bool, None. Raises Unread.

    A callback is read before anything proves it: a megabyte of small values must cost no more than its syntax.
    """
    if not isinstance(value, msgspec.Raw):
        return value
    text = bytes(value).strip()
    try:
        if text[:1] == b"{":
            return _OBJECT.decode(text)
        if text[:1] == b"[":
            return _LIST.decode(text)
        return Number(text.decode()) if text.startswith(_NUMBERS) else _WORD.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unread("the body is not JSON") from None


def _opened_json(text: bytes) -> Any:
    """The same of a text from outside, whose syntax nobody looked at yet."""
    try:
        text.decode()
        return opened(_RAW.decode(text))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unread("the body is not JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def read_form(body: bytes) -> list[tuple[str, str]]:
    """A form's fields in their order. Raises Unread."""
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=_FORM_FIELDS_MAX
        )
    except ValueError:
        raise Unread("the body is not a form") from None


def read_body(body: bytes, how: str) -> Any:
    """The body as `how` says: `json`, `form` (the first of a name counts), `json_or_form`, `form_json:FIELD`, `raw`.

    Of `form_json:FIELD` the form's other fields stand beside FIELD, which is the JSON object in it. JSON is looked into
    as `text_at` needs it. Raises Unread.
    """
    if how == "json":
        return _opened_json(body)
    if how == "raw":
        return None
    if how == "json_or_form":
        return _opened_json(body) if is_json(body) else read_body(body, "form")
    fields = dict(reversed(read_form(body)))
    _, _, name = how.partition(":")
    if not name:
        return fields
    inner = _opened_json(fields.get(name, "").encode())
    if not isinstance(inner, dict):
        raise Unread(f"the form's field {name} holds no JSON object")
    return {**fields, name: inner}


def is_json(body: bytes) -> bool:
    """Which of the two a body of `json_or_form` is."""
    return body.lstrip()[:1] in {b"{", b"["}


MISSING: Final = object()


def field_of(data: Any, path: Sequence[str | int]) -> Any:
    """The value at a path of names and places in lists, or MISSING; whatever stands there instead of them.

    What was looked into stays so: a dozen texts that lead into one large object open it once.
    """
    data = opened(data)
    for step in path:
        if isinstance(step, int):
            if not isinstance(data, list) or not -len(data) <= step < len(data):
                return MISSING
        elif not isinstance(data, dict) or step not in data:
            return MISSING
        found = data[step] = opened(data[step])
        data = found
    return data


def text_at(data: Any, path: Sequence[str | int]) -> str | None:
    """The text at a path: of text itself, a number as it was written, `true`, `false`; None where there is none."""
    try:
        value = field_of(data, path)
    except Unread:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return str.__str__(value)
    return value if isinstance(value, str) else None


def path_of(text: str) -> tuple[str | int, ...] | None:
    """`a.b[0].c` → its steps; None for what is no path. `[]` stands for the first."""
    steps: list[str | int] = []
    for part in text.split("."):
        name, bracket, rest = part.partition("[")
        if name:
            steps.append(name)
        elif not bracket:
            return None
        while bracket:
            index, closed, rest = rest.partition("]")
            if not closed or not ((index.isascii() and index.isdigit()) or not index) or len(index) > _INDEX_DIGITS_MAX:
                return None
            steps.append(int(index or 0))
            if rest and not rest.startswith("["):
                return None
            _, bracket, rest = rest.partition("[")
    return tuple(steps) or None
