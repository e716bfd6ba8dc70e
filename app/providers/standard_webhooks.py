"""Standard Webhooks as a sender: secrets, and what is signed. Pure but for `new_secret`.

Source: Standard Webhooks specification (standardwebhooks.com), "Signature scheme", "Webhook headers sent to consumers".
"""

import base64
import hmac
import secrets as dice
from collections.abc import Sequence

from app.core.errors import FieldError

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_LEAST, _MOST = 24, 64  # bytes of a key, by the specification
_SECOND_US = 1_000_000


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(dice.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(message_id: str, body: bytes, secrets: Sequence[str], at: int) -> dict[str, str]:
    """The three headers; one signature a secret, so that an old one is good while it is exchanged.

    `message_id` is the same at every try, `at` (microseconds) the time of this one.
    """
    seconds = str(at // _SECOND_US)
    text = f"{message_id}.{seconds}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_signature(secret, text)}" for secret in secrets),
    }


def _signature(secret: str, text: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, text, "sha256")).decode()


def secret_from(text: str) -> str:
    """A secret as a person gives it: `whsec_` and base64 of 24 to 64 bytes. Raises FieldError, without the secret."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(_PREFIX) or not _LEAST <= len(key) <= _MOST:
        raise FieldError("--secret", "must be whsec_ and base64 of 24 to 64 bytes")
    return text
