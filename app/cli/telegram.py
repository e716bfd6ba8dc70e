"""`callbacks telegram`: telling Telegram where our server is, and looking at what it knows of the bot."""

import asyncio
from typing import Annotated

import typer

from app.cli import parts, printing
from app.cli.parts import Json
from app.core.clock import now_us
from app.operate import telegram_setup as verbs

commands = typer.Typer(help="Sets up the Telegram bot.", no_args_is_help=True)

Drop = Annotated[bool, typer.Option("--drop-pending", help="Let Telegram forget the updates that wait there.")]


@commands.command("set-webhook")
def set_webhook(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Your server as Telegram reaches it, by https.", show_default=False)
    ],
    drop_pending: Drop = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Let the bot's updates come to your server, proved by TELEGRAM_WEBHOOK_SECRET, and set its menu.

    Without a path, /callbacks/webhook/telegram is called. Of several secrets the first is sent. Harmless to repeat.

    Example: callbacks telegram set-webhook https://shop.example
    """
    set_to = asyncio.run(verbs.set_webhook(parts.settings(), url, drop_pending=drop_pending))
    if json:
        printing.print_json(set_to)
        return
    printing.heading(f"@{set_to.username} sends its updates to {set_to.url}")
    printing.field("updates", f"all {len(set_to.allowed_updates)} kinds")
    printing.field("dropped", "what waited at Telegram" if set_to.pending_dropped else "")
    printing.field("menu", " ".join(f"/{name}" for name in set_to.commands))
    printing.field("next", "callbacks telegram info")


@commands.command("delete-webhook")
def delete_webhook(
    drop_pending: Drop = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Let no updates come any more; Telegram keeps them for 24 hours.

    Example: callbacks telegram delete-webhook
    """
    deleted = asyncio.run(verbs.delete_webhook(parts.settings(), drop_pending=drop_pending))
    if json:
        printing.print_json(deleted)
        return
    printing.heading(f"@{deleted.username} sends its updates nowhere")
    printing.field("dropped", "what waited at Telegram" if deleted.pending_dropped else "")


@commands.command()
def info(json: Json = False) -> None:  # noqa: FBT002 - an option
    """Show what Telegram knows of the bot and its webhook, and what to mend.

    Example: callbacks telegram info
    """
    bot = asyncio.run(verbs.show(parts.settings(), at=now_us()))
    if json:
        printing.print_json(bot)
        return
    printing.heading(f"@{bot.username}")
    printing.field("webhook", bot.url or "none")
    printing.field("waiting", f"{bot.pending_update_count} updates at Telegram")
    printing.field("last error", bot.last_error_at, bot.last_error)
    for each in bot.findings:
        printing.finding(each.state, each.told, each.to_do)
