"""Puts a text where a path leads in a body: JSON, a form, or JSON inside a form. Pure."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app.core.errors import FieldError


def put(body: bytes, how: str, path: Sequence[str | int], value: str) -> bytes:
    """The body with this text at a path, made where it is missing. Raises FieldError for a body that is not so."""
    if how.startswith("form") or (how == "json_or_form" and body.lstrip()[:1] not in {b"{", b"["}):
        return _put_form(body, how.partition(":")[2], path, value)
    return json.dumps(_put_json(_loaded(body), path, value), separators=(",", ":"), ensure_ascii=False).encode()


def _put_form(body: bytes, inner: str, path: Sequence[str | int], value: str) -> bytes:
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    first = str(path[0])
    if len(path) == 1:
        fields[first] = value
    elif first == inner:
        fields[first] = json.dumps(_put_json(_loaded(fields.get(first, "{}").encode()), path[1:], value))
    else:
        raise FieldError("body", f"{first} is no field of a form")
    return urlencode(fields).encode()


def _loaded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FieldError("body", "is not JSON") from None


def _put_json(data: Any, path: Sequence[str | int], value: str) -> Any:
    at = data
    for step, following in pairwise(path):
        if isinstance(step, str) and isinstance(at, dict):
            at = at.setdefault(step, [] if isinstance(following, int) else {})
        elif isinstance(step, int) and isinstance(at, list) and step < len(at):
            at = at[step]
        else:
            raise FieldError("body", f"has no place {'.'.join(map(str, path))}")
    if isinstance(at, dict) and isinstance(path[-1], str):
        old = at.get(path[-1])
        at[path[-1]] = _as_before(old, value)
    elif isinstance(at, list) and isinstance(path[-1], int) and path[-1] < len(at):
        at[path[-1]] = _as_before(at[path[-1]], value)
    else:
        raise FieldError("body", f"has no place {'.'.join(map(str, path))}")
    return data


def _as_before(old: Any, value: str) -> Any:
    """A number stays one, where the new text is one."""
    if isinstance(old, int | float) and not isinstance(old, bool):
        try:
            return int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            return value
    return value
