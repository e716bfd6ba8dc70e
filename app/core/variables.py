"""Variables that are no setting of ours, from the environment or `.env`: a provider's file names them."""

import os
from collections.abc import Mapping
from pathlib import Path

ENV_FILE = Path(".env")


def variables(file: Path = ENV_FILE) -> dict[str, str]:
    """What is set, by its name in capitals: the environment before `.env`. A file that cannot be read gives nothing."""
    from dotenv import dotenv_values  # noqa: PLC0415 - for those who look beyond the settings

    try:
        of_file: Mapping[str, str | None] = dotenv_values(file)
    except (OSError, UnicodeDecodeError):  # the settings themselves tell of it
        of_file = {}
    given = {name: value or "" for name, value in of_file.items()} | dict(os.environ)
    return {name.upper(): value.strip() for name, value in given.items()}
