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


class Unread(Exception):
    """The body is not what the provider's file says; its text says why, without a byte of it."""


def read_json(text: bytes | str) -> Any:
    """JSON → dicts, lists, text, `Number`, bool, None. Raises Unread, also for what nests too deeply."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
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

    Of `form_json:FIELD` the form's other fields stand beside those of the JSON text in FIELD, which win. Raises Unread.
    """
    if how == "json":
        return read_json(body)
    if how == "raw":
        return None
    if how == "json_or_form":
        return read_json(body) if body.lstrip()[:1] in {b"{", b"["} else read_body(body, "form")
    fields = dict(reversed(read_form(body)))
    _, _, name = how.partition(":")
    if not name:
        return fields
    inner = read_json(fields.get(name, ""))
    if not isinstance(inner, dict):
        raise Unread(f"the form's field {name} holds no JSON object")
    return {**fields, name: inner}


MISSING: Final = object()


def field_of(data: Any, path: Sequence[str | int]) -> Any:
    """The value at a path of names and places in lists, or MISSING; whatever stands there instead of them."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(data, list) or not -len(data) <= step < len(data):
                return MISSING
            data = data[step]
        elif isinstance(data, dict) and step in data:
            data = data[step]
        else:
            return MISSING
    return data


def text_at(data: Any, path: Sequence[str | int]) -> str | None:
    """The text at a path: of text itself, a number as it was written, `true`, `false`; None where there is none."""
    value = field_of(data, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return str.__str__(value)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else None


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
