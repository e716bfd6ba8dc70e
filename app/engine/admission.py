"""Who may use the addresses that are not proved by a signature: bearer of the admin token, or this machine's user."""

from collections.abc import Sequence
from hmac import compare_digest

import msgspec

from app.engine.answers import problem
from app.engine.callback import Answer
from app.engine.peers import is_local

_ASK = (b"www-authenticate", b'Bearer realm="callbacks"')

NOT_CONFIGURED = problem(503, "CALLBACK_ADMIN_TOKEN is not set, so this address is closed")
TOKEN_NEEDED = problem(401, "this address asks for the admin token: Authorization: Bearer …", _ASK)
TOKEN_WRONG = problem(401, "the admin token is wrong", _ASK)
LOCAL_ONLY = problem(401, "without CALLBACK_ADMIN_TOKEN this address is open to this machine only", _ASK)


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
        given = _bearer(headers)
        if given is None:
            return TOKEN_NEEDED
        fits = False
        for token in self.tokens:  # all are compared: how long it takes says nothing about which one fitted
            fits |= compare_digest(given, token)
        return None if fits else TOKEN_WRONG


def _bearer(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return token.strip() if scheme.lower() == b"bearer" and token.strip() else None
    return None
