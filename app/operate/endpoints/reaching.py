"""Which addresses may be sent to: in production public ones by https, and this machine's own loopback."""

from urllib.parse import urlsplit

import httpx2

from app.core.config import Settings
from app.core.errors import FieldError
from app.engine.peers import is_loopback
from app.providers.outgoing import open_client

_URL_CHARS_MAX = 2_000
_EXAMPLE = "must be an address such as https://shop.example/hooks"


class Reaching:
    """The clients of one event loop. In production a name that leads into a private network is refused."""

    def __init__(self, settings: Settings) -> None:
        """Close it with `aclose`."""
        self._own = open_client(public_only=False, status_only=True)
        self._public = open_client(public_only=True, status_only=True) if settings.production else self._own

    def client_for(self, url: str) -> httpx2.AsyncClient:
        """Loopback was named by whoever runs this machine; anything else is looked at where it is connected."""
        return self._own if names_loopback(url) else self._public

    async def aclose(self) -> None:
        """Close what is open."""
        await self._own.aclose()
        await self._public.aclose()


def names_loopback(url: str) -> bool:
    """Whether an address names loopback itself: `localhost`, `127.0.0.1`, `[::1]`."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or is_loopback(host)


def url_from(value: object, *, production: bool) -> str:
    """An address that may be sent to. Raises FieldError."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise FieldError("url", _EXAMPLE)
    if len(value) > _URL_CHARS_MAX:
        raise FieldError("url", f"is longer than {_URL_CHARS_MAX} characters")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise FieldError("url", _EXAMPLE) from None
    if parts.scheme not in {"http", "https"} or not host:
        raise FieldError("url", _EXAMPLE)
    if parts.username is not None or parts.password is not None:
        raise FieldError("url", "must not hold a user or password; deliveries are signed")
    if production and parts.scheme != "https" and not names_loopback(value):
        raise FieldError("url", "must be https in production, or this machine's own loopback (http://127.0.0.1:…)")
    return value
