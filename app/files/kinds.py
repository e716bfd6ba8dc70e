"""What an uploaded file is: by its extension, by its first bytes, and whether both agree with what it is for. Pure.

The sender of an upload may claim anything. What is kept gets a name of ours; the original one is text for people.
"""

import re
import unicodedata
from collections.abc import Mapping

import msgspec

from app.core.errors import FileRefused

BYTES_MAX = 10 * 1024 * 1024
#: What `kind_of` wants to see of a file.
HEAD_BYTES = 8192
NAME_CHARS_MAX = 255  # no file system has longer ones
SHOWN_CHARS_MAX = 120

PROOF, PROFILE, GENERAL = "topup_proof", "profile_image", "general"


class Kind(msgspec.Struct, frozen=True):
    """What a file is, once its extension and its bytes agree."""

    extension: str
    media_type: str
    is_picture: bool = False
    is_text: bool = False


_JPEG = Kind("jpg", "image/jpeg", is_picture=True)
_KINDS: Mapping[str, Kind] = {
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "png": Kind("png", "image/png", is_picture=True),
    "webp": Kind("webp", "image/webp", is_picture=True),
    "gif": Kind("gif", "image/gif", is_picture=True),
    "pdf": Kind("pdf", "application/pdf"),
    "txt": Kind("txt", "text/plain", is_text=True),
    "log": Kind("log", "text/plain", is_text=True),
    "csv": Kind("csv", "text/csv", is_text=True),
    "json": Kind("json", "application/json", is_text=True),
}
_PICTURES = tuple(name for name, kind in _KINDS.items() if kind.is_picture)

#: Which extensions an upload may have: HTML, SVG and XML can carry scripts, archives and office files macros.
ALLOWED: Mapping[str, tuple[str, ...]] = {
    PROOF: (*_PICTURES, "pdf"),
    PROFILE: _PICTURES,
    GENERAL: tuple(_KINDS),
}
#: What a stored file may be.
MEDIA_TYPES = tuple(sorted({kind.media_type for kind in _KINDS.values()}))


def kind_of(upload_type: str, name: str, size: int, head: bytes) -> Kind:
    """What this upload is, by its claimed name and its first bytes.

    Raises FileRefused: `file_empty`, `file_too_large`, `file_type_refused`, `file_type_differs`.
    """
    if size <= 0:
        raise FileRefused("file_empty")
    if size > BYTES_MAX:
        raise FileRefused("file_too_large", size=size, most=BYTES_MAX)
    extension = extension_of(name)
    if extension not in ALLOWED[upload_type]:
        raise FileRefused("file_type_refused", extension=extension or "-", allowed=", ".join(ALLOWED[upload_type]))
    kind = _KINDS[extension]
    import filetype  # noqa: PLC0415 - a megabyte for whoever takes files

    found = filetype.guess(head)
    told = found.mime if found is not None else ""
    if told != ("" if kind.is_text else kind.media_type) or (kind.is_text and not _begins_like(kind, head)):
        raise FileRefused("file_type_differs", extension=extension, content=told or "-")
    return kind


def extension_of(name: str) -> str:
    """The last extension as systems see it, lower case: `a.jpg.EXE. ` → `exe`; "" for none."""
    stem, dot, extension = clean_name(name).rpartition(".")
    return extension.lower() if dot and stem else ""


_SCRIPTS = (b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<svg", b"<?xml", b"<?php", b"#!")
_JSON = re.compile(rb'[\[{"0-9tfn-]')
_BOM = b"\xef\xbb\xbf"


def _begins_like(kind: Kind, head: bytes) -> bool:
    text = head.removeprefix(_BOM).lstrip()
    if text[:16].lower().startswith(_SCRIPTS):
        return False
    return kind.extension != "json" or _JSON.match(text) is not None


_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*', "_"))


def clean_name(name: str) -> str:
    r"""A file's name for people: one line without folders, signs that hide or turn text, or what systems treat apart.

    `"../../a\u202egpj.exe"` → `"agpj.exe"`; never empty, at most 120 characters.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", name))[-1]
    shown = "".join(sign if sign.isprintable() else " " if sign.isspace() else "" for sign in last)
    whole = unicodedata.normalize("NFKC", shown)  # signs that something stood between
    plain = " ".join(whole.translate(_FORBIDDEN).split()).strip(". ")
    if len(plain) > SHOWN_CHARS_MAX:
        stem, dot, extension = plain.rpartition(".")
        end = f"{dot}{extension}" if stem and len(extension) <= 10 else ""  # noqa: PLR2004 - longer is no extension
        plain = plain[: SHOWN_CHARS_MAX - len(end)].rstrip(". ") + end
    return f"_{plain}"[:SHOWN_CHARS_MAX] if _WINDOWS.fullmatch(plain) else plain or "file"
