"""`up` keeps two processes alive, and leaves none behind, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def children_of(pid: int) -> dict[str, int]:
    """Commands of ours under this process → their pids."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid and b"app" in words:
            found[words[words.index(b"app") + 1].decode()] = int(folder.name)
    return found


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "CALLBACK_PORT": port, "PYTHONPATH": root}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "up"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: set(children_of(process.pid)) == {"serve", "worker"})
        yield process
    finally:
        for pid in children_of(process.pid).values():
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()


def test_a_child_that_dies_is_started_again(supervisor: subprocess.Popen[bytes]) -> None:
    before = children_of(supervisor.pid)
    os.kill(before["worker"], signal.SIGKILL)
    until(lambda: children_of(supervisor.pid).get("worker", before["worker"]) != before["worker"])
    assert children_of(supervisor.pid)["serve"] == before["serve"]


def test_no_child_outlives_a_supervisor_that_was_killed(supervisor: subprocess.Popen[bytes]) -> None:
    pids = children_of(supervisor.pid).values()
    supervisor.kill()
    supervisor.wait()
    until(lambda: not any(is_alive(pid) for pid in pids))
