"""`callbacks top`: how it goes right now, read from the running server again and again."""

import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, Self, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.live import Live

from app.cli import parts, picture, printing
from app.cli.parts import Json
from app.core.clock import now_us
from app.core.config import Settings, usable_secrets
from app.core.errors import ExternalAPIError, FieldError, NoAnswer
from app.operate.alerts_shown import AlertsShown
from app.operate.traffic_shown import TrafficShown

_ANSWER_SECONDS = 5.0
_OK, _UNAUTHORIZED = 200, 401
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server listens on, and where it is met
_PIPE_COLUMNS = 100

Answered = TypeVar("Answered", bound=BaseModel)


def top(
    url: Annotated[
        str, typer.Option("--url", help="The server; by default where the settings say.", show_default=False)
    ] = "",
    every: Annotated[float, typer.Option("--every", min=0.2, max=3600, help="Seconds between pictures.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="One picture, then end; so in a pipe.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Watch the running server: rates, latencies, lag, dead letters and alerts, a row a sender. Ctrl-C ends.

    Example: callbacks top
    """
    settings = parts.settings()
    with Server(address(url, settings), settings) as server:
        found = server.ask()
        if json:
            printing.print_json({"url": server.url, **found.stats.model_dump(), "open_alerts": _dumped(found.alerts)})
        elif once or not sys.stdout.isatty():
            console = _console()
            console.print(_drawn(found, server.url, console, lines=None))
        else:
            _watch(server, found, every)


class Found(NamedTuple):
    """What the server told at one moment."""

    stats: TrafficShown
    alerts: AlertsShown


def address(url: str, settings: Settings) -> str:
    """Where the server is: as given, else as the settings have it listen. Raises FieldError."""
    host = _ANYWHERE.get(settings.callback_host, settings.callback_host)
    given = url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{settings.callback_port}"
    scheme, _, rest = given.partition("://")
    if scheme not in {"http", "https"} or not rest or not rest.isprintable() or " " in rest:
        raise FieldError("--url", "must be an address such as http://127.0.0.1:8000")
    return given


class Server:
    """The running server over HTTP, with one kept-alive connection."""

    def __init__(self, url: str, settings: Settings) -> None:
        """Nothing is sent yet."""
        import httpx2  # noqa: PLC0415 - a heavy room, for few commands

        self.url = url
        self._trouble: tuple[type[Exception], ...] = (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError)
        tokens = usable_secrets(settings.callback_admin_token)
        headers = {b"Authorization": b"Bearer " + tokens[0]} if tokens else {}
        # No proxy of the environment: the token goes to the server that was named, and nowhere else.
        self._client = httpx2.Client(headers=headers, timeout=_ANSWER_SECONDS, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self) -> Found:
        """Ask once. Raises NoAnswer where nobody listens, ExternalAPIError for an answer that says no."""
        stats = self._get("/callbacks/stats", TrafficShown)
        return Found(stats, self._get("/callbacks/alerts", AlertsShown))

    def _get(self, path: str, kind: type[Answered]) -> Answered:
        try:
            reply = self._client.get(f"{self.url}{path}")
        except self._trouble as error:
            raise NoAnswer(
                f"nobody answers at {self.url} ({_words(error)}); start it with `callbacks up`, or name another --url"
            ) from None
        if reply.status_code == _UNAUTHORIZED:
            raise ExternalAPIError(
                f"{self.url} asks for the admin token; set CALLBACK_ADMIN_TOKEN here as it is set there"
            )
        if reply.status_code != _OK:
            raise ExternalAPIError(f"{self.url}{path} answers {reply.status_code}: {_detail(reply)}")
        try:
            return kind.model_validate_json(reply.content)
        except ValidationError:
            raise ExternalAPIError(f"{self.url} is another program, or another release of this one") from None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _detail(reply: Any) -> str:
    with suppress(ValueError, AttributeError):
        return str(reply.json().get("detail", ""))[:300]
    return "no reason given"


def _dumped(alerts: AlertsShown) -> list[dict[str, Any]]:
    return [alert.model_dump() for alert in alerts.alerts]


def _watch(server: Server, found: Found, every: float) -> None:
    """Draw until Ctrl-C; a server that is away for a while is waited for."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the terminal gets its own screen back then, too
    console, trouble = _console(), ""
    with suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            drawn = _drawn(found, server.url, console, lines=console.height, trouble=trouble)
            live.update(drawn, refresh=True)
            time.sleep(every)
            try:
                found, trouble = server.ask(), ""
            except ExternalAPIError as error:
                trouble = str(error)


def _console() -> Console:
    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    return Console(width=width, markup=False, highlight=False, emoji=False)


def _drawn(found: Found, url: str, console: Console, *, lines: int | None, trouble: str = "") -> Any:
    return picture.picture(
        found.stats,
        found.alerts.alerts,
        url=url,
        at=datetime.fromtimestamp(now_us() / 1_000_000, UTC),
        columns=console.width,
        lines=lines,
        plain=not console.encoding.lower().startswith("utf"),
        trouble=trouble,
    )
