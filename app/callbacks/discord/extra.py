"""discord.py is an extra: all but a bot works without it."""

import importlib

from app.core.errors import StartRefused


def need_discord_py() -> None:
    """Raises StartRefused, with how to install it, where discord.py is missing."""
    try:
        importlib.import_module("discord.ext.commands")
    except ImportError as error:
        raise StartRefused(f"a Discord bot needs discord.py: pip install discord.py ({error})") from None
