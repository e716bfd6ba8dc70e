"""`callbacks doctor`: looks at everything that can be wrong, and says what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.text import Text

from app.cli import printing
from app.cli.parts import Json
from app.core.clock import now_us
from app.core.config import Settings
from app.core.telemetry import configure
from app.operate import doctor as operate
from app.operate.checkup import configuration

_COLOURS = {"ok": "green", "warn": "yellow", "wrong": "bold red"}


def doctor(json: Json = False) -> None:  # noqa: FBT002 - an option
    """Look at settings, secrets, files, disk, clock, port, handlers, worker and books; say what to do.

    Changes nothing, works also when the system is down or was never started. Exit code 1 when something is wrong.

    Example: callbacks doctor
    """
    settings, unreadable = configuration.read()
    configure(settings.callback_log_level, settings=settings)
    examined = operate.examine(settings, unreadable, _handlers, at=now_us(), lang=settings.callback_lang)
    if json:
        printing.print_json(examined)
    else:
        for finding in examined.findings:
            line = Text().append(f"{finding.state:<6}", _COLOURS[finding.state]).append(f"{finding.what:<13}", "bold")
            line.append(printing.safe(finding.told))
            if finding.to_do:
                line.append(f" → {printing.safe(finding.to_do)}", "cyan")
            printing.out().print(line)
    if not examined.success:
        raise typer.Exit(1)


def _handlers(settings: Settings) -> Sequence[Mapping[str, Any]]:
    from app.callbacks.callback_manager import load_app  # noqa: PLC0415 - a heavy room, for few commands

    return load_app(settings).list_handlers()
