"""`callbacks transactions list`: which orders were announced, and how they stand."""

import shlex
from typing import Annotated

import typer

from app.cli import parts, printing
from app.cli.many import Since, Until
from app.cli.parts import Before, Json
from app.core.clock import now_us
from app.operate import order_list

_ROWS = 20


def list_orders(  # noqa: PLR0913, PLR0917 - the options are what one may know of an order
    user: Annotated[str, typer.Option(metavar="USER_ID", help="Of this user.")] = "",
    kind: Annotated[str, typer.Option(help="topup or ppob.")] = "",
    provider: Annotated[str, typer.Option(help="That wait for this sender.")] = "",
    status: Annotated[str, typer.Option(help="That stand so, such as waiting.")] = "",
    since: Since = "",
    until: Until = "",
    rows: Annotated[int, typer.Option(min=1, max=order_list.PAGE_MAX)] = _ROWS,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List the announced orders, newest first; the times are those of the announcement.

    A status follows from what was told: by status it looks for a third of a second at most, says how far it came, and
    how to go on.

    Example: callbacks transactions list --user ani --status waiting --from 3d
    """
    given = {"user_id": user, "kind": kind, "provider": provider, "status": status}
    search = order_list.order_search_from(**given, since=since, until=until, at=now_us())
    page = order_list.list_orders(
        parts.existing_state(), search, before=before, rows_max=rows, lang=parts.settings().callback_lang
    )
    if json:
        printing.print_json(page)
        return
    printing.table(
        ("order", "announced", "user", "kind", "provider", "amount", "currency", "status"),
        [
            (
                line.order_id,
                line.announced_at,
                line.user_id,
                line.kind,
                line.provider,
                line.amount,
                line.currency,
                printing.coloured(line.status),
            )
            for line in page.transactions
        ],
        indent=0,
    )
    if not page.transactions and not page.looked_back_to:
        printing.nothing("orders")
    if page.looked_back_to:
        printing.field("looked", f"back to {page.looked_back_to}", page.looked_back_at)
    if page.next_cursor:
        named = {"user": user, "kind": kind, "provider": provider, "status": status, "from": since, "to": until}
        named["rows"] = "" if rows == _ROWS else str(rows)
        options = "".join(f" --{name} {shlex.quote(value)}" for name, value in named.items() if value)
        printing.field("older", f"callbacks transactions list{options} --before {page.next_cursor}")
