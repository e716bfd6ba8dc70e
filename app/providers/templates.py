"""Texts of a provider's file: compiled once, rendered from the values of one request. Pure.

`{…}` stands for a value where it reads like one (a name, a place, functions around them); any other brace is itself,
so that JSON can be written as it is. A text of which a value is missing has no rendering.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from app.providers.message import Unread, path_of
from app.providers.rewriting import ASCII, PHP, compact, form_sorted, rewritten

_HOLE = re.compile(r"\{([A-Za-z_\[][^{}\"\s]{0,200})\}")
_CALL = re.compile(r"([a-z][a-z0-9_]*)\((.*)\)", re.DOTALL)
#: What a name may begin with; without it, a name is a field of the body.
ROOMS = ("header", "query", "config", "part", "claim", "field")
#: Values that have a name of their own; a field of the same name is `field:body`.
NAMED = ("body", "method", "path", "url", "timestamp", "secret", "fields", "token")


class Values(Protocol):
    """Where a rendering finds its values."""

    def value(self, room: str, name: str, path: tuple[str | int, ...]) -> bytes | None:
        """The value of a place, None where it is missing."""


class TextError(ValueError):
    """A text or a place that means nothing; says why."""


class Place(msgspec.Struct, frozen=True):
    """One value of a request: `room` is one of ROOMS, or `named`; `path` of a field its steps."""

    room: str
    name: str
    path: tuple[str | int, ...] = ()

    def read(self, values: Values) -> bytes | None:
        """Its value."""
        return values.value(self.room, self.name, self.path)


class Call(msgspec.Struct, frozen=True):
    """A function around values."""

    function: str
    values: tuple["Place | Call", ...]

    def read(self, values: Values) -> bytes | None:
        """Its result; None where a value is missing or cannot be read so."""
        given = [value.read(values) for value in self.values]
        if self.function == "optional":
            return given[0] or b""
        if any(value is None for value in given):
            return None
        try:
            return FUNCTIONS[self.function](*given)
        except (Unread, UnicodeError):
            return None


class Template(msgspec.Struct, frozen=True):
    """A compiled text."""

    parts: tuple[bytes | Place | Call, ...]

    def render(self, values: Values) -> bytes | None:
        """The text with its values, None where one is missing."""
        told: list[bytes] = []
        for part in self.parts:
            value = part if isinstance(part, bytes) else part.read(values)
            if value is None:
                return None
            told.append(value)
        return b"".join(told)

    def places(self) -> tuple[Place, ...]:
        """Every value that it reads."""
        found: list[Place] = []
        for part in self.parts:
            if not isinstance(part, bytes):
                found.extend(_places(part))
        return tuple(found)


def _places(part: Place | Call) -> list[Place]:
    return [part] if isinstance(part, Place) else [place for value in part.values for place in _places(value)]


def compiled(text: str) -> Template:
    """A text → its template. Raises TextError."""
    parts: list[bytes | Place | Call] = []
    at = 0
    for hole in _HOLE.finditer(text):
        if hole.start() > at:
            parts.append(text[at : hole.start()].encode())
        parts.append(_value(hole[1]))
        at = hole.end()
    if at < len(text):
        parts.append(text[at:].encode())
    return Template(tuple(parts))


def place(text: str) -> Place:
    """A place without braces. Raises TextError."""
    value = _value(text)
    if isinstance(value, Call):
        raise TextError(f"{text!r} is a function, and a place is due")
    return value


def _value(text: str) -> Place | Call:
    call = _CALL.fullmatch(text)
    if call:
        return _call(call[1], call[2])
    room, colon, name = text.partition(":")
    if colon:
        if room not in ROOMS or not name:
            raise TextError(f"{text!r} begins with none of {', '.join(f'{each}:' for each in ROOMS)}")
        if room != "field":
            return Place(room, name.lower() if room == "header" else name)
        text = name
    elif text in NAMED:
        return Place("named", text)
    path = path_of(text)
    if path is None:
        raise TextError(f"{text!r} is no path to a field, such as data.items[0].id")
    return Place("field", text, path)


def _call(name: str, inside: str) -> Call:
    if name not in FUNCTIONS:
        raise TextError(f"{name}() is not a function here; there are {', '.join(sorted(FUNCTIONS))}")
    values = tuple(_value(each) for each in _arguments(inside))
    takes = _TAKES.get(name, 1)
    if takes and len(values) != takes:
        raise TextError(f"{name}() takes {takes} values")
    return Call(name, values)


def _arguments(text: str) -> list[str]:
    found, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            found.append(text[start:at])
            start = at + 1
    return [*found, text[start:]]


def _hex(algorithm: str) -> Callable[[bytes], bytes]:
    def digest(value: bytes) -> bytes:
        return hashlib.new(algorithm, value, usedforsecurity=False).hexdigest().encode()

    return digest


def _joined(*values: bytes) -> bytes:
    return b"".join(values)


FUNCTIONS: Mapping[str, Callable[..., bytes | None]] = {
    "optional": lambda value: value,  # empty where it is missing
    "filled": lambda value: value or None,  # missing where it is empty
    "bearer": lambda value: value[7:] if value[:7].lower() == b"bearer " else None,
    "md5hex": _hex("md5"),
    "sha1hex": _hex("sha1"),
    "sha256hex": _hex("sha256"),
    "sha512hex": _hex("sha512"),
    "sha256base64": lambda value: base64.b64encode(hashlib.sha256(value).digest()),
    "hmac256hex": lambda key, value: hmac.new(key, value, "sha256").hexdigest().encode(),
    "hmac1hex": lambda key, value: hmac.new(key, value, "sha1").hexdigest().encode(),
    "sha1": lambda value: hashlib.sha1(value, usedforsecurity=False).digest(),
    "lower": bytes.lower,
    "upper": bytes.upper,
    "compact": compact,
    "rewritten": rewritten,
    "php": lambda value: rewritten(value, PHP),
    "ascii": lambda value: rewritten(value, ASCII),
    "form_sorted": form_sorted,
    "noport": lambda value: re.sub(rb"^(https?://[^/?#:]+):\d+", rb"\1", value),
    "withport": lambda value: re.sub(
        rb"^(https?)(://[^/?#:]+)(?=[/?#]|$)",
        lambda m: m[1] + m[2] + (b":443" if m[1] == b"https" else b":80"),
        value,
    ),
    "join": _joined,
}
#: How many values a function takes, where that is not one; 0: any number.
_TAKES: Mapping[str, int] = {"hmac256hex": 2, "hmac1hex": 2, "join": 0}
