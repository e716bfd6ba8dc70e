"""A body without its secret fields: what is blanked before anything is kept. Pure."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from app.core.errors import UnreadableBody
from app.providers.catalog.model import Provider
from app.providers.message import MISSING, Unread, field_of, path_of, read_form, read_json
from app.providers.rewriting import written

_Path = Sequence[str | int]


def hidden_paths(provider: Provider) -> tuple[_Path, ...]:
    """Where its secret fields stand: `token` is a field here, whatever else texts call so."""
    return tuple(path for text in provider.hidden if (path := path_of(text.removeprefix("field:"))) is not None)


def without(body: bytes, how: str, hidden: Sequence[_Path]) -> bytes:
    """The body with these fields empty; the very same bytes where none of them is there. Raises UnreadableBody."""
    try:
        if how == "json" or (how == "json_or_form" and body.lstrip()[:1] in {b"{", b"["}):
            return _json_without(body, hidden)
        return body if how == "raw" else _form_without(body, how.partition(":")[2], hidden)
    except Unread as error:
        raise UnreadableBody(str(error)) from None


def _json_without(text: bytes | str, hidden: Sequence[_Path]) -> bytes:
    data = read_json(text)
    there = [path for path in hidden if field_of(data, path) is not MISSING]
    for path in there:
        _blank(data, path)
    return written(data) if there else text.encode() if isinstance(text, str) else text


def _blank(data: Any, path: _Path) -> None:
    field_of(data, path[:-1])[path[-1]] = ""


def _form_without(body: bytes, inner: str, hidden: Sequence[_Path]) -> bytes:
    fields = read_form(body)
    names = {path[0] for path in hidden if len(path) == 1}
    deeper = [path[1:] for path in hidden if len(path) > 1 and path[0] == inner]
    told = [(name, "" if name in names else _deeper(name, value, inner, deeper)) for name, value in fields]
    return body if told == fields else urlencode(told).encode()


def _deeper(name: str, value: str, inner: str, hidden: Sequence[_Path]) -> str:
    return _json_without(value, hidden).decode() if hidden and name == inner else value
