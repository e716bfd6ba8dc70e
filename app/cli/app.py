"""The command `callbacks`: its parts, and how every error becomes one line and an exit code."""

import io
import os
import sys
from collections.abc import Sequence

import typer
from sqlalchemy.exc import DBAPIError

from app.cli import (
    alerts,
    audit,
    bot,
    channels,
    dead,
    discord,
    doctor,
    endpoints,
    exchange,
    forward,
    imports,
    order_list,
    processes,
    products,
    providers,
    replay,
    retention,
    search,
    simulate,
    story,
    tail,
    telegram,
    top,
    topups,
    transactions,
    wallet,
    watch,
)
from app.cli.printing import fail
from app.core.database import is_storage_trouble
from app.core.errors import CallbackError, FieldError, describe_os_error, treatment
from app.core.telemetry import get_logger, redact

#: What the parser raises for arguments that it cannot read.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

commands = typer.Typer(
    name="callbacks",
    help="Receives every callback of a shop, keeps it on disk before it answers, and moves wallets exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
)
commands.command()(processes.up)
commands.command()(processes.serve)
commands.command()(processes.worker)
commands.command()(bot.bot)
commands.command()(watch.watch)
commands.command()(processes.migrate)
commands.command()(story.show)
commands.command("log")(search.list_log)
commands.command()(tail.tail)
commands.command()(replay.replay)
commands.command()(audit.audit)
commands.command()(doctor.doctor)
commands.command()(top.top)
commands.command()(retention.prune)
commands.command()(simulate.simulate)
commands.command()(simulate.send)
commands.command()(exchange.export)
commands.command("import")(exchange.import_file)
transactions.commands.command("list")(order_list.list_orders)
commands.add_typer(transactions.commands, name="transactions")
commands.add_typer(wallet.commands, name="wallet")
commands.add_typer(topups.commands, name="topups")
commands.add_typer(dead.dead, name="dead")
commands.add_typer(alerts.alerts, name="alerts")
commands.add_typer(channels.commands, name="channels")
commands.add_typer(endpoints.commands, name="endpoints")
commands.command()(forward.forward)
commands.add_typer(imports.commands, name="imports")
commands.add_typer(products.commands, name="products")
commands.add_typer(providers.commands, name="providers")
commands.add_typer(telegram.commands, name="telegram")
commands.add_typer(discord.commands, name="discord")


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
