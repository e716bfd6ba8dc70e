"""Signature schemes, one pure function each: raw values in, a verdict out; nothing that a sender writes raises.

Comparisons are of bytes and in constant time (`hmac.compare_digest` raises on non-ASCII text: it never gets any).
Several secrets may be given, so that they can be rotated; the verdict says which one fitted, counted from 1. No secrets
fit nothing: whether that means *not configured* is for the caller to say.
"""

import hmac
import re
from binascii import unhexlify
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha512
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Verdict(msgspec.Struct, frozen=True):
    """`fitted`: the number of the secret that proves the sender, 0 for none; `reason`: a stable word when none does."""

    fitted: int = 0
    reason: str = ""


MISSING = Verdict(reason="signature_missing")
MALFORMED = Verdict(reason="signature_malformed")
WRONG = Verdict(reason="signature_wrong")
STALE = Verdict(reason="timestamp_out_of_range")
TOKEN_MISSING = Verdict(reason="token_missing")
TOKEN_WRONG = Verdict(reason="token_wrong")

_FIRST = Verdict(1)

#: Where a sender documents no tolerance: what it asks can be answered for 15 minutes, and its repetitions end before
#: that. What is older is of no use to anybody but who replays it.
TOLERANCE_SECONDS = 900

_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
_SHA1_PREFIX = b"sha1="
_SHA1_CHARS = len(_SHA1_PREFIX) + 40
_SHA512_DIGITS = 128
_ED25519_DIGITS = 128


def sha512_of_parts(parts: Sequence[Any], signature: Any, secrets: Sequence[bytes]) -> Verdict:
    """Hex SHA-512 of the parts glued without separators, then the secret.

    `parts` are the strings as they came: a number is not what was signed. Hex in upper case is the same digest.
    """
    if signature is None:
        return MISSING
    if not isinstance(signature, str) or len(signature) != _SHA512_DIGITS:
        return MALFORMED
    try:
        told = unhexlify(signature)
    except ValueError:
        return MALFORMED
    try:
        text = "".join(parts).encode()
    except (TypeError, UnicodeEncodeError):
        return WRONG
    for number, secret in enumerate(secrets, start=1):
        if secret and compare_digest(told, sha512(text + secret).digest()):
            return _fitted(number)
    return WRONG


def hmac_sha1_of_body(body: bytes, header: Any, secrets: Sequence[bytes]) -> Verdict:
    """`sha1=` and the hex HMAC-SHA1 of the raw body."""
    if header is None:
        return MISSING
    if not isinstance(header, bytes) or len(header) != _SHA1_CHARS or not header.startswith(_SHA1_PREFIX):
        return MALFORMED
    try:
        told = unhexlify(header[len(_SHA1_PREFIX) :])
    except ValueError:
        return MALFORMED
    for number, secret in enumerate(secrets, start=1):
        if secret and compare_digest(told, hmac.digest(secret, body, "sha1")):
            return _fitted(number)
    return WRONG


def ed25519(
    body: bytes,
    timestamp: Any,
    signature: Any,
    public_keys: Sequence[bytes],
    *,
    at: int,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> Verdict:
    """Ed25519 over timestamp and raw body, signature and public keys in hex; `at` is the clock in microseconds."""
    if timestamp is None or signature is None:
        return MISSING
    if not isinstance(timestamp, bytes) or not _TIMESTAMP.fullmatch(timestamp):
        return MALFORMED
    if not isinstance(signature, bytes) or len(signature) != _ED25519_DIGITS:
        return MALFORMED
    try:
        told = unhexlify(signature)
    except ValueError:
        return MALFORMED
    for number, public_key in enumerate(public_keys, start=1):
        if _ed25519_fits(public_key, told, timestamp + body):
            # After the signature: whether its time was right is nothing that a forger should learn.
            late = abs(at // 1_000_000 - int(timestamp)) > tolerance_seconds
            return STALE if late else _fitted(number)
    return WRONG


def fixed_token(header: Any, secrets: Sequence[bytes]) -> Verdict:
    """The header is the secret itself."""
    if header is None:
        return TOKEN_MISSING
    if not isinstance(header, bytes):
        return TOKEN_WRONG
    for number, secret in enumerate(secrets, start=1):
        if secret and compare_digest(header, secret):
            return _fitted(number)
    return TOKEN_WRONG


def is_ed25519_key(public_key: bytes) -> bool:
    """Whether this is a public key in hex: 64 digits that name a point of the curve."""
    return _ed25519_key(public_key) is not None


def _fitted(number: int) -> Verdict:
    return _FIRST if number == 1 else Verdict(number)


def _ed25519_fits(public_key: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - six megabytes, for those who need it

    key = _ed25519_key(public_key)
    if key is None:
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=16)
def _ed25519_key(public_key: bytes) -> "Ed25519PublicKey | None":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    try:
        return Ed25519PublicKey.from_public_bytes(unhexlify(public_key))
    except ValueError:
        return None
