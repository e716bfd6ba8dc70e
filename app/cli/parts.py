"""What commands share: settings, databases, and who is sitting there; every trouble is a CallbackError."""

import errno
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from pydantic import ValidationError
from sqlalchemy import Engine, make_url

from app.core.config import Settings, get_settings
from app.core.database import check_schema, get_engine
from app.core.ends import ID_MAX
from app.core.errors import FieldError, StartRefused, describe_os_error
from app.core.telemetry import configure
from app.engine.log import Log, visiting
from app.engine.log.place import log_path

Before: TypeAlias = Annotated[
    int | None, typer.Option(help="Older than this one.", min=1, max=ID_MAX, show_default=False)
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Who: TypeAlias = Annotated[
    str, typer.Option("--who", help="Who does it; by default your user name.", show_default=False)
]
Reason: TypeAlias = Annotated[str, typer.Option("--reason", help="Why; kept with who and when.")]


def settings() -> Settings:
    """The settings. Raises StartRefused with each that is wrong, without its value: it may be a secret."""
    try:
        found = get_settings()
    except ValidationError as error:
        wrong = [f"{str(each['loc'][-1]).upper()}: {each['msg']}" for each in error.errors(include_input=False)]
        raise StartRefused(f"settings (environment or .env): {'; '.join(wrong)}") from None
    except UnicodeDecodeError:
        raise StartRefused("settings: .env is not UTF-8 text") from None
    except OSError as error:
        raise StartRefused(f"settings: .env cannot be read: {error.strerror}") from None
    try:
        configure(found.callback_log_level, settings=found)
    except UnicodeEncodeError:
        raise StartRefused("settings: a secret is not UTF-8 text; set it anew") from None
    return found


def existing_state() -> Engine:
    """The state database, which has to be there with the right schema: a command in a wrong folder makes no new one."""
    found = settings()
    engine = get_engine()
    path = make_url(found.database_url).database
    if path and not Path(path).is_file():
        raise StartRefused(
            f"there is no state database at {path}; run `callbacks up` or `callbacks migrate` here first"
        )
    check_schema(engine)
    return engine


@contextmanager
def existing_log() -> Iterator[Log]:
    """The callback log, which has to be there."""
    url = settings().callback_log_url
    path = log_path(url)
    if url.startswith("sqlite:") and not path.is_file():
        raise StartRefused(f"there is no callback log at {path}; `callbacks serve` or `callbacks up` makes it")
    with visiting(url) as opened:
        yield opened


@contextmanager
def file_trouble() -> Iterator[None]:
    """What the system says of a file that somebody named, as an error of the command line."""
    try:
        yield
    except BrokenPipeError:  # `callbacks … | head`
        raise
    except OSError as error:
        if error.errno in _OF_THE_DISK:
            raise
        raise FieldError("FILE", describe_os_error(error)) from None


#: Whoever named the file could not know: not a wrong argument, but something that could not be done.
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def handlers() -> Any:
    """The handlers as the worker knows them, with those of CALLBACK_APP."""
    from app.callbacks.callback_manager import load_app  # noqa: PLC0415 - a heavy room, for few commands

    return load_app(settings()).lookup


def who_is_here(who: str = "") -> str:
    """The name given, else the user's."""
    if who:
        return who
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without users
        return "cli"
