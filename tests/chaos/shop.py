"""A shop for the tests that kill: the real server and worker as processes, senders over real connections, the books."""

import contextlib
import hashlib
import http.client
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from sqlalchemy import text

from app.callbacks.callback_manager import CallbackManager
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine, reading
from app.engine.callback import Callback
from app.engine.log import open_log
from app.ledger.cases import Cases
from app.operate import orders
from app.operate.audit import audit
from app.operate.importing import import_orders
from app.operate.policy import policy_of

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "SB-Mid-server-of-the-tests-0001"

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def free_port() -> int:
    """A port that the system gives to no connection: one that is refused from a port to itself would take it."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def until(condition: Callable[[], bool], told: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition of other processes; `told` says what there is instead when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


def notice(order_id: str, amount: str, **fields: Any) -> bytes:
    """A signed notification; a settlement of T1 where nothing else is said."""
    said = {
        "order_id": order_id,
        "transaction_id": "T1",
        "transaction_status": "settlement",
        "status_code": "200",
        "fraud_status": "accept",
        "gross_amount": amount,
        "currency": "IDR",
        "payment_type": "bank_transfer",
        **fields,
    }
    signed = f"{order_id}{said['status_code']}{amount}{KEY}"
    return json.dumps({**said, "signature_key": hashlib.sha512(signed.encode()).hexdigest()}).encode()


class Answered(NamedTuple):
    """An acknowledgement: which callback the server said it kept, and what it was about."""

    callback_id: int
    order_id: str


class Sender:
    """One kept-alive connection of a sender that sends again until it is answered 200, as senders do."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self.again: Counter[str] = Counter()  # why it was sent again

    def send_once(self, body: bytes, provider: str = "midtrans", **headers: str) -> int | None:
        """→ the callback's id, None when it was not acknowledged."""
        try:
            told = {"Content-Type": "application/json", **headers}
            self.connection.request("POST", f"/callbacks/webhook/{provider}", body, told)
            reply = self.connection.getresponse()
            answer = reply.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.again[type(error).__name__] += 1
            return None
        if reply.status != http.HTTPStatus.OK:
            assert reply.status == http.HTTPStatus.SERVICE_UNAVAILABLE, answer
            self.again["503"] += 1
            return None
        return int(json.loads(answer)["callback_id"])

    def send(self, order_id: str, body: bytes, seconds: float = 20.0) -> Answered:
        deadline = time.monotonic() + seconds
        while (callback_id := self.send_once(body)) is None:
            assert time.monotonic() < deadline, f"{order_id} was never acknowledged: {self.again}"
            time.sleep(0.01)
        return Answered(callback_id, order_id)

    def close(self) -> None:
        self.connection.close()


class Process(Protocol):
    """What a test does with a process, however it was begun."""

    pid: int

    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


#: Runs our command: its arguments, its environment, the folder it stands in, and the file its output is added to.
Begin = Callable[[Sequence[str], Mapping[str, str], Path, Path], Process]


def begin_command(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path) -> Process:
    """As a user does."""
    with out.open("ab") as said:
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "app", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=environment,
            cwd=folder,
        )


