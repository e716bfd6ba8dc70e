"""`up`: a server and a worker, started again when they die, woken through an inherited descriptor; and a watcher.

Receiving and working compete for one interpreter, so each is a process. A child that refuses to start (exit code 2), or
dies at every start, ends the whole with its reason. Supervising needs nothing but the standard library, and a process
of its own that holds nothing else: ten megabytes instead of eighty.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

WAKE_FD = "CALLBACK_WAKE_FD"
SUPERVISOR_PID = "CALLBACK_SUPERVISOR_PID"
REFUSED = 2  # a child's exit code that no repetition improves
_QUICK_SECONDS = 5.0  # a child that lives shorter than this died at its start
_QUICK_DEATHS_MAX = 6
_BACKOFF_SECONDS_MAX = 5.0
_SPARED_SECONDS = 60.0
_STOP_SECONDS = 9.0
_LOOK_SECONDS = 0.05
_WATCH_SECONDS = 0.25


class Child:
    """One process of ours, with its history."""

    def __init__(self, name: str, wake_fd: int) -> None:
        """`name` is a command of ours: `serve`, `watch`, `worker`."""
        self.name = name
        self.wake_fd = wake_fd
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_at = 0.0  # not before
        self.quick_deaths = 0

    def start(self, now: float) -> None:
        """Start it."""
        self.started_at = now
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "app", self.name],
            pass_fds=[self.wake_fd],
            env={**os.environ, WAKE_FD: str(self.wake_fd), SUPERVISOR_PID: str(os.getpid())},
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops its children in order
        )

    def died(self, now: float) -> int | None:
        """Its exit code if it has ended since it was started, and when it may start again."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self.process = None
        self.quick_deaths = self.quick_deaths + 1 if now - self.started_at < _QUICK_SECONDS else 0
        self.start_at = now + (min(_BACKOFF_SECONDS_MAX, 0.1 * 2**self.quick_deaths) if self.quick_deaths else 0.0)
        return code

    def rest(self, now: float) -> None:
        """Leave it alone for a while, and have it begin anew then."""
        self.quick_deaths, self.start_at = 0, now + _SPARED_SECONDS

    def is_spare(self) -> bool:
        """Whether callbacks go on without it: what it does not tell now, it tells when it is back."""
        return self.name == "watch"

    def is_hopeless(self) -> bool:
        """Whether it dies at every start.

        A worker never is: it may have several callbacks before it that kill it, and needs some starts for each; the
        server receives meanwhile. What cannot be configured away ends it with REFUSED.
        """
        return self.name != "worker" and self.quick_deaths >= _QUICK_DEATHS_MAX

    def stop(self, seconds: float) -> int:
        """Ask it to stop, and wait → its exit code; killed when it does not stop in time."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            _tell("killed", child=self.name, after_seconds=seconds)
            self.process.kill()
            code = self.process.wait()
        self.process = None
        return code


class Supervisor:
    """Keeps the children alive until it is told to stop."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names` of the commands to keep alive, in the order in which they stop."""
        read_fd, write_fd = make_wake_fds()
        self.children = [Child(name, read_fd if name == "worker" else write_fd) for name in names]
        self.stopping = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT → the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        code = 0
        while not self.stopping and code == 0:
            code = self._look(time.monotonic())
            time.sleep(_LOOK_SECONDS)
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self.children:  # the server first: what it has taken, the worker still applies
            child.stop(max(0.5, deadline - time.monotonic()))
        return code

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _look(self, now: float) -> int:
        for child in self.children:
            code = child.died(now)
            if code is not None and (code == REFUSED or child.is_hopeless()):
                if not child.is_spare():
                    _tell("gave_up", child=child.name, exit_code=code, quick_deaths=child.quick_deaths)
                    return REFUSED if code == REFUSED else 1
                child.rest(now)
            if code is not None:
                _tell("died", child=child.name, exit_code=code, again_seconds=round(child.start_at - now, 1))
            if child.process is None and now >= child.start_at:
                child.start(now)
        return 0


def become_supervisor(*, watching: bool) -> NoReturn:
    """Replace this process, with all that preparing took, by one that only supervises; its number stays.

    `watching`: keep a watcher of folders alive, too.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    names = ("serve", "watch", "worker") if watching else ("serve", "worker")
    os.execv(sys.executable, [sys.executable, "-m", __name__, *names])  # noqa: S606 - our own module


def _tell(event: str, **values: Any) -> None:
    from app.core.telemetry import configure, get_logger  # noqa: PLC0415 - only when there is something to say

    configure("warning")
    get_logger("app.engine.supervisor").warning(event, **values)


def make_wake_fds() -> tuple[int, int]:
    """Descriptors to wait for and to write to: an eventfd, which is both, or a pipe where there is none."""
    if hasattr(os, "eventfd"):
        both = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return both, both
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    os.set_blocking(write_fd, False)
    return read_fd, write_fd


def wake(wake_fd: int) -> None:
    """Say that something was appended; never blocks."""
    try:
        os.write(wake_fd, _ONE)
    except BlockingIOError:  # it is awake already
        return


_ONE = (1).to_bytes(8, sys.byteorder)


def inherited_wake_fd() -> int | None:
    """The descriptor that the supervisor handed down to this child, if there is one."""
    value = os.environ.get(WAKE_FD, "")
    return int(value) if value.isdigit() else None


def stop_with_supervisor() -> None:
    """Let this child stop, as if it had been asked to, when the supervisor that started it is gone (SIGKILL)."""
    supervisor = os.environ.get(SUPERVISOR_PID, "")
    if supervisor.isdigit():
        threading.Thread(target=_watch, args=(int(supervisor),), name="supervisor-watch", daemon=True).start()


def _watch(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(Supervisor(sys.argv[1:]).run())
