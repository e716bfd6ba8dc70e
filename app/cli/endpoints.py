"""`callbacks endpoints`: services of one's own that hear of what happened, and how they stand."""

import re
import sys
from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Json
from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.core.errors import FieldError
from app.operate.endpoints import endpoints as verbs
from app.operate.endpoints import trying
from app.operate.endpoints.endpoints_shown import EndpointSecretShown, EndpointShown

commands = typer.Typer(help="Services of yours that hear of events and callbacks.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
_DURATION = re.compile(r"(\d{1,4})([hd])")
_STYLES = {"on": "green", "failing": "yellow", "missing": "yellow", "off": "red"}


@commands.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where deliveries are posted.", show_default=False)],
    events: Annotated[
        str, typer.Option(help="Patterns of events, separated by commas.", metavar="PATTERNS", show_default=False)
    ] = "",
    callbacks: Annotated[
        str,
        typer.Option(
            help="Senders whose callbacks go on as they came, separated by commas.",
            metavar="SENDERS",
            show_default=False,
        ),
    ] = "",
    since: Annotated[
        str, typer.Option(help="`now`, or a callback's id: it hears of all that came after.", metavar="ID|now")
    ] = "now",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Add an endpoint; its secret is shown this once. Without --events and --callbacks it hears of all events.

    Example: callbacks endpoints add shop http://127.0.0.1:3000/hooks --events 'transaction.*,ppob.*'
    """
    engine, settings = parts.existing_state(), parts.settings()
    with parts.existing_log() as log:
        shown = verbs.add(
            engine,
            log,
            settings,
            name=name,
            url=url,
            events=events or ("" if callbacks else "*"),
            callbacks=callbacks,
            since=_since(since),
            at=now_us(),
        )
    _print_secret(shown, json=json)


@commands.command("list")
def list_endpoints(json: Json = False) -> None:  # noqa: FBT002 - an option
    """List who hears of events: endpoints, and functions that the application subscribed.

    Example: callbacks endpoints list
    """
    found = verbs.list_endpoints(parts.existing_state())
    if json:
        printing.print_json(found)
        return
    printing.table(
        ("name", "state", "events", "callbacks", "waiting", "behind", "heard last", "failing since", "url"),
        [_line(each) for each in found.endpoints],
        indent=0,
    )
    if not found.endpoints:
        printing.nothing("endpoints")


@commands.command("test")
def try_now(name: Name, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Send one signed event `endpoint.test` now, also to one that is off, and say what it answers.

    Example: callbacks endpoints test shop
    """
    told = trying.try_endpoint(parts.existing_state(), name, parts.settings(), at=now_us())
    if json:
        printing.print_json(told)
    else:
        line = Text(f"{printing.safe(name)}: ").append(printing.safe(told.told), "green" if told.success else "red")
        printing.out().print(line.append(f"  {told.milliseconds} ms", "dim"))
    if not told.success:
        raise typer.Exit(1)


@commands.command()
def rotate(
    name: Name,
    overlap: Annotated[str, typer.Option(help="How long the old secret signs beside it: 24h, 7d, 0h.")] = "24h",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Give an endpoint a new secret, shown this once; the old one stays good for a while.

    Example: callbacks endpoints rotate shop --overlap 24h
    """
    shown = verbs.rotate(parts.existing_state(), name, overlap_hours=_hours(overlap), at=now_us())
    _print_secret(shown, json=json)


@commands.command()
def disable(name: Name, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Send nothing there; what happens meanwhile waits.

    Example: callbacks endpoints disable shop
    """
    _print(verbs.disable(parts.existing_state(), name), json=json)


@commands.command()
def enable(name: Name, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Send there again, and all that it has missed.

    Example: callbacks endpoints enable shop
    """
    shown = verbs.enable(parts.existing_state(), name, at=now_us())
    _print(shown, json=json)
    if not json:
        printing.field("catches up", f"{shown.waiting} deliveries, and up to {shown.behind} events")


@commands.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Forget an endpoint, or a function that is no longer there, and what it has not heard.

    Example: callbacks endpoints remove shop --yes
    """
    engine = parts.existing_state()
    shown = verbs.show(engine, name)
    if not yes:
        if not sys.stdin.isatty():
            raise FieldError("--yes", "is needed where nobody can be asked")
        typer.confirm(f"Forget {name} and {shown.waiting + shown.behind} that it has not heard?", abort=True, err=True)
    _print(verbs.remove(engine, name, at=now_us()), json=json)


def _since(text: str) -> int | None:
    if text == "now":
        return None
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > ID_MAX:
        raise FieldError("--since", "must be `now` or a callback's id")
    return int(text[:20])


def _hours(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise FieldError("--overlap", "must be a time such as 24h or 7d")
    return int(found[1]) * (24 if found[2] == "d" else 1)


def _print_secret(shown: EndpointSecretShown, *, json: bool) -> None:
    if json:
        printing.print_json(shown)
        return
    _print(shown.endpoint, json=False)
    printing.field("secret", Text(shown.secret, "bold"))
    printing.field("", "shown this once: keep it where the service reads it")
    printing.field("old secret", f"good until {shown.old_until}" if shown.old_until else "")


def _print(shown: EndpointShown, *, json: bool) -> None:
    if json:
        printing.print_json(shown)
        return
    printing.heading(f"endpoint {shown.name}  {shown.url or 'a function of the application'}")
    printing.field("state", Text(shown.state, _STYLES[shown.state]), shown.why)
    printing.field("events", ", ".join(shown.events))
    printing.field("callbacks", ", ".join(shown.callbacks))
    printing.field("waiting", str(shown.waiting) if shown.waiting else "")


def _line(each: EndpointShown) -> tuple[object, ...]:
    state = Text(each.state, _STYLES[each.state]).append(f" ({each.why})" if each.why else "")
    told = (",".join(each.events), ",".join(each.callbacks), each.waiting, each.behind)
    return (each.name, state, *told, each.heard_at or "never", each.failing_since, each.url or "")
