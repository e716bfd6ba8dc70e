"""`callbacks discord`: registering the slash commands, and looking at what Discord knows of the application."""

import asyncio

import typer

from app.callbacks.discord.commands import COMMANDS, as_json
from app.cli import parts, printing
from app.cli.parts import Json
from app.operate import discord_setup as verbs

commands = typer.Typer(help="Sets up the Discord application.", no_args_is_help=True)


@commands.command()
def register(json: Json = False) -> None:  # noqa: FBT002 - an option
    """Register the slash commands, in all servers of the bot, instead of whichever there were.

    Harmless to repeat; do it after each new version that has other commands.

    Example: callbacks discord register
    """
    registered = asyncio.run(verbs.register(parts.settings(), [as_json(command) for command in COMMANDS]))
    if json:
        printing.print_json(registered)
        return
    printing.heading(f"{registered.name} ({registered.application_id})")
    printing.field("commands", " ".join(f"/{name}" for name in registered.commands))
    printing.field("next", "callbacks discord info")


@commands.command()
def info(json: Json = False) -> None:  # noqa: FBT002 - an option
    """Show what Discord knows of the application, whether DISCORD_PUBLIC_KEY is its key, and what to mend.

    Example: callbacks discord info
    """
    found = asyncio.run(verbs.show(parts.settings()))
    if json:
        printing.print_json(found)
        return
    printing.heading(f"{found.name} ({found.application_id})")
    printing.field("public key", f"{found.verify_key} {'fits' if found.public_key_fits else 'does not fit'}")
    printing.field("endpoint", found.interactions_endpoint_url or "none")
    printing.field("invite", found.invitation)
    for each in found.findings:
        printing.finding(each.state, each.told, each.to_do)
