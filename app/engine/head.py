"""What a request's head alone decides, by whatever way the request came. Pure."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from app.engine import answers
from app.engine.callback import Answer
from app.engine.limits import Limits

_LENGTH_DIGITS = 19  # of a Content-Length: `int` refuses thousands of them with an exception

#: The one address that takes forms, and with them files.
UPLOADS = "/callbacks/event/upload"
_UPLOADS = re.compile(UPLOADS.encode() + rb"/?(\?.*)?", re.DOTALL)
_FORM = b"multipart/form-data"


def size_of(fields: Sequence[tuple[bytes, bytes]], url: bytes) -> int:
    """Bytes of the address, names and values; separators are not counted."""
    return len(url) + sum(len(name) + len(value) for name, value in fields)


def is_too_large(fields: Sequence[tuple[bytes, bytes]], url: bytes, limits: Limits) -> bool:
    """Whether it has more fields or bytes than a head may have."""
    return len(fields) > limits.head_fields or size_of(fields, url) > limits.head_bytes


def is_form(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the body is a form that may hold files. Names are lower case."""
    return headers.get(b"content-type", b"")[: len(_FORM)].lower() == _FORM


def is_upload(method: bytes, url: bytes, headers: Mapping[bytes, bytes]) -> bool:
    """Whether this is a form for the address of uploads, which may be larger and slower than anything else."""
    return method == b"POST" and _UPLOADS.fullmatch(url) is not None and is_form(headers)


def refused_by_fields(headers: Mapping[bytes, bytes], limits: Limits) -> Answer | None:
    """Why the body that these fields announce is not read, or None. Names are lower case."""
    length = headers.get(b"content-length")
    if length is not None and (len(length) > _LENGTH_DIGITS or not length.isdigit() or int(length) > limits.body_bytes):
        return answers.BODY_TOO_LARGE
    encoding = headers.get(b"transfer-encoding")
    if encoding is not None and encoding.strip().lower() != b"chunked":
        return answers.TRANSFER_REFUSED
    return None


def upload_refused_by_fields(headers: Mapping[bytes, bytes], limits: Limits) -> Answer | None:
    """The same for an upload: apart, so that no webhook pays for the question."""
    refusal = refused_by_fields(headers, msgspec.structs.replace(limits, body_bytes=limits.upload_bytes))
    return answers.UPLOAD_TOO_LARGE if refusal is answers.BODY_TOO_LARGE else refusal
