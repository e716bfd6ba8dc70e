"""Rows and other processes for the tests of the callback log."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from app.engine.callback import Callback, Row
from app.engine.log import Log

ROOT = Path(__file__).resolve().parents[3]


def a_row(order_id: str = "TU-1", *, body: bytes = b'{"order_id": "TU-1"}', event_key: str = "T-1:settlement") -> Row:
    """A Midtrans callback before it has an id."""
    return (0, "midtrans", "settlement", event_key, order_id, 1_764_000_000_000_000, "", body, "signature", "127.0.0.1")


def some_rows(count: int) -> list[Row]:
    """That many rows, of different orders."""
    return [a_row(f"TU-{number}") for number in range(count)]


def as_row(callback: Callback) -> Row:
    """What was appended, less the id."""
    return (
        callback.partition,
        callback.provider,
        callback.event_type,
        callback.event_key,
        callback.ordering_key,
        callback.received_at,
        callback.headers,
        callback.body,
        callback.verification,
        callback.remote_addr,
    )


def all_ids(log: Log) -> list[int]:
    """The ids of the whole log, read page by page."""
    ids: list[int] = []
    while page := log.read_after(ids[-1] if ids else 0, 5000):
        ids += [callback.id for callback in page]
    return ids


class Child:
    """A real process with the log open (`other_process.py`); told what to do line by line."""

    def __init__(self, path: Path, *, server: bool = False, environment: Mapping[str, str] = {}) -> None:
        """Start it; it is ready when the first line has come."""
        self.process = subprocess.Popen(  # noqa: S603 - a program of ours
            [sys.executable, "-m", "tests.engine.log.other_process", str(path), "server" if server else "appender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            text=True,
        )

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def hear(self) -> str:
        """The next line that it says."""
        return self.out.readline().rstrip("\n")

    def say(self, command: str) -> None:
        """Tell it to do something, without waiting for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command: str) -> str:
        """Tell it to do something → its answer."""
        self.say(command)
        return self.hear()

    def end(self) -> None:
        """Kill it, if it still runs, and wait."""
        self.process.kill()
        self.process.communicate()
