"""Who may use the addresses that are not proved by a signature: bearer of the admin token, or this machine's user."""

from collections.abc import Sequence
from hmac import compare_digest

import msgspec

from app.engine.answers import refusal
from app.engine.callback import Answer
from app.engine.peers import is_local

_ASK = (b"www-authenticate", b'Bearer realm="callbacks"')

NOT_CONFIGURED = refusal(503, "admin_token_not_set")
TOKEN_NEEDED = refusal(401, "admin_token_missing", _ASK, field="Authorization")
TOKEN_WRONG = refusal(401, "admin_token_wrong", _ASK, field="Authorization")
LOCAL_ONLY = refusal(401, "local_only", _ASK)


class Admission(msgspec.Struct, frozen=True):
    """The rule: `tokens` that are accepted (several while one is rotated), and whether this is production."""

    tokens: tuple[bytes, ...] = ()
    production: bool = False

    def refusal(self, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> Answer | None:
        """Why this request is not admitted, or None. `peer` is the socket's address, header names are lower case."""
        if not self.tokens:
            if self.production:
                return NOT_CONFIGURED
            return None if is_local(peer, headers) else LOCAL_ONLY
        given = bearer(next((value for name, value in headers if name == b"authorization"), b""))
        if given is None:
            return TOKEN_NEEDED
        fits = False
        for token in self.tokens:  # all are compared: how long it takes says nothing about which one fitted
            fits |= compare_digest(given, token)
        return None if fits else TOKEN_WRONG


def bearer(authorization: bytes) -> bytes | None:
    """The token of an `Authorization: Bearer …`; None for another scheme, or none. Source: RFC 6750, section 2.1."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() or None if scheme.lower() == b"bearer" else None
