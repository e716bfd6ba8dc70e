"""A process of its own that has a callback log open; each line of its input is a command, each answer a line."""

import resource
import sys
from collections.abc import Callable
from pathlib import Path

from app.core.errors import CallbackError, LogUnavailable
from app.engine.log.sqlite import SqliteLog
from tests.engine.log.building import a_row, some_rows


def say(text: object) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def append(log: SqliteLog, count: int) -> None:
    """Append one batch; answers the first id, or why there is none."""
    try:
        say(log.write_batch(some_rows(count)))
    except LogUnavailable as error:
        say(f"unavailable: {error}")


def race(log: SqliteLog, count: int) -> None:
    """Append so many batches of one, then answer all their ids."""
    say(" ".join(str(log.write_batch([a_row()])) for _ in range(count)))


def pour(log: SqliteLog, count: int) -> None:
    """Append batches for ever; say each batch's first id once it is acknowledged."""
    while True:
        say(log.write_batch(some_rows(count)))


def limit(_log: SqliteLog, size: int) -> None:
    """Let no file of this process grow beyond `size` bytes (0: as large as it likes): a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size or resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    say("limited")


def epoch(log: SqliteLog, _number: int) -> None:
    """Look at the log → its epoch and last id."""
    last_id = log.last_id()
    say(f"{log.epoch} {last_id}")


COMMANDS: dict[str, Callable[[SqliteLog, int], None]] = {
    command.__name__: command for command in (append, race, pour, limit, epoch)
}


def main() -> None:
    """`other_process PATH server|appender`."""
    try:
        log = SqliteLog(sys.argv[1], server=sys.argv[2] == "server")
    except CallbackError as error:
        say(f"{type(error).__name__}: {error}")
        return
    say("ready")
    for line in sys.stdin:
        name, _, number = line.partition(" ")
        COMMANDS[name.strip()](log, int(number or 0))
    log.close()


if __name__ == "__main__":
    assert Path(sys.argv[1]).is_absolute()
    main()
