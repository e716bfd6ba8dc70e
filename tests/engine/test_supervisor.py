"""`up` keeps two processes alive, and leaves none behind, however it ends."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.database import sqlite_module
from app.engine.supervisor import Child


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


class Running:
    """A running `up`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def post(self, path: str, body: bytes) -> int:
        """The status of the answer; a server that does not listen yet is waited for."""
        status = 0

        def answered() -> bool:
            nonlocal status
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("POST", path, body, {"content-type": "application/json"})
                status = connection.getresponse().status
            except OSError:
                return False
            finally:
                connection.close()
            return True

        until(answered)
        return status


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Running]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    root = str(Path(__file__).parents[2])
    (tmp_path / "deadly.py").write_text(POISON)
    environment = {**os.environ, "CALLBACK_PORT": port, "PYTHONPATH": root, "CALLBACK_APP": "deadly:setup"}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "up"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: set(children_of(process.pid)) == {"serve", "worker"})
        yield Running(process, int(port))
    finally:
        for pid in children_of(process.pid).values():
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()


def test_a_child_that_dies_is_started_again(supervisor: Running) -> None:
    before = children_of(supervisor.process.pid)
    os.kill(before["worker"], signal.SIGKILL)
    until(lambda: children_of(supervisor.process.pid).get("worker", before["worker"]) != before["worker"])
    assert children_of(supervisor.process.pid)["serve"] == before["serve"]


def test_a_server_that_is_killed_receives_again_and_the_worker_never_stopped(supervisor: Running) -> None:
    before = children_of(supervisor.process.pid)
    assert supervisor.post("/callbacks/webhook/deadly", b'{"n": 1}') == 200
    os.kill(before["serve"], signal.SIGKILL)
    assert supervisor.post("/callbacks/webhook/deadly", b'{"n": 2}') == 200
    assert children_of(supervisor.process.pid)["worker"] == before["worker"]


def test_no_child_outlives_a_supervisor_that_was_killed(supervisor: Running) -> None:
    pids = children_of(supervisor.process.pid).values()
    supervisor.process.kill()
    supervisor.process.wait()
    until(lambda: not any(is_alive(pid) for pid in pids))


POISON = """
import os
from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.engine.callback import Outcome, OutcomeWord

class Deadly(WebhookCallbackHandler):
    def apply(self, connection, callbacks):
        if any(b"kills" in callback.body for callback in callbacks):
            os._exit(1)
        return [Outcome(callback.id, OutcomeWord.APPLIED) for callback in callbacks]

def setup(manager):
    manager.register_handler("deadly", Deadly("Deadly", "deadly"))
"""


def test_a_callback_that_kills_the_worker_is_set_aside_while_the_server_receives(
    supervisor: Running, tmp_path: Path
) -> None:
    server = children_of(supervisor.process.pid)["serve"]
    for body in (b'{"n": 1}', b'{"n": "kills"}', b'{"n": 3}'):
        assert supervisor.post("/callbacks/webhook/deadly", body) == 200
    state = sqlite_module().connect(tmp_path / "data" / "state.db")

    def outcomes() -> list[str]:
        return [row[0] for row in state.execute("SELECT outcome FROM callback_outcomes ORDER BY callback_id")]

    until(lambda: len(outcomes()) == 3, 40)
    assert outcomes() == ["applied", "set_aside", "applied"]
    assert children_of(supervisor.process.pid)["serve"] == server
    state.close()


def test_a_worker_is_never_given_up_and_a_server_that_dies_at_every_start_is() -> None:
    hopeless = {}
    for name in ("worker", "serve"):
        child = Child(name, 0)
        child.quick_deaths = 100
        hopeless[name] = child.is_hopeless()
    assert hopeless == {"worker": False, "serve": True}


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not tell")
def test_all_processes_together_take_no_more_than_150_megabytes_while_idle(supervisor: Running) -> None:
    assert supervisor.post("/callbacks/webhook/deadly", b'{"n": 1}') == 200
    pids = [supervisor.process.pid, *children_of(supervisor.process.pid).values()]
    shares = []
    for pid in pids:  # a page that processes share counts once
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        shares.append(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024)
    assert sum(shares) <= 150, shares
    assert shares[0] <= 20, "the supervisor holds what preparing took"
