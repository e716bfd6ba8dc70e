"""The peer with a queue under measurement: Redis, uvicorn and a Celery worker, three processes."""

import shutil
import sys
import time
from contextlib import closing
from pathlib import Path

import redis

from bench.peers.peer import Peer
from bench.peers.store import count, open_store
from bench.processes import Started, free_port
from bench.systems import Running

_QUEUE = "celery"
_UNACKED = "unacked"
_DRAIN_SECONDS = 300.0
_WATCH_SECONDS = 0.02


def has_redis() -> bool:
    """Whether there is a redis-server to measure with."""
    return shutil.which("redis-server") is not None


class Processes(Running):
    """Several processes that end together, the last one first."""

    def __init__(self, started: dict[str, Started], port: int) -> None:
        super().__init__(started["serve"], port, {name: one.process.pid for name, one in started.items()})
        self._all = started

    def stop(self) -> None:
        """End them."""
        for one in reversed(self._all.values()):
            one.stop()


class Queue:
    """How many events the worker has committed, and how many are to come."""

    def __init__(self, folder: Path) -> None:
        self._engine = open_store(str(folder / "peer.db"))
        self._redis = redis.Redis(port=int((folder / "redis.port").read_text()))

    def read(self) -> int:
        """Committed events."""
        return dict(count(self._engine))["events"]

    def last(self) -> int:
        """All that there will be: read when nothing waits any more, since what is committed is acknowledged later."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while (self._redis.llen(_QUEUE) or self._redis.hlen(_UNACKED)) and time.monotonic() < deadline:
            time.sleep(_WATCH_SECONDS)
        return self.read()

    def close(self) -> None:
        """Let go of both."""
        self._redis.close()
        self._engine.dispose()


class CeleryPeer(Peer):
    """Redis with `appendfsync always`: a callback that was answered 200 is on disk here too."""

    def start(self, folder: Path) -> Running:
        """Redis, one uvicorn, one worker: SQLite has one writer."""
        broker = free_port()
        (folder / "redis.port").write_text(str(broker))
        options = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--bind", "127.0.0.1"]
        started = {"redis": Started(["redis-server", *options, "--port", str(broker)], folder, {})}
        started["redis"].until_listening(broker)
        environment = {
            "PEER_DATABASE": str(folder / "peer.db"),
            "PEER_BROKER": f"redis://127.0.0.1:{broker}/0",
        }
        module = f"bench.peers.{self.module}"
        worker = [sys.executable, "-m", "celery", "-A", f"{module}:celery", "worker", "--pool", "solo"]
        started["worker"] = Started([*worker, "--loglevel", "warning", "--without-gossip"], folder, environment)
        started["serve"], port = self.serve(folder, environment)
        return Processes(started, port)

    def progress(self, folder: Path) -> Queue:
        """The events in the database, and what waits in Redis."""
        return Queue(folder)

    def backlog(self, folder: Path, offset: int) -> int:
        """What was applied after the load's end."""
        with closing(Queue(folder)) as queue:
            return queue.read() - offset


PEER_QUEUE = CeleryPeer(
    "FastAPI + Celery + Redis",
    "celery_redis",
    "verify, append to Redis (fsync always), 200; a Celery worker does the effects of the ORM peer, a commit each",
    effects=True,
)
