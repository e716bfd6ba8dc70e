"""`callbacks transactions`: announce orders, show one, decide one by hand."""

import os
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.order_list import list_orders
from app.cli.parts import Json, Reason, Who
from app.cli.progress import Refusals, progress_bar
from app.core.clock import now_us
from app.core.errors import FieldError, describe_os_error
from app.operate import importing, orders
from app.operate.orders_shown import TransactionShown
from app.operate.policy import policy_of
from app.providers.catalog import open_catalog

commands = typer.Typer(help="Orders that the shop announces.", no_args_is_help=True)
commands.command("list")(list_orders)

OrderId = Annotated[str, typer.Argument(metavar="ORDER_ID", show_default=False)]


@commands.command()
def create(  # noqa: PLR0913, PLR0917 - the options are the fields of an announcement
    order_id: OrderId,
    user: Annotated[str, typer.Option(help="Whose order it is.")],
    kind: Annotated[str, typer.Option(help="topup or ppob.")],
    amount: Annotated[str, typer.Option(help="Such as 100000 or 100000.00.")],
    currency: Annotated[str, typer.Option()] = "IDR",
    provider: Annotated[str, typer.Option(help="The sender it waits for; by default that of its kind.")] = "",
    product: Annotated[str, typer.Option(help="What is bought.")] = "",
    customer_no: Annotated[str, typer.Option(help="For whom, such as a telephone number.")] = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Announce an order; again with the same contents changes nothing.

    Example: callbacks transactions create ORDER-123 --user ani --kind topup --amount 100000.00
    """
    engine, settings = parts.existing_state(), parts.settings()
    data = {
        "order_id": order_id,
        "user_id": user,
        "kind": kind,
        "amount": amount,
        "currency": currency,
        "provider": provider,
        "product": product,
        "customer_no": customer_no,
    }
    shown, created = orders.create_order(
        engine, data, at=now_us(), policy=policy_of(settings), lang=settings.callback_lang
    )
    if json:
        printing.print_json(shown)
        return
    printing.out().print(Text("announced" if created else "announced before", "green"))
    _print(shown)
    if not settings.callback_app and shown.provider not in open_catalog(settings.callback_providers):
        told = f"nobody handles callbacks of {shown.provider!r} here; `callbacks providers list` lists who is known"
        printing.err().print(Text(printing.safe(told), "yellow"))


@commands.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines or CSV; - reads standard input.")],
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Announce the orders of a file; safe to run again. What does not fit is told by line number.

    A CSV's first line names its columns: order_id, user_id, kind, amount, currency, provider, product, customer_no;
    the last four as needed. JSON Lines have the same names.

    Example: callbacks transactions import orders.csv
    """
    engine, settings = parts.existing_state(), parts.settings()
    told = Refusals()
    try:
        with _opened(file) as stream, progress_bar("announcing") as move:
            size = os.fstat(stream.fileno()).st_size or None  # a pipe has none
            report = importing.import_orders(
                engine,
                stream,
                clock=now_us,
                policy=policy_of(settings),
                told=told,
                progress=lambda read: move(read, size),
            )
    except OSError as error:
        raise FieldError("FILE", describe_os_error(error)) from None
    told.end()
    counts = {"announced": report.announced, "announced_before": report.known, "refused": report.refused}
    if json:
        printing.print_json({**counts, "lines": report.lines})
    else:
        line = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())
        printing.out().print(Text(line, "yellow" if report.refused else "green"))
    if report.refused:
        raise typer.Exit(1)


def _opened(file: Path) -> BinaryIO:
    return sys.stdin.buffer if str(file) == "-" else file.open("rb")


@commands.command()
def show(order_id: OrderId, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Show an order with everything that was told about it and moved for it.

    Example: callbacks transactions show ORDER-123
    """
    engine = parts.existing_state()
    shown = orders.show(engine, order_id, lang=parts.settings().callback_lang)
    if json:
        printing.print_json(shown)
    else:
        _print(shown)


@commands.command()
def resolve(  # noqa: PLR0917 - the options are the fields of a resolution
    order_id: OrderId,
    word: Annotated[str, typer.Argument(metavar="WORD", help="paid, failed, refund; succeeded, failed, returned.")],
    reason: Reason,
    amount: Annotated[str | None, typer.Argument(metavar="[AMOUNT]", help="Of a refund.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option(help="The refund's key at Midtrans.", show_default=False)] = None,
    attempt: Annotated[str | None, typer.Option(help="The payment attempt.", show_default=False)] = None,
    who: Who = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Decide by hand what the system must not.

    Example: callbacks transactions resolve ORDER-123 refund 30000 --key r-1 --reason "refunded in the dashboard"
    """
    engine, settings = parts.existing_state(), parts.settings()
    shown = orders.resolve_order(
        engine,
        order_id,
        {"word": word, "reason": reason, "amount": amount, "key": key, "attempt": attempt},
        who=parts.who_is_here(who),
        at=now_us(),
        policy=policy_of(settings),
        lang=settings.callback_lang,
    )
    if json:
        printing.print_json(shown)
    else:
        _print(shown)


def _print(shown: TransactionShown) -> None:
    printing.heading(f"{shown.order_id}  {shown.kind}  {shown.amount} {shown.currency}")
    printing.field("status", printing.coloured(shown.status), shown.text)
    printing.field("user", shown.user_id)
    printing.field("waits for", shown.provider)
    printing.field("buys", shown.product, shown.customer_no)
    printing.field("serial no.", shown.serial_number)
    printing.field("cost", shown.cost)
    printing.field("fee", shown.fee)
    printing.field("announced", shown.announced_at)
    for alert in shown.alerts:
        printing.field("ALERT", Text(printing.safe(alert.text), "red"), alert.what_to_do)
    printing.table(
        ("fact", "attempt", "key", "amount", "level", "told by", "at"),
        [
            (fact.kind, fact.attempt, fact.key, fact.amount or "", fact.level, fact.source, fact.told_at)
            for fact in shown.facts
        ],
    )
    printing.table(
        ("account", "amount", "caused by", "at"),
        [(line.account, line.amount, line.journal_id, line.at) for line in shown.postings],
    )
    printing.table(
        ("callback", "outcome", "why"),
        [(line.callback_id, printing.coloured(line.outcome), line.text) for line in shown.callbacks],
    )
    printing.table(
        ("cause", "kind", "who", "reason", "at"),
        [(cause.id, cause.kind, cause.who, cause.reason, cause.at) for cause in shown.causes],
    )
    printing.table(
        ("notice to the user", "sent", "at"),
        [(notice.text, ", ".join(notice.sent) or "no channel", notice.at) for notice in shown.notices],
    )
