"""`callbacks show`: what came in, and what became of it."""

from typing import Annotated

import typer

from app.cli import printing
from app.cli.dead import print_letter
from app.cli.parts import ID_MAX
from app.operate.shown import CallbackShown

Before = Annotated[int | None, typer.Option(help="Older than this one.", min=1, max=ID_MAX, show_default=False)]


def print_callback(shown: CallbackShown) -> None:
    """One callback: how it was verified, what it says, what came of it."""
    printing.heading(f"{shown.callback_id}  {shown.provider}  {shown.event_type}")
    printing.field("received", shown.received_at, f"from {shown.remote_addr}" if shown.remote_addr else "")
    printing.field("verified", shown.verified_how)
    if shown.explanation is not None:
        told = shown.explanation
        printing.field("says", told.said)
        printing.field("means", ", ".join(told.facts) or told.why_none)
    printing.field("outcome", printing.coloured(shown.outcome), shown.text)
    printing.field("order", shown.order_id)
    if shown.decided_by is not None:
        cause = shown.decided_by
        printing.field("decided by", cause.kind, cause.who, cause.reason, cause.at)
    printing.field("told first", ", ".join(_fact_words(shown)))
    for line in shown.postings:
        printing.field("moved", line.account, line.amount)
    if shown.explanation is not None and not shown.postings and shown.outcome not in {"applied", "duplicate"}:
        printing.field("would move", shown.explanation.moves)
    for task in shown.tasks:
        printing.field("task", task.kind, task.destination, task.state, f"{task.tries} tries", task.last_error)
    for letter in shown.dead_letters:
        print_letter(letter)
    for name, value in shown.headers.items():
        printing.field("header", f"{name}: {value}")
    printing.field("body", shown.body)


def _fact_words(shown: CallbackShown) -> list[str]:
    return [
        f"{fact.kind}({', '.join(part for part in (fact.attempt, fact.key, fact.amount) if part)}) {fact.level}"
        for fact in shown.facts
    ]
