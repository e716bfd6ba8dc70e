"""Processes under measurement: starting, finding children, CPU and memory as the kernel counts them."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.load import Plan, Result

ROOT = Path(__file__).resolve().parent.parent
_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


class Usage(NamedTuple):
    """What a process used so far: CPU seconds of all its threads, and the most memory it ever held (MiB)."""

    cpu_seconds: float
    rss_mib: float


def usage(pid: int) -> Usage:
    """Figures of the kernel; zeros where there is no /proc (macOS)."""
    folder = _PROC / str(pid)
    if not folder.exists():
        return Usage(0.0, 0.0)
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    status = (folder / "status").read_text()
    peak_kib = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND, peak_kib / 1024)


def share_mib(pid: int) -> float:
    """What a process holds now (MiB); a page that several processes share counts once, divided among them."""
    path = _PROC / str(pid) / "smaps_rollup"
    if not path.exists():
        return 0.0
    lines = path.read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1024


def machine_cpu_seconds() -> float:
    """CPU seconds that the whole machine has worked so far, for whomever; 0 where there is no /proc (macOS)."""
    path = _PROC / "stat"
    if not path.exists():
        return 0.0
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, path.read_text().split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / _TICKS_PER_SECOND


def children(pid: int) -> dict[int, str]:
    """Children of a process with their command lines."""
    path = _PROC / str(pid) / "task" / str(pid) / "children"
    if not path.exists():
        return {}
    return {
        int(child): (_PROC / child / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        for child in path.read_text().split()
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Started:
    """A process that was started for a measurement, with its output in a file."""

    def __init__(self, arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self.output = folder / f"{Path(arguments[-1]).name}.out"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - arguments of ours
                arguments, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **env}, stdout=output, stderr=output
            )

    def until_listening(self, port: int) -> None:
        """Wait until it takes connections. Raises RuntimeError with its last words when it ends or takes too long."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"{self.process.args!r} does not listen:\n{self.output.read_text()[-2000:]}")

    def stop(self) -> int:
        """Ask it to end and wait → exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Generator:
    """The load generator as a process: built when the constructor returns, sending between `go` and `result`."""

    def __init__(self, plan: Plan) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tell(msgspec.json.encode(plan).decode())
        self._hear()

    def go(self) -> None:
        """Begin to send."""
        self._tell("go")

    def running(self, wait_seconds: float | None) -> bool:
        """Wait (None: as long as it takes) → whether it still sends; its result is not there yet."""
        assert self.process.stdout is not None
        return not select.select([self.process.stdout], [], [], wait_seconds)[0]

    def result(self) -> Result:
        """Wait for the figures."""
        return msgspec.json.decode(self._hear(), type=Result)

    def close(self) -> None:
        """End it, wherever it is."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate()

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _hear(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with {self.process.wait()}")
        return line
