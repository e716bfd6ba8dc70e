"""A callback as a line of JSON, and back: byte for byte, for files that leave one log and enter another. Pure."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec
import orjson

from app.core.ends import ID_MAX
from app.core.errors import FieldError
from app.engine.callback import Callback
from app.engine.limits import Limits
from app.operate.shown import time_text

#: Beside the kept headers of an imported callback: the id that it had, and what proved its sender there.
IMPORTED_ID: Final = "imported-id"
IMPORTED_PROOF: Final = "imported-verification"
#: A body of one MiB in which every byte is escaped.
LINE_BYTES_MAX: Final = 8 << 20

_LIMITS = Limits()


class Kept(msgspec.Struct, frozen=True):
    """What a line says that is taken over; everything else is found anew from the bytes."""

    origin: int  # the id in the first log that it was in
    provider: str
    received_at: int  # microseconds, UTC
    verification: str
    remote_addr: str
    headers: Mapping[str, str]
    body: bytes


class _Line(msgspec.Struct):
    id: str
    provider: str
    received_at: str
    verification: str = ""
    remote_addr: str = ""
    headers: str = ""
    body: str | None = None
    body_base64: str | None = None


_decode = msgspec.json.Decoder(_Line).decode
_decode_headers = msgspec.json.Decoder(dict[str, str]).decode


def line_of(callback: Callback) -> bytes:
    """All columns as one line, without its end; the body as text where it is UTF-8, else in base64."""
    told: dict[str, Any] = {
        "id": str(callback.id),
        "received_at": time_text(callback.received_at),
        "provider": callback.provider,
        "event_type": callback.event_type,
        "event_key": callback.event_key,
        "ordering_key": callback.ordering_key,
        "partition": callback.partition,
        "verification": callback.verification,
        "remote_addr": callback.remote_addr,
        "headers": callback.headers,
    }
    try:
        told["body"] = callback.body.decode()
    except UnicodeDecodeError:
        told["body_base64"] = base64.b64encode(callback.body).decode()
    return orjson.dumps(told)


def kept_from(line: bytes, *, at: int) -> Kept:
    """A line → what it says. Raises FieldError for a line that is none of ours; `at`: now, later is no time."""
    try:
        told = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FieldError("line", f"is no exported callback: {str(error)[:120]}") from None
    headers = _headers(told.headers)
    origin = headers.pop(IMPORTED_ID, told.id)
    proof = headers.pop(IMPORTED_PROOF, told.verification)
    return Kept(
        origin=_id(origin),
        provider=told.provider,
        received_at=_time(told.received_at, at),
        verification=proof[:64],
        remote_addr=told.remote_addr[:64],
        headers=headers,
        body=_body(told),
    )


def may_be_imported(headers: str) -> bool:
    """Whether the kept headers' column may tell of another log; cheap, for those who look at all."""
    return IMPORTED_ID in headers


def origin_of(callback: Callback) -> bytes | None:
    """The digest of an imported callback, None for one that came here by itself."""
    try:
        told = _headers(callback.headers).get(IMPORTED_ID)
        return None if told is None else digest_of(_id(told), callback.provider, callback.received_at, callback.body)
    except FieldError:  # a handler keeps headers of such a name itself
        return None


def marked(headers: str, kept: Kept) -> str:
    """The kept headers' column with where the callback came from."""
    told = _headers(headers)
    return orjson.dumps({**told, IMPORTED_ID: str(kept.origin), IMPORTED_PROOF: kept.verification}).decode()


def digest_of(origin: int, provider: str, received_at: int, body: bytes) -> bytes:
    """Sixteen bytes that name a callback wherever it is kept."""
    name = f"{origin}\n{provider}\n{received_at}\n".encode()
    return blake2b(name + body, digest_size=16).digest()


def _headers(text: str) -> dict[str, str]:
    if not text:
        return {}
    if len(text) > _LIMITS.head_bytes:
        raise FieldError("headers", "are too long")
    try:
        return _decode_headers(text.encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise FieldError("headers", "must be a JSON object of texts") from None


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(ID_MAX)) and 0 < int(text) <= ID_MAX):
        raise FieldError("id", "is no callback's id")
    return int(text)


def _time(text: str, at: int) -> int:
    try:
        moment = datetime.fromisoformat(text)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        raise FieldError("received_at", "must be a time with its offset, such as 2026-11-25T07:00:00.123456Z") from None
    micro = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if not 0 <= micro <= at:
        raise FieldError("received_at", "lies in the future" if micro > 0 else "lies before 1970")
    return micro


def _body(told: _Line) -> bytes:
    if (told.body is None) == (told.body_base64 is None):
        raise FieldError("body", "must be there once: `body` or `body_base64`")
    try:
        body = told.body.encode() if told.body is not None else base64.b64decode(told.body_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        raise FieldError("body_base64", "is not base64") from None
    if len(body) > _LIMITS.body_bytes:
        raise FieldError("body", f"is longer than {_LIMITS.body_bytes} bytes")
    return body
