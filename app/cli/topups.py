"""`callbacks topups`: proofs of payment that users sent, and what a person decides about them."""

from typing import Annotated

import typer

from app.cli import parts, printing
from app.cli.parts import Before, Json, Reason, Who
from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.operate.files import topups as verbs
from app.operate.files.topups_shown import TopupShown

commands = typer.Typer(help="Top-ups by hand: proofs of payment that users sent.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="ID", min=1, max=ID_MAX, show_default=False)]


@commands.command("list")
def list_topups(
    every: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,  # noqa: FBT002
    user: Annotated[str, typer.Option(help="Of this user alone.")] = "",
    rows: Annotated[int, typer.Option(min=1, max=verbs.PAGE_MAX, help="At most so many lines.")] = 50,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List the proofs that wait for a person, newest first.

    Example: callbacks topups list --all
    """
    page = verbs.list_topups(parts.existing_state(), user_id=user, every=every, before=before, rows_max=rows)
    if json:
        printing.print_json(page)
        return
    printing.table(
        ("id", "opened", "user", "amount", "state", "by", "file", "note"),
        [_line(topup) for topup in page.topups],
        indent=0,
    )
    if not page.topups:
        printing.nothing("top-ups")
    if page.next_cursor:
        printing.field("older", f"--before {page.next_cursor}")


@commands.command()
def show(topup: Number, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Show one proof, where its picture is, and what was decided.

    Example: callbacks topups show 3
    """
    _print(verbs.show_topup(parts.existing_state(), topup), json=json)


@commands.command()
def approve(
    topup: Number,
    amount: Annotated[
        str | None, typer.Option(help="What was paid; by default what the user says.", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with who and when.")] = "",
    who: Who = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Credit a top-up, once; its user is told as of any order that is paid.

    Example: callbacks topups approve 3 --amount 50000
    """
    shown = verbs.approve(
        parts.existing_state(),
        topup,
        amount=amount,
        reason=reason,
        who=parts.who_is_here(who),
        at=now_us(),
        settings=parts.settings(),
    )
    _print(shown, json=json)


@commands.command()
def reject(topup: Number, reason: Reason, who: Who = "", json: Json = False) -> None:  # noqa: FBT002 - an option
    """Close a top-up without crediting it; its user is told the reason.

    Example: callbacks topups reject 3 --reason "the transfer never arrived"
    """
    shown = verbs.reject(parts.existing_state(), topup, reason=reason, who=parts.who_is_here(who), at=now_us())
    _print(shown, json=json)


def _line(topup: TopupShown) -> tuple[object, ...]:
    twice = f"(proof also in {', '.join(topup.used_also_by)})" if topup.used_also_by else ""
    return (
        topup.id,
        topup.opened_at,
        topup.user_id,
        topup.amount or "-",
        topup.state,
        topup.closed_by or "",
        topup.filename,
        " ".join(filter(None, (twice, topup.note))),
    )


def _print(shown: TopupShown, *, json: bool) -> None:
    if json:
        printing.print_json(shown)
        return
    printing.heading(f"top-up {shown.id}  {shown.user_id}  {shown.amount or 'no amount said'}  {shown.state}")
    printing.field("note", shown.note)
    printing.field("opened", shown.opened_at)
    printing.field("file", shown.filename, shown.media_type, f"{shown.size} bytes")
    printing.field("stored as", shown.stored_as)
    printing.field("upload", f"callbacks show {shown.callback_id}")
    printing.field("also in", ", ".join(shown.used_also_by))
    printing.field("closed", shown.closed_by, shown.closed_at)
    printing.field("reason", shown.closed_reason)
    if shown.order_id:
        printing.field("order", f"callbacks transactions show {shown.order_id}")
