"""Texts of a provider's file: compiled once, rendered from the values of one request. Pure.

`{…}` stands for a value where it reads like one (a name, a place, functions around them); any other brace is itself,
so that JSON can be written as it is. A text of which a value is missing has no rendering.
"""

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote

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
            return FUNCTIONS[self.function].call(*given)
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
    if text.startswith("{") and text.endswith("}"):
        raise TextError(f"a place stands without braces: {text[1:-1]}")
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
    takes = FUNCTIONS[name].takes
    if takes and len(values) != takes:
        raise TextError(f"{name}() takes {takes} value{'s' if takes > 1 else ''}, not {len(values)}")
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


def _json(value: bytes) -> bytes:
    return msgspec.json.encode(value.decode())


def _quoted(value: bytes) -> bytes | None:
    """None for dots alone, which would climb in the path."""
    return quote(value, safe="").encode() if value.strip(b".") else None


class Function(NamedTuple):
    """What a text may write around values."""

    call: Callable[..., bytes | None]
    #: for people
    does: str
    #: how many values; 0: any number
    takes: int = 1


FUNCTIONS: Mapping[str, Function] = {
    "optional": Function(lambda value: value, "the value; nothing where it is missing"),
    "filled": Function(lambda value: value or None, "the value; counts as missing where it is empty"),
    "bearer": Function(
        lambda value: value[7:] if value[:7].lower() == b"bearer " else None, "the token of `Bearer TOKEN`"
    ),
    "json": Function(_json, "as a string of JSON, in its quotes"),
    "quoted": Function(_quoted, "as one step of an address: `/` and the like are escaped"),
    "join": Function(_joined, "the values, one after the other", takes=0),
    "lower": Function(bytes.lower, "in small letters"),
    "upper": Function(bytes.upper, "in capitals"),
    "md5hex": Function(_hex("md5"), "MD5, in hex"),
    "sha1hex": Function(_hex("sha1"), "SHA-1, in hex"),
    "sha256hex": Function(_hex("sha256"), "SHA-256, in hex"),
    "sha512hex": Function(_hex("sha512"), "SHA-512, in hex"),
    "sha256base64": Function(lambda value: base64.b64encode(hashlib.sha256(value).digest()), "SHA-256, in base64"),
    "sha1": Function(lambda value: hashlib.sha1(value, usedforsecurity=False).digest(), "SHA-1, its 20 bytes"),
    "hmac256hex": Function(
        lambda key, value: hmac.new(key, value, "sha256").hexdigest().encode(), "HMAC-SHA256 of a key and a value", 2
    ),
    "hmac1hex": Function(
        lambda key, value: hmac.new(key, value, "sha1").hexdigest().encode(), "HMAC-SHA1 of a key and a value", 2
    ),
    "compact": Function(compact, "JSON without its spaces; all else as it came"),
    "rewritten": Function(rewritten, "JSON written again as JavaScript does; numbers and order as they came"),
    "ascii": Function(lambda value: rewritten(value, ASCII), "the same as Python does: what is no ASCII is escaped"),
    "crc32": Function(lambda value: b"%d" % zlib.crc32(value), "CRC-32, in decimal digits"),
    "php": Function(lambda value: rewritten(value, PHP), "the same as PHP does: `/` and what is no ASCII are escaped"),
    "form_sorted": Function(form_sorted, "a form's fields by name, name and value glued"),
    "noport": Function(
        lambda value: re.sub(rb"^(https?://[^/?#:]+):\d+", rb"\1", value), "an address without its port"
    ),
    "withport": Function(
        lambda value: re.sub(
            rb"^(https?)(://[^/?#:]+)(?=[/?#]|$)",
            lambda m: m[1] + m[2] + (b":443" if m[1] == b"https" else b":80"),
            value,
        ),
        "an address with its port, 443 or 80 where it has none",
    ),
}
