"""What an upload event says: each field checked, with a sentence for the one that does not fit. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.errors import FieldError
from app.core.money import Minor
from app.files.kinds import ALLOWED, NAME_CHARS_MAX, PROOF
from app.operate.announcement import TEXT_CHARS_MAX, amount_from, id_from

EVENT = "file_uploaded"
#: What an event may call itself: a direct call by the handler's name has that name.
_EVENTS = (None, "", EVENT, "upload")
_PATH_CHARS_MAX = 4096
_SIZE_MAX = 2**53


class UploadTold(msgspec.Struct, frozen=True):
    """One upload as its event says; nothing of it is believed about the file."""

    file_path: str
    original_filename: str
    file_size: int
    upload_type: str  # a key of kinds.ALLOWED
    user_id: str
    amount: Minor | None = None  # of a proof, as the user says
    note: str = ""


def upload_from(data: Mapping[str, Any]) -> UploadTold:
    """An event's fields → what they say; None and "" count as absent. Raises FieldError with the field."""
    get = data.get
    if get("event_type") not in _EVENTS:
        raise FieldError("event_type", f"must be {EVENT}, or absent")
    upload_type = type_from(get("upload_type"))
    return UploadTold(
        file_path=_path(get("file_path")),
        original_filename=name_from(get("original_filename")),
        file_size=_size(get("file_size")),
        upload_type=upload_type,
        user_id=id_from("user_id", get("user_id")),
        amount=proof_amount_from(upload_type, get("amount")),
        note=note_from(get("note")),
    )


def type_from(value: Any) -> str:
    """One of the three types. Raises FieldError."""
    if not isinstance(value, str) or value not in ALLOWED:
        raise FieldError("upload_type", f"{'is missing; it ' if not value else ''}must be one of {', '.join(ALLOWED)}")
    return value


def name_from(value: Any) -> str:
    """The file's name as its sender has it; it is only shown. Raises FieldError."""
    if value is None or value == "":
        raise FieldError("original_filename", "is missing")
    if not isinstance(value, str) or "\0" in value or len(value) > NAME_CHARS_MAX:
        raise FieldError("original_filename", f"must be text of at most {NAME_CHARS_MAX} characters, without NUL")
    return value


def proof_amount_from(upload_type: str, value: Any) -> Minor | None:
    """What was paid, as the user says. Raises FieldError."""
    if value is None or value == "":
        return None
    if upload_type != PROOF:
        raise FieldError("amount", f"belongs to a {PROOF} alone")
    return amount_from("amount", value)


def note_from(value: Any) -> str:
    """A user's words, on one line. Raises FieldError."""
    if value is None:
        return ""
    text = " ".join(value.split()) if isinstance(value, str) else None
    if text is None or len(text) > TEXT_CHARS_MAX or not text.isprintable():
        raise FieldError("note", f"must be printable text of at most {TEXT_CHARS_MAX} characters")
    return text


def _path(value: Any) -> str:
    if value is None or value == "":
        raise FieldError("file_path", "is missing; an upload says where its file is")
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value or len(value) > _PATH_CHARS_MAX:
        raise FieldError("file_path", f"must be an absolute path of at most {_PATH_CHARS_MAX} characters, without NUL")
    return value


def _size(value: Any) -> int:
    if value is None:
        raise FieldError("file_size", "is missing; it is the file's bytes")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _SIZE_MAX:
        raise FieldError("file_size", "must be a number of bytes")
    return value
