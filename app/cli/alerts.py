"""`callbacks alerts`: what a person should look at, and closing what was seen to."""

from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Before, Json, Who
from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.operate import alerts as verbs
from app.operate.alerts import AlertSearch

alerts = typer.Typer(help="What a person should look at.", no_args_is_help=True)


@alerts.command("list")
def list_alerts(
    kind: Annotated[str, typer.Option(help="Of this kind, such as paid_twice.")] = "",
    closed: Annotated[bool, typer.Option("--closed", help="Those that were closed, too.")] = False,  # noqa: FBT002
    rows: Annotated[int, typer.Option(min=1, max=verbs.PAGE_MAX)] = 50,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List what a person should look at, newest first.

    Example: callbacks alerts list --kind paid_twice --closed
    """
    search = AlertSearch(kind, closed, before)
    found = verbs.list_alerts(parts.existing_state(), search, rows_max=rows, lang=parts.settings().callback_lang)
    if json:
        printing.print_json(found)
        return
    for alert in found.alerts:
        printing.heading(f"alert {alert.id}  {alert.text}")
        if not alert.closed_at:
            printing.field("to do", alert.what_to_do)
        printing.field("since", alert.since, f"{alert.count}×" if alert.count > 1 else "")
        printing.field("closed", alert.closed_by, alert.closed_at)
        for command in () if alert.closed_at else alert.commands:
            printing.field("", command)
    if not found.alerts:
        printing.out().print(Text("no alerts", "green"))
    if found.next_cursor:
        printing.field("older", f"--before {found.next_cursor}")


@alerts.command()
def close(
    alert_ids: Annotated[
        list[int], typer.Argument(metavar="ID...", help="Alerts' numbers.", min=1, max=ID_MAX, show_default=False)
    ],
    who: Who = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Close alerts that you have seen to; each opens anew when it happens again.

    Example: callbacks alerts close 3 4
    """
    closed, failed = verbs.close_alerts(parts.existing_state(), alert_ids, who=parts.who_is_here(who), at=now_us())
    if json:
        told = {
            "closed": [str(number) for number in closed],
            "failures": [{"id": str(number), "text": why} for number, why in failed.items()],
        }
        printing.print_json(told)
    for number in () if json else closed:
        printing.out().print(Text(f"alert {number} is closed", "green"))
    for why in failed.values():
        printing.fail(why)
    if failed:
        raise typer.Exit(1)
