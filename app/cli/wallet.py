"""`callbacks wallet`: a user's money, and what a person adds to it or takes from it."""

import sys
from typing import Annotated

import typer

from app.cli import parts, printing
from app.cli.parts import Json, Reason, Who
from app.core.clock import now_us
from app.operate import statement, wallets
from app.operate.policy import policy_of
from app.operate.wallets_shown import WalletShown

commands = typer.Typer(help="Users' money.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER_ID", show_default=False)]


@commands.command()
def show(user: User, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Show a user's balance, and what is held for purchases.

    Example: callbacks wallet show ani
    """
    _print(wallets.show_wallet(parts.existing_state(), user), json=json)


# A negative amount looks like an option.
@commands.command(context_settings={"ignore_unknown_options": True})
def adjust(
    user: User,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as +50000 or -2500.", show_default=False)],
    reason: Reason,
    who: Who = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Add to a wallet or take from it: opening balances, corrections.

    Example: callbacks wallet adjust ani +50000 --reason "opening balance"
    """
    engine, settings = parts.existing_state(), parts.settings()
    shown = wallets.adjust_wallet(
        engine,
        user,
        amount,
        who=parts.who_is_here(who),
        reason=reason,
        at=now_us(),
        policy=policy_of(settings),
    )
    _print(shown, json=json)


@commands.command()
def entries(
    user: User,
    rows: Annotated[int, typer.Option(min=1, max=wallets.PAGE_MAX, help="At most so many lines.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.", show_default=False)] = None,
    csv: Annotated[bool, typer.Option("--csv", help="The whole statement as CSV, oldest first.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Show a wallet's statement, newest first; with --csv the whole of it for a spreadsheet.

    In CSV a text that a spreadsheet would run as a formula has an apostrophe before it.

    Example: callbacks wallet entries ani --csv
    """
    if csv:
        for lines in statement.statement(parts.existing_state(), user):
            sys.stdout.write(lines)
        return
    page = wallets.show_entries(parts.existing_state(), user, cursor=cursor, rows_max=rows)
    if json:
        printing.print_json(page)
        return
    printing.table(
        ("at", "amount", "balance", "order", "kind", "reason"),
        [(line.at, line.amount, line.balance, line.order_id, line.kind, line.reason) for line in page.entries],
        indent=0,
    )
    if page.next_cursor:
        printing.field("older", f"callbacks wallet entries {user} --cursor {page.next_cursor}")


def _print(shown: WalletShown, *, json: bool) -> None:
    if json:
        printing.print_json(shown)
        return
    printing.heading(f"{shown.user_id}  {shown.balance} {shown.currency}")
    if shown.held != "0.00":
        printing.field("held", shown.held)
