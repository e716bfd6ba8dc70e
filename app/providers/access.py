"""Access tokens that a sender asks for and shows later: an end and what proves it, so that none has to be kept. Pure.

Such a token proves only that its bearer asked for one, with the proof that asking needs, not longer ago than it is good
for. What a notification says is proved by its own signature, which covers the token too.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hmac import compare_digest

_BEGINNING = b"cb1."
_PURPOSE = b"callbacks access token 1"
_DIGITS_MAX = 12
_SECOND = 1_000_000


def issue(secret: bytes, at: int, *, seconds: int) -> bytes:
    """A token that is good for so many seconds from `at` (microseconds)."""
    end = b"%d" % (at // _SECOND + seconds)
    return _BEGINNING + end + b"." + _proof(secret, end)


def is_ours(token: bytes) -> bool:
    """Whether it has the form of those that we issue; others are somebody else's to judge."""
    return token.startswith(_BEGINNING)


def is_good(token: bytes, secrets: Sequence[bytes], at: int) -> bool:
    """Whether one of these secrets issued it, and it has not ended."""
    end, _, proof = token.removeprefix(_BEGINNING).partition(b".")
    if not end.isdigit() or len(end) > _DIGITS_MAX:
        return False
    fits = any(secret and compare_digest(proof, _proof(secret, end)) for secret in secrets)
    return fits and at < int(end) * _SECOND


def _proof(secret: bytes, end: bytes) -> bytes:
    key = hmac.digest(secret, _PURPOSE, "sha256")  # not the secret itself: it signs other texts
    return urlsafe_b64encode(hmac.digest(key, end, "sha256")).rstrip(b"=")