class Shop:
    """One folder with state and log, and the processes that work on them."""

    def __init__(self, folder: Path, begin: Begin = begin_command, **settings: str) -> None:
        self.begin = begin
        self.port = free_port()
        self.folder = folder
        self.log_url = f"sqlite:///{folder}/log.db"
        database_url = f"sqlite:///{folder}/state.db"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields},
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",  # see `stands`
            "CALLBACK_PORT": str(self.port),
            "DATABASE_URL": database_url,
            "CALLBACK_LOG_URL": self.log_url,
            "MIDTRANS_SERVER_KEY": KEY,
            **settings,
        }
        self.engine = make_engine(database_url)
        if not (folder / "state.db").exists():  # what a killed process left is opened by those who come after it
            ensure_schema(self.engine)
        self.processes: dict[str, Process] = {}
        self.killed: Counter[str] = Counter()

    def start(self, *names: str) -> None:
        for name in names:
            self.processes[name] = self.begin([name], self.environment, self.folder, self.folder / f"{name}.out")

    def kill(self, name: str) -> None:
        """SIGKILL; counted when it hit a living process, and not one that had ended by itself."""
        process = self.processes[name]
        assert process.poll() is None, f"{name} ended by itself ({process.returncode}): {self.said(name)}"
        process.kill()
        process.wait()
        self.killed[name] += 1

    def stop(self) -> None:
        """Ask both to stop, the server first."""
        for name, process in self.processes.items():
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0, self.said(name)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text()[-2000:]

    def until_listening(self, name: str = "serve") -> None:
        until(self.listens, lambda: self.stands(name))

    def stands(self, name: str) -> str:
        """Where a process stands that does not come: its exit code, or the stack of each of its threads."""
        process = self.processes[name]
        if process.poll() is None:
            process.send_signal(signal.SIGABRT)
            process.wait()
        return f"exit code {process.returncode}: {self.said(name)}"

    def listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def announce(self, wanted: Iterable[tuple[str, str, str]]) -> None:
        """Orders as (order id, user, amount)."""
        policy = policy_of(Settings())
        for order_id, user, amount in wanted:
            data = {"order_id": order_id, "user_id": user, "kind": "topup", "amount": amount}
            orders.create_order(self.engine, data, at=time.time_ns() // 1000, policy=policy, lang="en")

    def announce_all(self, wanted: Iterable[tuple[str, str, str]]) -> None:
        """The same, thousands in one transaction."""
        names = ("order_id", "user_id", "amount")
        lines = [json.dumps({**dict(zip(names, each, strict=True)), "kind": "topup"}) for each in wanted]
        refused: list[str] = []
        import_orders(
            self.engine,
            io.BytesIO("\n".join(lines).encode()),
            clock=lambda: time.time_ns() // 1000,
            policy=policy_of(Settings()),
            told=lambda number, reason: refused.append(f"{number}: {reason}"),
        )
        assert refused == []

    def get(self, path: str) -> Any:
        return self.ask("GET", path)[1]

    def ask(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        """One request for FastAPI → the status, and what the JSON of the answer says."""
        body = None if data is None else json.dumps(data)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())

    def resident_mib(self, name: str) -> float:
        """The memory that a process has now; Linux only."""
        return self._memory(name, "VmRSS:")

    def peak_mib(self, name: str) -> float:
        """The most that it ever had."""
        return self._memory(name, "VmHWM:")

    def _memory(self, name: str, field: str) -> float:
        status = Path(f"/proc/{self.processes[name].pid}/status").read_text()
        return int(status.partition(field)[2].split()[0]) / 1024

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def log(self) -> list[Callback]:
        """Everything in the log."""
        opened = open_log(self.log_url, server=False)
        try:
            found: list[Callback] = []
            while page := opened.read_after(found[-1].id if found else 0, 5_000):
                found += page
            return found
        finally:
            opened.close()

    def until_worked_off(self, seconds: float = 30.0) -> None:
        """Wait until the worker has committed the log's last callback."""
        opened = open_log(self.log_url, server=False)
        try:
            last_id = opened.last_id()
        finally:
            opened.close()
        place = 'SELECT "offset", deaths, trying FROM callback_offsets'
        until(
            lambda: any(row[0] == last_id for row in self.rows(place)),
            lambda: f"{self.rows(place)} of {last_id}: {[self.said(name) for name in self.processes]}",
            seconds,
        )

    def unbalanced(self) -> list[Any]:
        """What does not add up: the audit's findings, journals that do not sum to zero, outcomes counted wrongly."""
        odd = "SELECT journal_id, sum(amount) FROM callback_postings GROUP BY journal_id HAVING sum(amount) <> 0"
        miscounted = (
            "SELECT provider, 'outcome:' || outcome, count(*) FROM callback_outcomes GROUP BY 1, 2 EXCEPT"
            " SELECT provider, name, value FROM callback_counters"
        )
        return [*self.audited(), *self.rows(odd), *self.rows(miscounted)]

    def audited(self) -> list[Any]:
        """The audit's findings, with the handlers as the processes have them."""
        given = {name.lower(): value for name, value in self.environment.items()}
        settings = Settings.model_validate({name: given[name] for name in Settings.model_fields if name in given})
        opened = open_log(self.log_url, server=False)
        try:
            return audit(self.engine, opened, CallbackManager(settings=settings).lookup, lang="en").findings
        finally:
            opened.close()

    def outcomes(self) -> dict[str, int]:
        """How many callbacks had each outcome."""
        return dict(self.rows("SELECT outcome, count(*) FROM callback_outcomes GROUP BY 1"))

    def journals(self) -> dict[str, int]:
        """How many journals each order has that has any."""
        return dict(
            self.rows(
                "SELECT o.order_id, count(*) FROM callback_journals j"
                " JOIN callback_orders o ON o.id = j.order_no GROUP BY 1"
            )
        )

    def statuses(self, like: str = "%") -> dict[str, str]:
        """What each announced order shows whose id is like this."""
        numbers = text("SELECT id FROM callback_orders WHERE announced_at IS NOT NULL AND order_id LIKE :like")
        with reading(self.engine) as connection:
            found = connection.execute(numbers, {"like": like}).scalars().all()
            return {case.order_id: case.effect().status for case in Cases(connection).open_numbers(found)}

    def wallets(self) -> dict[str, int]:
        """What is in each user's wallet, in minor units."""
        found = self.rows("SELECT name, balance FROM callback_accounts WHERE name LIKE 'wallet:%'")
        return {name.removeprefix("wallet:"): balance for name, balance in found}

    def close(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        self.engine.dispose()


@contextmanager
def a_shop(folder: Path, begin: Begin = begin_command, **settings: str) -> Iterator[Shop]:
    """A shop whose processes do not outlive the block."""
    shop = Shop(folder, begin, **settings)
    try:
        yield shop
    finally:
        shop.close()
