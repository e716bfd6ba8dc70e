"""Secrets that a sender tells in its handshake: written once into a file that only its owner reads, never into a log.

Whoever is first is believed, since nothing proves a first handshake; so a file that is there is left as it is.
"""

import os
from pathlib import Path

from app.core.telemetry import get_logger

_CHARS_MAX = 1024

log = get_logger(__name__)


def keep(folder: Path, name: str, variable: str, secret: bytes) -> bool:
    """Write the secret of this provider, unless one was told before → whether it was written."""
    if not 0 < len(secret) <= _CHARS_MAX or not secret.isascii() or not secret.decode().isprintable():
        return False
    file = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            written.write(secret + b"\n")
    except FileExistsError:
        return False
    except OSError as error:
        log.warning("told_secret_not_written", provider=name, file=str(file), why=error.strerror)
        return False
    log.warning(
        "sender_told_its_key", provider=name, file=str(file), to_do=f"set {variable} to what it holds, remove it"
    )
    return True
