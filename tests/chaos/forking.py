"""Starts the real command a hundred times a minute: a process that has loaded it once, and forks for each start.

Each start is a process of its own that runs the command's own `main` with its own settings, files and signals; only
loading the modules, which takes longer than all that it does afterwards, is done once. A line on standard input is a
JSON object, `{"start": [arguments], "environment": {...}, "folder": "...", "out": "...", "program": "...", "heard":
"..."}` → the process' number, or `{"wait": number, "seconds": seconds}` → its exit code, null when it is not over yet;
the answer is a line too.
"""

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from tests.chaos.shop import ROOT

#: What `serve`, `worker` and the other commands load before they do anything.
LOADED = (
    "app.__main__",
    "app.main",
    "app.callbacks.callback_manager",
    "app.callbacks.working",
    "app.engine.server",
    "alembic.command",
    "alembic.script",
    "alembic.runtime.migration",
)


class Forked:
    """One start, as `subprocess.Popen` would show it."""

    def __init__(self, forker: "Forker", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._forker = forker

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        if (code := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:  # until it is asked for, its number is nobody else's
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            self.returncode = self._forker.ask({"wait": self.pid, "seconds": seconds})
        return self.returncode


class Forker:
    """The process that forks; what it preloads is there in every start."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", **environment},
        )

    def begin(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        out: Path,
        *,
        program: str = "app.__main__",
        heard: str = os.devnull,
    ) -> Forked:
        """Begin `python -m app`, or another program that reads the file `heard`; its output is added to `out`."""
        where = {"folder": str(folder), "out": str(out), "heard": heard}
        told = {"start": arguments, "environment": dict(environment), "program": program, **where}
        return Forked(self, self.ask(told))

    def ask(self, told: Mapping[str, Any]) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@contextmanager
def a_forker(**environment: str) -> Iterator[Forker]:
    """A forker, ready, that ends with the block, and all that it started with it."""
    forker = Forker(environment)
    try:
        assert forker.hear() == "ready"
        yield forker
    finally:
        forker.process.communicate()


def main() -> None:
    """Fork and wait as the lines say, until there are no more."""
    for name in LOADED:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would be missing after a fork"  # noqa: PTH208 - no path
    gc.collect()
    gc.freeze()  # looked through in each start, what is loaded would be copied page by page: four times as slow
    living: dict[int, int] = {}  # the descriptor by which each is waited for
    _say("ready")
    while line := sys.stdin.buffer.readline():
        told = json.loads(line)
        if "start" in told:
            if (pid := os.fork()) == 0:
                become(told)
            living[pid] = os.pidfd_open(pid)
            _say(pid)
        else:
            _say(ended(living, told["wait"], told["seconds"]))
    for pid in living:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def become(told: Mapping[str, Any]) -> None:
    """Run the program in this process, and end with its exit code."""
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["folder"])
    heard, out = os.open(told["heard"], os.O_RDONLY), os.open(told["out"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor, place in ((heard, 0), (out, 1), (out, 2)):
        os.dup2(descriptor, place)
    sys.argv = ["callbacks", *told["start"]]
    code = importlib.import_module(told["program"]).main()
    for each in gc.get_objects():  # the end of a process closes what it opened, but not where something frozen holds it
        if type(each) is Engine:
            each.dispose()
    sys.exit(code)


def ended(living: dict[int, int], pid: int, seconds: float | None) -> int | None:
    """Wait so long for the end of a process (None: for ever) → its exit code, negative for a signal's number."""
    if not select.select([living[pid]], [], [], seconds)[0]:
        return None
    os.close(living.pop(pid))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _say(answer: Any) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
