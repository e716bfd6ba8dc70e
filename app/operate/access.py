"""Who may see and change things: the bearer of the admin token; without one, in development, this machine's user."""

from collections.abc import Sequence
from functools import lru_cache

from app.core.clock import now_us
from app.core.config import Settings, secrets_of
from app.engine.admission import Admission
from app.engine.callback import Answer
from app.engine.peers import Proxies


def refusal(settings: Settings, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> Answer | None:
    """Why a request to a management address is not admitted, or None.

    401, 429 where the sender guessed too often, or 503 where no token is set. `peer` is the socket's address, header
    names are lower case. Tokens are compared in constant time.
    """
    admission = Admission(
        secrets_of(settings.callback_admin_token),
        production=settings.production,
        proxies=_proxies(settings.callback_trusted_proxies),
    )
    return admission.refusal(peer, headers, now_us())


_proxies = lru_cache(maxsize=1)(Proxies)
