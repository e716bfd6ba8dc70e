"""The command `callbacks`: its parts, each loaded when it is used, and how every error becomes one line and a code."""

import io
import os
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import Any

import typer
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from app.cli.printing import fail
from app.core.database import is_storage_trouble
from app.core.errors import CallbackError, FieldError, describe_os_error, treatment
from app.core.telemetry import get_logger, redact

#: What the parser raises for arguments that it cannot read.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

#: Each command with its module of `app.cli` and its name there. `serve` and `worker` stay loaded for months: of the
#: other commands they need nothing.
_COMMANDS = {
    "up": "processes.up",
    "serve": "processes.serve",
    "worker": "processes.worker",
    "bot": "bot.bot",
    "watch": "watch.watch",
    "migrate": "processes.migrate",
    "show": "story.show",
    "log": "search.list_log",
    "tail": "tail.tail",
    "replay": "replay.replay",
    "audit": "audit.audit",
    "doctor": "doctor.doctor",
    "top": "top.top",
    "prune": "retention.prune",
    "simulate": "simulate.simulate",
    "send": "simulate.send",
    "export": "exchange.export",
    "import": "exchange.import_file",
    "forward": "forward.forward",
    "transactions": "transactions.commands",
    "wallet": "wallet.commands",
    "topups": "topups.commands",
    "dead": "dead.dead",
    "alerts": "alerts.alerts",
    "channels": "channels.commands",
    "endpoints": "endpoints.commands",
    "imports": "imports.commands",
    "products": "products.commands",
    "providers": "providers.commands",
    "telegram": "telegram.commands",
    "discord": "discord.commands",
}


def _settings(**more: Any) -> typer.Typer:
    return typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        rich_markup_mode=None,
        **more,
    )


class _Commands(MutableMapping[str, Any]):
    """Commands by name, as typer has made them; each is made when it is asked for."""

    def __init__(self) -> None:
        self._names = dict.fromkeys(_COMMANDS)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._names and name not in self._made:
            self._made[name] = _made(name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._names[name] = None
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._made.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _made(name: str) -> Any:
    module, _, attribute = _COMMANDS[name].partition(".")
    found = getattr(import_module(f"app.cli.{module}"), attribute)
    alone = _settings(add_completion=False)
    alone.callback()(_nothing)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return typer.main.get_command(alone).commands[name]  # type: ignore[attr-defined]


class _Group(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()


def _nothing() -> None:
    """What a group does before its command."""


commands = _settings(
    name="callbacks",
    help="Receives every callback of a shop, keeps it on disk before it answers, and moves wallets exactly once.",
    cls=_Group,
)
commands.callback()(_nothing)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command → its exit code: 0 done, 1 it could not be done, 2 it was not asked or set up rightly."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a name still shows the rest
    try:
        _check_texts(sys.argv[1:] if arguments is None else arguments)
        code = commands(args=arguments, prog_name="callbacks", standalone_mode=False)
        sys.stdout.flush()
    except _UsageError as error:
        return _usage(error)
    except CallbackError as error:
        fail(redact(str(error)))
        return treatment(error).exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except (BrokenPipeError, SystemExit):  # `callbacks … | head`; rich and click make the second of the first
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except DBAPIError as error:
        advice = "; nothing was done: free it, or try again" if is_storage_trouble(error) else ""
        fail(f"the state database: {redact(str(error.orig))}{advice}")
        return 1
    except OSError as error:
        fail(redact(describe_os_error(error)))
        return 1
    except Exception as error:  # noqa: BLE001 - a traceback helps nobody who sits at a terminal
        get_logger(__name__).debug("command_failed", exc_info=error)
        fail(f"unexpected {type(error).__name__}: {redact(str(error))}; CALLBACK_LOG_LEVEL=debug shows where")
        return 1
    return code if isinstance(code, int) else 0


def _check_texts(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = argument.encode(errors="backslashreplace").decode()
            raise FieldError("argument", f"{shown!r} is not UTF-8 text") from None


def _usage(error: Exception) -> int:
    message = getattr(error, "format_message", error.__str__)()
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{message}\n")
        return 2
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "callbacks"
    fail(f"{message} See: {path} --help")
    return 2


__all__ = ["commands", "run"]
