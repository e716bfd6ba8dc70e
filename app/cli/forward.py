"""`callbacks forward`: what comes in here, or at a system elsewhere, goes on to a program on a developer's machine."""

import asyncio
import getpass
import json as jsonlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from msgspec import structs
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Json
from app.core.clock import now_us
from app.core.config import Settings, secrets_of
from app.core.ends import ID_MAX
from app.core.errors import FieldError
from app.core.telemetry import hide
from app.operate.endpoints.delivering import Target
from app.operate.endpoints.endpoints import senders_from
from app.operate.endpoints.events import patterns_from
from app.operate.endpoints.reaching import url_from
from app.operate.shown import time_text
from app.providers.standard_webhooks import new_secret, secret_from

if TYPE_CHECKING:
    from app.callbacks.events.following import Delivered, Place, Source

_PLACES = "forward.jsonl"
_HERE = "here"


class _Wanted(NamedTuple):
    """What is followed, and where it goes."""

    to: str
    source: str  # an address, "" for this machine
    senders: str
    patterns: str

    @property
    def name(self) -> str:
        return f"{self.source or _HERE} {self.to}"


def forward(  # noqa: PLR0917 - the options are what one may want of it
    to: Annotated[str, typer.Option(help="Where each callback is posted.", metavar="URL", show_default=False)],
    since: Annotated[
        int | None,
        typer.Option(help="Begin after this callback; by default where it ended last.", min=0, max=ID_MAX),
    ] = None,
    source: Annotated[
        str, typer.Option("--from", help="A running system; by default this machine's.", metavar="URL")
    ] = "",
    provider: Annotated[
        list[str] | None, typer.Option(help="Only these senders; may be given several times.", show_default=False)
    ] = None,
    events: Annotated[
        str, typer.Option(help="Domain events, too: patterns such as transaction.*", metavar="PATTERNS")
    ] = "",
    secret: Annotated[str, typer.Option(help="Sign with this one; by default a new one, which is shown.")] = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Post callbacks to a program of yours as they come, signed, in order; what came while it was away comes first.

    A program that is down is waited for. With --from, CALLBACK_ADMIN_TOKEN is that system's. With --json, an object
    a line. Ctrl-C stops.

    Example: callbacks forward --to http://127.0.0.1:3000/hooks --from https://shop.example
    """
    settings = parts.settings()
    wanted = _Wanted(
        _address(to, "--to"),
        _address(source, "--from") if source else "",
        senders_from(provider or []),
        patterns_from("--events", events),
    )
    key = secret_from(secret) if secret else new_secret()
    hide(key)
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(settings, wanted, key, since, shown=not secret, json=json))
    last = _place_of(_places(settings), wanted.name)
    printing.err().print(Text(f"stopped after callback {last['callback_id']}" if last else "stopped", "dim"))


async def _follow(settings: Settings, wanted: _Wanted, key: str, since: int | None, *, shown: bool, json: bool) -> None:
    from app.callbacks.events.following import Follower, Place, going_on  # noqa: PLC0415 - each command loads its own room only
    from app.providers.outgoing import open_client  # noqa: PLC0415 - as above

    path = _places(settings)
    with _source(settings, wanted) as (source, close):
        client = open_client(public_only=False, status_only=True)
        try:
            known = _place_of(path, wanted.name)
            end = await source.ends(events=bool(wanted.patterns))
            place = end if known is None else going_on(Place(known["callback_id"], known["event"]), end)
            if since is not None:
                place = Place(since, place.event)
            _say_hello(wanted, key if shown else "", place, json=json)
            follower = Follower(
                source,
                client,
                Target("forward", wanted.to, (key,), ""),
                place,
                events=bool(wanted.patterns),
                show=_print_json if json else _show,
                waiting=_Waiting(),
                keep=lambda each: _keep(path, wanted.name, each),
            )
            _keep(path, wanted.name, place)
            await follower.run()
        finally:
            await client.aclose()
            await close()


@contextmanager
def _source(settings: Settings, wanted: _Wanted) -> "Iterator[tuple[Source, Callable[[], Awaitable[None]]]]":
    from app.callbacks.events.following import Here, There  # noqa: PLC0415 - as above
    from app.providers.outgoing import open_client  # noqa: PLC0415 - as above

    if wanted.source:
        client = open_client(public_only=False)
        yield There(client, wanted.source, _token(settings), wanted.senders, wanted.patterns), client.aclose
        return
    engine = parts.existing_state()
    with parts.existing_log() as log:
        yield Here(engine, log, wanted.senders, wanted.patterns), _nothing


async def _nothing() -> None:
    """There is nothing to close."""


def _address(value: str, option: str) -> str:
    try:
        return url_from(value, production=False)
    except FieldError as error:
        raise FieldError(option, error.reason) from None


def _token(settings: Settings) -> str:
    known = secrets_of(settings.callback_admin_token)
    if known:
        return known[0].decode()
    if not sys.stdin.isatty():
        return ""
    given = getpass.getpass("admin token of that system (empty for none): ")
    if given:
        hide(given)
    return given


def _say_hello(wanted: _Wanted, secret: str, place: "Place", *, json: bool) -> None:
    printing.err().print(Text(f"forwarding {wanted.source or 'from here'} → {wanted.to}", "bold"))
    printing.err().print(Text(f"after callback {place.callback_id}; Ctrl-C stops", "dim"))
    if secret:
        (printing.err() if json else printing.out()).print(Text(f"secret {secret}"))
        sys.stdout.flush()


def _show(told: "Delivered") -> None:
    at = datetime.fromtimestamp(now_us() / 1e6, UTC).astimezone().strftime("%H:%M:%S")
    line = Text(f"{at}  ", "dim").append(f"{printing.safe(told.what):<12} {printing.safe(told.kind):<24} ")
    line.append(f"{told.id}  ", "dim").append(told.result, "green" if told.success else "red")
    printing.out().print(line.append(f"  {told.milliseconds} ms", "dim"))
    sys.stdout.flush()


def _print_json(told: "Delivered") -> None:
    sys.stdout.write(jsonlib.dumps({"at": time_text(now_us()), **structs.asdict(told)}) + "\n")
    sys.stdout.flush()


class _Waiting:
    """Says once why nothing goes on, and once that it does."""

    def __init__(self) -> None:
        self._told = ""

    def __call__(self, why: str) -> None:
        if why != self._told:
            printing.err().print(Text(f"waiting: {printing.safe(why)}" if why else "it goes on", "dim"))
        self._told = why


def _places(settings: Settings) -> Path:
    """Beside the log of this machine, where there is one."""
    scheme, _, rest = settings.callback_log_url.partition(":///")
    return (Path(rest).parent if scheme == "sqlite" and rest else Path("data")) / _PLACES


def _read(path: Path) -> dict[str, dict[str, int]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        told = [jsonlib.loads(line) for line in lines if line.strip()]
        return {each["name"]: {"callback_id": int(each["callback_id"]), "event": int(each["event"])} for each in told}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        raise FieldError(str(path), "cannot be read; remove it, and say --since") from None


def _place_of(path: Path, name: str) -> dict[str, int] | None:
    return _read(path).get(name)


def _keep(path: Path, name: str, place: "Place") -> None:
    """Write how far this pair got: whole, or as it was."""
    places = _read(path) | {name: {"callback_id": place.callback_id, "event": place.event}}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text("".join(jsonlib.dumps({"name": each, **told}) + "\n" for each, told in places.items()))
    beside.replace(path)
