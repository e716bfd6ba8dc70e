"""What verbs over many share at a terminal: a question first, and what a stop left behind."""

import sys
from typing import Annotated, TypeAlias

import typer
from rich.text import Text

from app.cli import printing
from app.core.errors import FieldError

DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Count and foresee; change nothing.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where nobody can answer.")]
Since: TypeAlias = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Not before: ISO 8601, or 2h for two hours ago.")
]
Until: TypeAlias = Annotated[str, typer.Option("--to", metavar="TIME", help="Before: ISO 8601, or 30m ago.")]


def confirm(question: str, *, yes: bool) -> None:
    """Ask in a terminal. Raises FieldError where nobody can answer, Abort for a no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise FieldError("--yes", "is needed where nobody can answer; --dry-run says first what would be done")
    typer.confirm(question, abort=True, err=True)


def stopped(done: int) -> None:
    """Say what a stop left behind."""
    printing.err().print(Text(f"stopped: {done} are done, the others are as they were; run it again to go on"))
