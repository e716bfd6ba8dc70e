"""Who may see and change things: the bearer of the admin token; without one, in development, this machine's user."""

from collections.abc import Sequence

from app.core.config import Settings, secrets_of
from app.engine.admission import Admission
from app.engine.callback import Answer


def refusal(settings: Settings, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> Answer | None:
    """Why a request to a management address is not admitted (401, or 503 where no token is set), or None.

    `peer` is the socket's address, header names are lower case. Tokens are compared in constant time.
    """
    return Admission(secrets_of(settings.callback_admin_token), settings.production).refusal(peer, headers)
