"""`callbacks log`: what came in, by whatever is known of it."""

import shlex
from typing import Annotated, TypeAlias

import typer

from app.cli import parts, printing
from app.cli.many import Since, Until
from app.cli.parts import Before, Json
from app.core.clock import now_us
from app.operate import search
from app.operate.callbacks_shown import CallbackLine, CallbacksShown

Order: TypeAlias = Annotated[str, typer.Option(metavar="ORDER_ID", help="About this order.")]
User: TypeAlias = Annotated[str, typer.Option(metavar="USER_ID", help="About this user's orders.")]
Provider: TypeAlias = Annotated[str, typer.Option(help="From this sender.")]
Outcome: TypeAlias = Annotated[str, typer.Option(help="That became this, such as rejected.")]
InBody: TypeAlias = Annotated[str, typer.Option("--text", help="With this text in the body.")]


def list_log(  # noqa: PLR0913, PLR0917 - the options are what one may know of a callback
    order: Order = "",
    user: User = "",
    provider: Provider = "",
    outcome: Outcome = "",
    text: InBody = "",
    since: Since = "",
    until: Until = "",
    rows: Annotated[int, typer.Option(min=1, max=search.PAGE_MAX)] = 20,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List callbacks, newest first.

    Looks for half a second at most where it has to read bodies; it says how far it came, and how to go on.

    Example: callbacks log --user ani --from 2d --text bank_transfer
    """
    engine = parts.existing_state()
    wanted = search.search_from(
        order_id=order,
        user_id=user,
        provider=provider,
        outcome=outcome,
        text=text,
        since=since,
        until=until,
        at=now_us(),
    )
    with parts.existing_log() as log:
        page = search.list_callbacks(
            engine, log, wanted, before=before, rows_max=rows, lang=parts.settings().callback_lang
        )
    if json:
        printing.print_json(page)
        return
    given = {"order": order, "user": user, "provider": provider, "outcome": outcome, "text": text}
    given |= {"from": since, "to": until, "rows": "" if rows == 20 else str(rows)}  # noqa: PLR2004 - the default
    _print(page, [f"--{name} {shlex.quote(value)}" for name, value in given.items() if value])


def _print(page: CallbacksShown, options: list[str]) -> None:
    printing.table(COLUMNS, [cells(line) for line in page.callbacks], indent=0)
    if not page.callbacks and not page.looked_back_to:
        printing.nothing("callbacks")
    if page.looked_back_to:
        printing.field("looked", f"back to {page.looked_back_to}", page.looked_back_at)
    if page.next_cursor:
        printing.field("older", " ".join(["callbacks log", *options, f"--before {page.next_cursor}"]))


COLUMNS = ("callback", "received", "provider", "event", "order", "outcome", "why")


def cells(line: CallbackLine) -> tuple[object, ...]:
    """One callback in a table of `COLUMNS`."""
    return (
        line.callback_id,
        line.received_at,
        line.provider,
        line.event_type,
        line.order_id,
        printing.coloured(line.outcome),
        line.text,
    )
