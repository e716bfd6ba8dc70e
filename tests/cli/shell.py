"""The real command in a process of its own, for the tests of what people type."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-m", "app"]


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(**settings: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "CALLBACK_PORT": "0", **settings}


def run(*arguments: str, **settings: str) -> Ran:
    """Run a command that ends by itself, in the current folder, with nothing to read."""
    ran = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, *arguments], input=b"", capture_output=True, check=False, env=environment(**settings), timeout=60
    )
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


class Running:
    """A command that runs until it is stopped; `err` is complete once it has ended."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**settings)
        )
        self.err = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.err += line.decode()

    def line(self, beginning: str) -> str:
        """The first line of standard output from here on that begins so."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.decode().startswith(beginning):
                return line.decode().strip()
        raise AssertionError(f"ended without {beginning!r}: {self.err}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(20)
        self._reader.join(5)
        return code

    def close(self) -> None:
        self.ended()
        if self.process.stdout is not None:
            self.process.stdout.close()
        # Children of a killed command hold its standard error for a moment; a pipe is not closed under its reader.
        if self.process.stderr is not None and not self._reader.is_alive():
            self.process.stderr.close()


@contextmanager
def running(*arguments: str, **settings: str) -> Iterator[Running]:
    started = Running(*arguments, **settings)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.close()
