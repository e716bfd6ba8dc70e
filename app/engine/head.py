"""What a request's head alone decides, by whatever way the request came. Pure."""

from collections.abc import Mapping, Sequence

from app.engine import answers
from app.engine.callback import Answer
from app.engine.limits import Limits

_LENGTH_DIGITS = 19  # of a Content-Length: `int` refuses thousands of them with an exception


def size_of(fields: Sequence[tuple[bytes, bytes]], url: bytes) -> int:
    """Bytes of the address, names and values; separators are not counted."""
    return len(url) + sum(len(name) + len(value) for name, value in fields)


def is_too_large(fields: Sequence[tuple[bytes, bytes]], url: bytes, limits: Limits) -> bool:
    """Whether it has more fields or bytes than a head may have."""
    return len(fields) > limits.head_fields or size_of(fields, url) > limits.head_bytes


def refused_by_fields(headers: Mapping[bytes, bytes], limits: Limits) -> Answer | None:
    """Why the body that these fields announce is not read, or None. Names are lower case."""
    length = headers.get(b"content-length")
    if length is not None and (len(length) > _LENGTH_DIGITS or not length.isdigit() or int(length) > limits.body_bytes):
        return answers.BODY_TOO_LARGE
    encoding = headers.get(b"transfer-encoding")
    if encoding is not None and encoding.strip().lower() != b"chunked":
        return answers.TRANSFER_REFUSED
    return None
