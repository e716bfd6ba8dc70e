"""`callbacks bot`: the process that is connected to Discord."""

import typer

from app.cli import parts
from app.cli.processes import starting
from app.core.config import usable_secrets
from app.core.database import check_schema, get_engine
from app.core.errors import StartRefused


def bot() -> None:
    """Run a Discord bot: it logs what it sees, and takes /saldo, /status and the other commands. Ctrl-C stops.

    The worker answers: run `callbacks up` beside. Needs DISCORD_BOT_TOKEN and discord.py. What happens while no bot
    runs Discord does not tell later.

    Example: callbacks bot
    """
    from app.callbacks.callback_manager import load_app  # noqa: PLC0415 - each command loads its own room only
    from app.callbacks.discord.extra import need_discord_py  # noqa: PLC0415 - as above

    settings = parts.settings()
    tokens = usable_secrets(settings.discord_bot_token)
    if not tokens:
        raise StartRefused(
            "DISCORD_BOT_TOKEN is not set; the token stands at https://discord.com/developers/applications under Bot"
        )
    need_discord_py()
    from app.callbacks.discord.bot import run  # noqa: PLC0415 - discord.py is an extra

    with starting():
        check_schema(get_engine())
    raise typer.Exit(run(load_app(settings), tokens[0].decode()))
