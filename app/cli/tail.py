"""`callbacks tail`: what comes in, as it comes."""

import json as jsonlib
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.cli import parts, printing
from app.cli.parts import Json
from app.cli.search import InBody, Order, Outcome, Provider, User, cells
from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.core.errors import CallbackError, DatabaseError
from app.operate import search
from app.operate.callbacks_shown import CallbackLine
from app.operate.tail import Tail

_POLL_SECONDS = 0.1
_TROUBLE_SECONDS = 1.0
_STOPPED = 130


def tail(  # noqa: PLR0917 - the options are what one may know of a callback
    order: Order = "",
    user: User = "",
    provider: Provider = "",
    outcome: Outcome = "",
    text: InBody = "",
    since: Annotated[
        int | None, typer.Option(help="Begin after this callback.", min=0, max=ID_MAX, show_default=False)
    ] = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Show callbacks as they come, each once, with what became of it. Ctrl-C stops.

    While the worker stands still, a callback is shown as not decided after two seconds; with --outcome it goes on
    waiting. With --json, an object a line.

    Example: callbacks tail --provider midtrans --since 1764046140000000
    """
    engine = parts.existing_state()
    wanted = search.search_from(
        order_id=order, user_id=user, provider=provider, outcome=outcome, text=text, at=now_us()
    )
    show = _print_json if json else _Columns().print
    with parts.existing_log() as log:
        following = Tail(engine, log, wanted, since=since, at=_clock(), lang=parts.settings().callback_lang)
        done = str(following.place)
        try:
            for lines in _watched(following, engine):
                for line in lines:
                    show(line)
                    done = line.callback_id
                sys.stdout.flush()
                done = str(following.place)
        except KeyboardInterrupt:
            _tell(f"to go on: callbacks tail --since {done}")
            raise typer.Exit(_STOPPED) from None


def _clock() -> int:
    return time.monotonic_ns() // 1_000


def _watched(following: Tail, engine: Engine) -> Iterator[list[CallbackLine]]:
    """Step for step, for ever; what the databases say is told once, and tried again."""
    told = ""
    while True:
        try:
            lines = following.step(_clock())
        except (DatabaseError, DBAPIError) as error:
            what = str(error) if isinstance(error, CallbackError) else f"the state database: {error.orig}"
            if what != told:
                told = what
                _tell(f"waiting: {what}")
            engine.dispose()
            time.sleep(_TROUBLE_SECONDS)
            continue
        if told:
            told = ""
            _tell("it goes on")
        if following.log_changed():
            _tell(f"another log took the place of the one before; what is newer than {following.place} follows")
        yield lines
        if any(not line.outcome for line in lines):
            engine.dispose()  # opened anew, in case another state stands in its place by now
        if not lines:
            time.sleep(_POLL_SECONDS)


def _tell(sentence: str) -> None:
    printing.err().print(Text(printing.safe(sentence), "dim"))


def _print_json(line: CallbackLine) -> None:
    sys.stdout.write(jsonlib.dumps(line.model_dump()) + "\n")


class _Columns:
    """Columns as wide as what came so far; the last one ends the line."""

    def __init__(self) -> None:
        self._widths = [16, 27, 8, 10, 8, 9]
        self._out = printing.out()

    def print(self, line: CallbackLine) -> None:
        """One callback."""
        shown = [cell if isinstance(cell, Text) else Text(printing.safe(cell)) for cell in cells(line)]
        for at, cell in enumerate(shown[:-1]):
            self._widths[at] = max(self._widths[at], cell.cell_len)
            cell.pad_right(self._widths[at] + 2 - cell.cell_len)
        self._out.print(Text.assemble(*shown))
