"""`callbacks show`: a callback with the story of its order, or an order's story alone."""

from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.inbox import print_callback
from app.cli.parts import Json
from app.operate import story
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
        print_callback(shown)
        if shown.story is not None:
            _print(shown.story)
    else:
        _print(shown)


def _print(told: StoryShown) -> None:
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
