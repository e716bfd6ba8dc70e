"""Who may use the addresses that are not proved by a signature: bearer of the admin token, or this machine's user."""

from collections.abc import Sequence
from hmac import compare_digest

from app.core.secrets import Secrets
from app.engine.answers import refusal
from app.engine.callback import Answer
from app.engine.guesses import GUESSES, Guesses
from app.engine.peers import Proxies, is_local

_ASK = (b"www-authenticate", b'Bearer realm="callbacks"')

NOT_CONFIGURED = refusal(503, "admin_token_not_set")
TOKEN_NEEDED = refusal(401, "admin_token_missing", _ASK, field="Authorization")
TOKEN_WRONG = refusal(401, "admin_token_wrong", _ASK, field="Authorization")
LOCAL_ONLY = refusal(401, "local_only", _ASK)


class Admission:
    """The rule: `tokens` that are accepted (several while one is rotated), and whether this is production."""

    def __init__(
        self,
        tokens: Secrets | tuple[bytes, ...] = (),
        *,
        production: bool = False,
        proxies: Proxies | None = None,
        guesses: Guesses = GUESSES,
    ) -> None:
        """`proxies` tell whose guesses these are; without them the socket's other end is held to guess."""
        self._tokens = tokens
        self._production = production
        self._proxies = proxies or Proxies()
        self._guesses = guesses

    def refusal(self, peer: str, headers: Sequence[tuple[bytes, bytes]], at: int) -> Answer | None:
        """Why this request is not admitted, or None. `peer` is the socket's address, header names are lower case.

        Whoever was wrong too often is answered 429 and not listened to, also with the right token: else there would
        be no reason to wait.
        """
        tokens = self._tokens.at(at) if isinstance(self._tokens, Secrets) else self._tokens
        if not tokens:
            if self._production:
                return NOT_CONFIGURED
            return None if is_local(peer, headers) else LOCAL_ONLY
        given = bearer(next((value for name, value in headers if name == b"authorization"), b""))
        if given is None:
            return TOKEN_NEEDED
        address = self._proxies.remote_addr(peer, [value for name, value in headers if name == b"x-forwarded-for"])
        if wait := self._guesses.wait_seconds(address, at):
            return refusal(429, "too_many_wrong_tokens", (b"retry-after", b"%d" % wait), field="Authorization")
        fits = False
        for token in tokens:  # all are compared: how long it takes says nothing about which one fitted
            fits |= compare_digest(given, token)
        if fits:
            return None
        self._guesses.wrong(address, at)
        return TOKEN_WRONG


def bearer(authorization: bytes) -> bytes | None:
    """The token of an `Authorization: Bearer …`; None for another scheme, or none. Source: RFC 6750, section 2.1."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() or None if scheme.lower() == b"bearer" else None
