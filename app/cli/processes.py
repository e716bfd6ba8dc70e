"""`callbacks up`, `serve`, `worker`, `migrate`: what runs, and what it needs before it can run."""

import json as jsonlib
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.text import Text
from sqlalchemy.exc import DBAPIError

from app.cli import parts, printing
from app.core.config import Settings, usable_secrets
from app.core.database import check_schema, ensure_schema, get_engine
from app.core.errors import StartRefused
from app.engine.peers import is_loopback


def up() -> None:
    """Run everything: server, worker, the watcher of CALLBACK_FOLDERS; started again when they die. Ctrl-C stops.

    Example: callbacks up
    """
    from app.engine.supervisor import become_supervisor  # noqa: PLC0415 - each command loads its own room only

    settings = parts.settings()
    _check_host(settings)
    with starting():
        ensure_schema(get_engine())
    become_supervisor(watching=bool(settings.callback_folders))


def serve() -> None:
    """Run the server alone: it receives callbacks and answers management addresses.

    Example: CALLBACK_PORT=9000 callbacks serve
    """
    from app.callbacks.callback_manager import load_app  # noqa: PLC0415 - as above
    from app.engine.server import serve as run  # noqa: PLC0415 - as above
    from app.engine.supervisor import stop_with_supervisor  # noqa: PLC0415 - as above
    from app.main import create_app  # noqa: PLC0415 - as above

    settings = parts.settings()
    _check_host(settings)
    with starting():
        check_schema(get_engine())
    manager = load_app(settings)
    manager.providers.check()
    stop_with_supervisor()
    app = create_app()
    tell = _what_to_try(settings, manager.not_configured)
    raise typer.Exit(run(app, host=settings.callback_host, port=settings.callback_port, on_listening=tell))


def worker() -> None:
    """Run the worker alone: it decides callbacks, applies their effects, and carries out tasks.

    Example: callbacks worker
    """
    from app.callbacks.callback_manager import load_app  # noqa: PLC0415 - as above
    from app.callbacks.working import run  # noqa: PLC0415 - as above
    from app.engine.supervisor import stop_with_supervisor  # noqa: PLC0415 - as above

    settings = parts.settings()
    with starting():
        check_schema(get_engine())
    stop_with_supervisor()
    manager = load_app(settings)
    manager.providers.check()
    raise typer.Exit(run(settings, get_engine("worker"), manager))


def migrate() -> None:
    """Bring the state database's schema up to date; makes it where there is none.

    Example: callbacks migrate
    """
    parts.settings()
    with starting():
        ensure_schema(get_engine())
    printing.out().print(Text("the schema is up to date", "green"))


@contextmanager
def starting() -> Iterator[None]:
    """What the database says at the start, as one line: raises StartRefused."""
    try:
        yield
    except DBAPIError as error:
        raise StartRefused(
            f"the state database {get_engine().url.database} cannot be used: {error.orig}; see DATABASE_URL"
        ) from None


def _check_host(settings: Settings) -> None:
    host = settings.callback_host
    if settings.production or host == "localhost" or is_loopback(host):
        return
    raise StartRefused(
        f"CALLBACK_HOST={host} can be reached by others, and CALLBACK_ENV=development does not verify them;"
        " set CALLBACK_ENV=production, or CALLBACK_HOST=127.0.0.1"
    )


def _what_to_try(settings: Settings, not_configured: Callable[[], list[str]]) -> Callable[[str], None]:
    """What the server prints once it listens: a line that works as pasted, where to read on, and what it refuses."""

    def tell(address: str) -> None:
        out = printing.out()
        out.print(Text(f"Callbacks are received at {address}/callbacks/webhook/{{provider}}", "bold"))
        out.print(Text(f"All addresses: {address}/docs"))
        if settings.production and (idle := not_configured()):  # silence would be taken for all is well
            told = f"Not configured, answers 503: {', '.join(idle)}; `callbacks doctor` says what to set"
            out.print(Text(told, "yellow"))
        if not settings.production and not usable_secrets(settings.midtrans_server_key):
            out.print(Text("Try it: announce an order, send Midtrans' callback, look at the wallet:"))
            out.print(Text(try_line(address, settings), "cyan"))
        out.file.flush()

    return tell


def try_line(address: str, settings: Settings) -> str:
    """A shell line: the specification's own example, from the announcement to the wallet."""
    from app.callbacks.examples import MIDTRANS, TRANSACTION  # noqa: PLC0415 - as above

    token = ' -H "Authorization: Bearer $CALLBACK_ADMIN_TOKEN"' if usable_secrets(settings.callback_admin_token) else ""

    def post(path: str, body: object, more: str) -> str:
        data = shlex.quote(jsonlib.dumps(body))
        return f"curl -sS {address}{path}{more} -H 'Content-Type: application/json' -d {data}"

    steps = (
        post("/transactions", TRANSACTION, token) + " -o /dev/null",
        post("/callbacks/webhook/midtrans", MIDTRANS, ""),
        "sleep 1",
        f"curl -sS {address}/wallets/{TRANSACTION['user_id']}{token}",
    )
    return " && ".join(steps)
