"""`callbacks simulate` and `send`: signed traffic against a running system, and one signed callback."""

import secrets as dice
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from app.cli import parts, printing
from app.cli.announcing import in_bulk
from app.cli.parts import Json
from app.cli.signing import provider_message, provider_sender
from app.core.config import Settings, usable_secrets
from app.core.errors import FieldError, StartRefused, describe_os_error
from app.simulation import driver
from app.simulation.driver import Phase, Way
from app.simulation.plan import Secrets
from app.simulation.report import Report
from app.simulation.scenarios import SCENARIOS, plan, plan_of
from app.simulation.sending import greet
from app.simulation.sending import send as send_once
from app.simulation.wire import Target, target_of

_NAMES = "; ".join(f"of {provider} {', '.join(names)}" for provider, names in SCENARIOS.items())
_TAKEN = range(200, 300)
_BODY_BYTES_MAX = 4 << 20  # four times what is taken, so that a refusal can be seen
_SEEDS = 1_000_000
_DIFFERENCES_SHOWN = 20
_API_PORT = 8001
_LAST_ANSWERS = 2_000  # the live p99 is that of these

Url = Annotated[str, typer.Option(help="Where the system is; by default where the settings let it listen here.")]
Elsewhere = Annotated[
    bool,
    typer.Option("--elsewhere", help="Allow another machine, or CALLBACK_ENV=production: it writes made-up orders."),
]


def simulate(  # noqa: PLR0913, PLR0917 - the options of a run
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="midtrans, digiflazz, or any provider.")],
    scenario: Annotated[str, typer.Option(help=f"What happens: {_NAMES}.")] = "mixed",
    count: Annotated[int, typer.Option(help="Orders.", min=1, max=10_000_000)] = 100,
    rate: Annotated[
        float | None, typer.Option(help="Callbacks a second; by default as fast as they are answered.", min=0.1)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="The same seed makes the same orders and bytes; by default a new one.", min=0, max=_SEEDS - 1
        ),
    ] = None,
    url: Url = "",
    connections: Annotated[int, typer.Option(help="Kept alive.", min=1, max=1000)] = 64,
    api_port: Annotated[
        int | None,
        typer.Option(
            help="Where Midtrans' status API is played: MIDTRANS_API_URL of the system has to lead there.",
            min=1,
            max=65535,
        ),
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for a system that decides nothing.", min=1)] = 60,
    local: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--local", help="Announce in bulk, in the state that DATABASE_URL names here: many orders are faster so."
        ),
    ] = False,
    key: Annotated[
        Path | None, typer.Option(help="The private key of a sender that has a pair.", show_default=False)
    ] = None,
    elsewhere: Elsewhere = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Send signed traffic to a running system, then check every balance and every order.

    Example: callbacks simulate midtrans --scenario mixed --count 1000 --seed 7
    """
    settings = parts.settings()
    target = _target(settings, url, elsewhere=elsewhere)
    port = api_port or _port_of(settings)
    chosen = dice.randbelow(_SEEDS) if seed is None else seed
    if provider in SCENARIOS:
        keys = _secrets_for(provider, settings, port)
        wanted = plan(provider, scenario, count=count, seed=chosen, secrets=keys)
    else:
        public = settings.public_url() or target.url
        wanted = plan_of(provider_sender(settings, provider, key, public=public), scenario, count=count, seed=chosen)
    way = Way(
        connections=connections,
        rate=rate,
        api_port=port,
        still_seconds=patience,
        announce=in_bulk(parts.existing_state(), settings) if local else None,
    )
    greet(target)
    printing.err().print(Text(f"{wanted.name} at {target.url}; the same again: --seed {wanted.seed}", "dim"))
    with _Bars() as bars:
        report = driver.run(wanted, target, way, bars.move)
    if json:
        printing.print_json(report.figures())
    else:
        _print(report)
    if report.in_doubt and report.asks and not report.asked:
        url = f"http://127.0.0.1:{port}"
        printing.fail(f"nobody asked the status API at {url}; start the system with MIDTRANS_API_URL={url}")
    if report.differences:
        raise typer.Exit(1)


def send(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="midtrans, digiflazz, or any provider.")],
    file: Annotated[
        Path | None,
        typer.Option(
            help="The body; - reads standard input. By default one of the provider's own.", show_default=False
        ),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The private key of a sender that has a pair.", show_default=False)
    ] = None,
    url: Url = "",
    elsewhere: Elsewhere = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Sign a body as its sender would, send it, and print the answer; without a secret it goes unsigned.

    Example: callbacks send midtrans --file settlement.json
    """
    settings = parts.settings()
    target = _target(settings, url, elsewhere=elsewhere)
    body = _read(file) if file is not None else None
    message = provider_message(settings, provider, body, key, public=settings.public_url() or target.url)
    answer = send_once(target, message)
    text = answer.body.decode(errors="backslashreplace")
    taken = answer.status in _TAKEN
    if json:
        printing.print_json({"status": answer.status, "answer": text})
    else:
        printing.out().print(Text(str(answer.status), "green" if taken else "red"), Text(printing.safe(text)))
    if not taken:
        raise typer.Exit(1)


