"""The peers under measurement: FastAPI applications under uvicorn."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.load import Result
from bench.orders import Ids
from bench.peers.store import count, open_store, prepare
from bench.processes import Started, free_port
from bench.systems import Progress, Running, differences


class Peer:
    """A FastAPI application under uvicorn, tuned as far as its settings go: uvloop, httptools, no access log."""

    path = "/webhook"
    max_rate = 5_000

    def __init__(self, name: str, module: str, does: str, *, effects: bool) -> None:
        self.name = name
        self.module = module
        self.does = does
        self.effects = effects

    def announce(self, folder: Path, announced: int, ids: Ids) -> None:
        """In bulk, since that is not what is measured."""
        engine = open_store(str(folder / "peer.db"))
        prepare(engine, announced if self.effects else 0, ids)
        engine.dispose()

    def start(self, folder: Path) -> Running:
        """One process, as SQLite has one writer."""
        started, port = self.serve(folder, {"PEER_DATABASE": str(folder / "peer.db")})
        return Running(started, port, {"serve": started.process.pid})

    def serve(self, folder: Path, environment: Mapping[str, str]) -> tuple[Started, int]:
        """The application under uvicorn, and its port."""
        port = free_port()
        options = ["--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log"]
        arguments = [sys.executable, "-m", "uvicorn", *options, "--port", str(port), f"bench.peers.{self.module}:app"]
        started = Started(arguments, folder, environment)
        started.until_listening(port)
        return started, port

    def progress(self, folder: Path) -> Progress | None:
        """Effects are committed before the answer."""

    def backlog(self, folder: Path, offset: int) -> int:  # noqa: ARG002 - the face of all systems
        """Nothing is ever left for later."""
        return 0

    def check(self, folder: Path, result: Result) -> Iterator[str]:
        """Count its rows."""
        engine = open_store(str(folder / "peer.db"))
        wanted = {"events": result.accepted}
        if self.effects:
            wanted |= {
                "journals": result.accepted,
                "orders_paid": result.accepted,
                "postings_sum": 0,
                "wallets_rupiah": result.accepted_rupiah,
            }
        yield from differences(dict(count(engine)), wanted)
        engine.dispose()


PEER_EFFECTS = Peer(
    "FastAPI + ORM, commit a request",
    "commit_per_request",
    "verify, event, order, journal, two postings, wallet in one ORM session, one commit, 200",
    effects=True,
)
PEER_INSERT = Peer(
    "FastAPI, insert a request", "insert_only", "verify, one insert, one commit, 200; no effects", effects=False
)
