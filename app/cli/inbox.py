"""`callbacks dead`, `alerts`, `show`, `log`: what came in, what became of it, and what waits for a person."""

from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import ID_MAX, Json, Reason, Who
from app.core.clock import now_us
from app.operate import inbox, letters
from app.operate.shown import CallbackShown, DeadLetterShown

dead = typer.Typer(help="Dead letters: what was given up, with why and what to do.", no_args_is_help=True)
alerts = typer.Typer(help="What a person should look at.", no_args_is_help=True)

DeadId = Annotated[
    int, typer.Argument(metavar="ID", help="The dead letter's number.", min=1, max=ID_MAX, show_default=False)
]
Before = Annotated[int | None, typer.Option(help="Older than this one.", min=1, max=ID_MAX, show_default=False)]


@dead.command("list")
def list_dead(
    closed: Annotated[bool, typer.Option("--closed", help="Those that were closed, too.")] = False,  # noqa: FBT002
    rows: Annotated[int, typer.Option(min=1, max=letters.PAGE_MAX)] = 50,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List dead letters, newest first.

    Example: callbacks dead list
    """
    engine = parts.existing_state()
    lang = parts.settings().callback_lang
    page = letters.list_dead(engine, before=before, closed=closed, rows_max=rows, lang=lang)
    if json:
        printing.print_json(page)
        return
    for letter in page.dead_letters:
        _print_letter(letter)
    if not page.dead_letters:
        printing.out().print(Text("no dead letters", "green"))
    if page.next_cursor:
        printing.field("older", f"callbacks dead list --before {page.next_cursor}")


@dead.command()
def retry(dead_id: DeadId, who: Who = "", json: Json = False) -> None:  # noqa: FBT002 - an option
    """Decide a callback anew with today's facts, or try a task again.

    Example: callbacks dead retry 7
    """
    engine, handlers = parts.existing_state(), parts.handlers()
    with parts.existing_log() as log:
        result = letters.retry_dead(
            engine,
            log,
            handlers,
            dead_id,
            who=parts.who_is_here(who),
            at=now_us(),
            lang=parts.settings().callback_lang,
        )
    if json:
        printing.print_json(result)
    else:
        printing.out().print(printing.coloured(result.outcome), printing.safe(result.text))


@dead.command()
def drop(dead_id: DeadId, reason: Reason, who: Who = "", json: Json = False) -> None:  # noqa: FBT002 - an option
    """Close a dead letter without doing anything.

    Example: callbacks dead drop 7 --reason "refunded by hand"
    """
    letter = letters.drop_dead(
        parts.existing_state(),
        dead_id,
        who=parts.who_is_here(who),
        reason=reason,
        at=now_us(),
        lang=parts.settings().callback_lang,
    )
    if json:
        printing.print_json(letter)
    else:
        _print_letter(letter)


@alerts.command("list")
def list_alerts(json: Json = False) -> None:  # noqa: FBT002 - an option
    """List what a person should look at.

    Example: callbacks alerts list
    """
    found = letters.list_alerts(parts.existing_state(), lang=parts.settings().callback_lang)
    if json:
        printing.print_json(found)
        return
    for alert in found.alerts:
        printing.heading(f"alert {alert.id}  {alert.text}")
        printing.field("to do", alert.what_to_do)
        printing.field("since", alert.since, f"{alert.count}×" if alert.count > 1 else "")
        for command in alert.commands:
            printing.field("", command)
    if not found.alerts:
        printing.out().print(Text("no alerts", "green"))


@alerts.command()
def close(
    alert_id: Annotated[
        int, typer.Argument(metavar="ID", help="The alert's number.", min=1, max=ID_MAX, show_default=False)
    ],
    who: Who = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Close an alert that you have seen to; it opens anew when it happens again.

    Example: callbacks alerts close 3
    """
    letters.close_alert(parts.existing_state(), alert_id, who=parts.who_is_here(who), at=now_us())
    if json:
        printing.print_json({"id": str(alert_id), "closed": True})
    else:
        printing.out().print(Text(f"alert {alert_id} is closed", "green"))


def list_log(
    order: Annotated[str, typer.Option(help="About this order.")] = "",
    provider: Annotated[str, typer.Option(help="From this sender.")] = "",
    outcome: Annotated[str, typer.Option(help="That became this, such as rejected.")] = "",
    rows: Annotated[int, typer.Option(min=1, max=inbox.PAGE_MAX)] = 20,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List callbacks, newest first.

    Example: callbacks log --order ORDER-123
    """
    engine = parts.existing_state()
    search = inbox.Search(order, provider, outcome, before, rows)
    with parts.existing_log() as log:
        page = inbox.list_callbacks(engine, log, search, lang=parts.settings().callback_lang)
    if json:
        printing.print_json(page)
        return
    printing.table(
        ("callback", "received", "provider", "event", "order", "outcome", "why"),
        [
            (
                line.callback_id,
                line.received_at,
                line.provider,
                line.event_type,
                line.order_id,
                printing.coloured(line.outcome),
                line.text,
            )
            for line in page.callbacks
        ],
        indent=0,
    )
    if page.next_cursor:
        printing.field("older", f"--before {page.next_cursor}")


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
        _print_letter(letter)
    for name, value in shown.headers.items():
        printing.field("header", f"{name}: {value}")
    printing.field("body", shown.body)


def _fact_words(shown: CallbackShown) -> list[str]:
    return [
        f"{fact.kind}({', '.join(part for part in (fact.attempt, fact.key, fact.amount) if part)}) {fact.level}"
        for fact in shown.facts
    ]


def _print_letter(letter: DeadLetterShown) -> None:
    printing.heading(f"dead letter {letter.id}  {letter.kind} {letter.ref}")
    printing.field("what", Text(printing.safe(letter.text), "red"))
    printing.field("order", letter.order_id)
    printing.field("since", letter.since)
    if letter.closed_at:
        printing.field("closed", letter.closed_how, letter.closed_by, letter.closed_reason, letter.closed_at)
        return
    printing.field("to do", letter.what_to_do)
    for command in letter.commands:
        printing.field("", command)
