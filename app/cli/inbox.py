"""`callbacks show`: what came in, and what became of it."""

from typing import Annotated

import typer

from app.cli import parts, printing
from app.cli.dead import print_letter
from app.cli.parts import ID_MAX, Json
from app.operate import inbox
from app.operate.shown import CallbackShown

Before = Annotated[int | None, typer.Option(help="Older than this one.", min=1, max=ID_MAX, show_default=False)]


def show(
    callback_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=ID_MAX, show_default=False)],
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Explain a callback: how it was verified, what it says, what came of it.

    Example: callbacks show 1764046140000000
    """
    engine, handlers = parts.existing_state(), parts.handlers()
    with parts.existing_log() as log:
        shown = inbox.show_callback(engine, log, handlers, callback_id, lang=parts.settings().callback_lang)
    if json:
        printing.print_json(shown)
    else:
        _print_callback(shown)


def _print_callback(shown: CallbackShown) -> None:
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
