"""Looks at a file and says what it is, by its kind: a summary of what it holds, never its contents."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from xml.parsers import expat

import msgspec

from app.core.errors import FileRefused

#: Of larger files only this much is looked at.
LOOKED_AT_MAX = 16 << 20
#: What is read of a JSON may take thirty times its size in memory, beside a worker that decides payments.
JSON_BYTES_MAX = 4 << 20
_NAMES_MAX = 12
_NAME_CHARS_MAX = 64
_WHY_CHARS_MAX = 200
_CHUNK = 1 << 18


class Look(msgspec.Struct, frozen=True):
    """What a file is (a stable word such as `json_read`), and the values that a person is told."""

    word: str
    detail: Mapping[str, Any]


def kind_of(filename: str) -> str:
    """`log`, `text`, `json`, `csv`, `xml`, `image`, or `other`, by the name's ending."""
    return _KINDS.get(PurePosixPath(filename).suffix.lower(), "other")


def look_at(handle: BinaryIO, size: int, kind: str) -> Look:
    """Say what an open file of this kind holds. Never raises for what is in it."""
    look = _LOOKS.get(kind, _other)(handle)
    return Look(look.word, {**look.detail, "size": size})


def _text(handle: BinaryIO) -> Look:
    lines, _ = _count(handle, ())
    return Look("text_read", {"lines": lines})


_ERROR = re.compile(rb"\b(?:ERROR|CRITICAL|FATAL)\b", re.IGNORECASE)
_WARNING = re.compile(rb"\bWARN(?:ING)?\b", re.IGNORECASE)


def _log(handle: BinaryIO) -> Look:
    lines, (errors, warned) = _count(handle, (_ERROR, _WARNING))
    return Look("log_read", {"lines": lines, "errors": errors, "warnings": warned})


def _count(handle: BinaryIO, patterns: tuple[re.Pattern[bytes], ...]) -> tuple[int, list[int]]:
    """Lines, and those in which each pattern is found; a line longer than a chunk counts as several."""
    left, lines, found = LOOKED_AT_MAX, 0, [0] * len(patterns)
    while left > 0 and (line := handle.readline(min(_CHUNK, left))):
        left -= len(line)
        lines += 1
        for place, pattern in enumerate(patterns):
            found[place] += pattern.search(line) is not None
    return lines, found


def _json(handle: BinaryIO) -> Look:
    content = handle.read(JSON_BYTES_MAX + 1)
    if len(content) > JSON_BYTES_MAX:
        return Look("file_kept", {"type": "JSON"})
    try:
        value = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        return Look("json_broken", {"why": _why(error)})
    return Look("json_read", {"shape": _shape(value)})


def _shape(value: Any) -> str:
    """`{order_id, amount}`, `[12]`, `text`."""
    if isinstance(value, dict):
        names = [_clean(name) for name in list(value)[:_NAMES_MAX]]
        return "{" + ", ".join(names) + (", …" if len(value) > _NAMES_MAX else "") + "}"
    if isinstance(value, list):
        return f"[{len(value)}]"
    return {str: "text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


class _TooMuch(Exception):
    """The file declares what makes small files large."""


def _xml(handle: BinaryIO) -> Look:
    parser = expat.ParserCreate()
    root, elements = "", 0

    def start(name: str, _attributes: Any) -> None:
        nonlocal root, elements
        root = root or name
        elements += 1

    def refuse(*_: Any) -> None:
        raise _TooMuch("it declares a document type, which is not read")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    left = LOOKED_AT_MAX
    try:
        while chunk := handle.read(min(_CHUNK, left)):
            left -= len(chunk)
            parser.Parse(chunk, False)  # noqa: FBT003 - the parser's form
        if left > 0:
            parser.Parse(b"", True)  # noqa: FBT003 - as above
    except (expat.ExpatError, _TooMuch) as error:
        return Look("xml_broken", {"why": _why(error)})
    return Look("xml_read", {"root": _clean(root), "elements": elements})


def _image(handle: BinaryIO) -> Look:
    from app.files.pictures import read_header  # noqa: PLC0415 - four megabytes for whoever looks at pictures

    try:
        name, width, height = read_header(handle)
    except FileRefused as refused:
        return Look(refused.reason, refused.detail)
    return Look("image_read", {"format": name, "width": width, "height": height})


def _other(handle: BinaryIO) -> Look:
    import filetype  # noqa: PLC0415 - a megabyte, likewise

    guessed = filetype.guess(handle.read(8192))
    return Look("file_kept", {"type": guessed.mime if guessed is not None else "?"})


def _why(error: Exception) -> str:
    return _clean(str(error), _WHY_CHARS_MAX) or type(error).__name__


def _clean(text: str, chars_max: int = _NAME_CHARS_MAX) -> str:
    return "".join(sign if sign.isprintable() else "�" for sign in text[:chars_max])


_KINDS = {
    ".log": "log",
    ".txt": "text",
    ".md": "text",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".xml": "xml",
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp"), "image"),
}
_LOOKS: Mapping[str, Callable[[BinaryIO], Look]] = {
    "log": _log,
    "text": _text,
    "json": _json,
    "xml": _xml,
    "image": _image,
}
