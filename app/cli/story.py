"""`callbacks show`: a callback with the story of its order, or an order's story alone."""

from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.dead import print_letter
from app.cli.parts import Json
from app.operate import story
from app.operate.callbacks_shown import CallbackShown
from app.operate.story_shown import CallbackToldShown, StoryLine, StoryShown


def show(
    which: Annotated[str, typer.Argument(metavar="ID", help="A callback's id, or an order's.", show_default=False)],
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Explain a callback: how it was verified, what it says, what came of it; then the whole story of its order.

    Of an order's id, its story alone.

    Example: callbacks show 1764046140000000
    """
    engine, handlers = parts.existing_state(), parts.handlers()
    with parts.existing_log() as log:
        shown = story.show(engine, log, handlers, which, lang=parts.settings().callback_lang)
    if json:
        printing.print_json(shown)
    elif isinstance(shown, CallbackToldShown):
        _print_callback(shown)
        if shown.story is not None:
            _print_story(shown.story)
    else:
        _print_story(shown)


def _print_callback(shown: CallbackShown) -> None:
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
        for one in task.history:
            printing.field("", one.ended_at, printing.coloured(one.result), one.error)
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


def _print_story(told: StoryShown) -> None:
    amount = f"{told.amount} {told.currency}" if told.kind else "not announced"
    printing.heading("  ".join(part for part in (told.order_id, told.kind, amount, told.user_id) if part))
    if told.status:
        printing.field("status", printing.coloured(told.status), told.text)
    printing.table(
        ("", "at", "what", "told", ""), [("▶" if line.this else "", *_cells(line)) for line in told.lines], indent=0
    )
    if told.omitted:
        printing.field("left out", f"{told.omitted} lines in the middle")


def _cells(line: StoryLine) -> tuple[object, ...]:
    if line.what != "journal":
        word = printing.coloured(line.outcome) if line.what == "callback" else Text("")
        return (line.at, line.what, printing.safe(line.text), word)
    moved = ", ".join(f"{posting.account} {_signed(posting.amount)}" for posting in line.moved)
    return (line.at, line.what, moved, f"balance {line.balance}" if line.balance is not None else "")


def _signed(amount: str) -> str:
    return amount if amount.startswith("-") else f"+{amount}"