def _read(file: Path) -> bytes:
    """The body. Raises FieldError."""
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as stream:
            body = stream.read(_BODY_BYTES_MAX + 1)
    except OSError as error:
        raise FieldError("--file", describe_os_error(error)) from None
    if len(body) > _BODY_BYTES_MAX:
        raise FieldError("--file", f"is longer than {_BODY_BYTES_MAX} bytes")
    return body


def _target(settings: Settings, url: str, *, elsewhere: bool) -> Target:
    """Raises FieldError for another machine, StartRefused in production, unless that is allowed."""
    token = (usable_secrets(settings.callback_admin_token) or (b"",))[0].decode()
    target = target_of(url or f"http://127.0.0.1:{settings.callback_port or 8000}", token)
    if not target.local and not elsewhere:
        raise FieldError("--url", f"{target.url} is not this machine; --elsewhere allows it, and writes to its books")
    if settings.production and not elsewhere:
        raise StartRefused("CALLBACK_ENV is production, and this writes made-up orders; --elsewhere allows it")
    return target


def _port_of(settings: Settings) -> int:
    """Where the settings say that Midtrans' API is, if that is this machine."""
    parts = urlsplit(settings.midtrans_api_url)
    return parts.port or _API_PORT if parts.hostname in {"127.0.0.1", "localhost"} else _API_PORT


def _secrets(settings: Settings) -> Secrets:
    """The first of each that is set."""
    every = (settings.midtrans_server_key, settings.digiflazz_webhook_secret, settings.telegram_webhook_secret)
    return Secrets(*(next(iter(usable_secrets(each)), b"") for each in every))


def _secrets_for(provider: str, settings: Settings, api_port: int) -> Secrets:
    """Those that a simulation needs. Raises StartRefused with what to set."""
    found = _secrets(settings)
    if not found.midtrans:
        raise StartRefused(
            "MIDTRANS_SERVER_KEY is not set; set the same for the system and for this command, such as "
            f"SB-simulation, and MIDTRANS_API_URL=http://127.0.0.1:{api_port} for the system"
        )
    if provider == "digiflazz" and not found.digiflazz:
        raise StartRefused("DIGIFLAZZ_WEBHOOK_SECRET is not set; set the same for the system and for this command")
    return found


class _Bars:
    """A bar for each phase on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            console=printing.err(),
            disable=not sys.stderr.isatty(),
        )
        self._tasks: dict[Phase, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def move(self, phase: Phase, report: Report) -> None:
        """Show how far it is."""
        done, total, figures = _figures(phase, report)
        if phase not in self._tasks:
            for before in self._tasks.values():
                self._bars.update(before, total=1, completed=1)
            self._tasks[phase] = self._bars.add_task(phase, total=total, figures=figures)
        self._bars.update(self._tasks[phase], completed=done, total=total, figures=figures)


def _figures(phase: Phase, report: Report) -> tuple[int, int | None, str]:
    if phase == "announcing":
        return report.announced, report.orders, f"{report.announced:,} orders"
    if phase == "settling":
        done = report.in_doubt_most - report.in_doubt
        return done, report.in_doubt_most or None, f"{report.in_doubt:,} in doubt, asked {report.asked:,} times"
    if phase == "checking":
        total = len(report.balances) + len(report.statuses)
        return report.checked, total, f"{len(report.differences)} differences"
    taken = report.answers[HTTPStatus.OK]
    others = report.answers.total() - taken
    rate, p99 = report.per_second(time.monotonic()), report.p99_ms(_LAST_ANSWERS)
    return report.sent, report.calls, f"{rate:,.0f}/s, {taken:,} × 200, {others:,} others, p99 {p99:.1f} ms"


def _print(report: Report) -> None:
    figures = report.figures()
    printing.field("announced", f"{report.announced:,} orders in {report.announced_seconds:.1f} s")
    printing.field(
        "sent",
        f"{report.sent:,} in {report.seconds:.1f} s: {figures['sent_per_second']:,}/s, p99 {figures['p99_ms']} ms",
    )
    printing.field("answers", ", ".join(f"{count:,} × {status}" for status, count in sorted(report.answers.items())))
    printing.field("again", ", ".join(f"{count:,} × {why}" for why, count in report.again.items()))
    printing.field("settled", f"after {report.settled_seconds:.1f} s; the status API was asked {report.asked:,} times")
    printing.field("checked", f"{len(report.balances):,} wallets, {len(report.statuses):,} orders")
    if report.in_doubt and not report.asks:
        printing.field("others", f"{report.in_doubt:,} callbacks of others are in doubt")
    if not report.differences:
        printing.out().print(Text("every balance and every status is as it must be", "green"))
        return
    printing.heading(f"{len(report.differences):,} differences")
    shown = [
        (each.what, each.subject, each.expected, Text(printing.safe(each.found), "red")) for each in report.differences
    ]
    printing.table(("what", "of", "expected", "found"), shown[:_DIFFERENCES_SHOWN])
    if len(shown) > _DIFFERENCES_SHOWN:
        printing.out().print(f"  … and {len(shown) - _DIFFERENCES_SHOWN:,} more")
