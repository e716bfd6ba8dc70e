"""The load generator, a process of its own: keep-alive connections, requests built before the clock starts.

Closed loop: every connection sends its next request when its answer is there. With a rate, open loop: a request has
a time when it is due, and its latency counts from there, so that a server that stalls cannot hide it.
The plan comes as JSON on standard input; `ready` is printed when all is built, the load begins with a line `go`,
and the result is one line of JSON.
"""

import asyncio
import gc
import re
import sys
import time
from array import array
from collections import Counter
from typing import cast

import msgspec
import uvloop

from bench.orders import Arrival, Ids, Shape, requests

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) .*\r\ncontent-length: *(\d+)(?:\r\n|$)", re.DOTALL | re.IGNORECASE)
_END = b"\r\n\r\n"
_CALLBACK_ID = re.compile(rb'"callback_id": ?"?(\d+)')
_TICK_SECONDS = 0.001
_SAMPLE_EVERY = 10
_PATIENCE_SECONDS = 30.0  # after the load's end, for answers that are still missing


class Plan(msgspec.Struct, frozen=True):
    """What to send, and how."""

    port: int
    path: str
    ids: Ids
    arrival: Arrival
    announced: int
    count_max: int
    seconds: float
    first: int = 0  # the number of the order that is paid first, where they come as announced
    connections: int = 64
    rate: int | None = None  # requests a second; None: closed loop
    sampling: bool = False  # keep when which callback was answered


class Result(msgspec.Struct, frozen=True):
    """What came back. Times are of the monotonic clock, which all processes of a machine share."""

    statuses: dict[str, int]
    accepted: int
    accepted_rupiah: int
    broken: int  # connections that ended or answers that could not be read
    started_ns: int
    ended_ns: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_seconds: float  # the generator's own, while the load ran
    samples: list[tuple[int, int]]  # callback id, when its 200 was read (ns)

    @property
    def seconds(self) -> float:
        """How long the load ran."""
        return (self.ended_ns - self.started_ns) / 1e9


class Load:
    """The state that all connections share; one a process."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        built = list(
            requests(Shape(plan.ids, plan.arrival), plan.path, plan.announced, plan.count_max, first=plan.first)
        )
        self.requests = [request for _, request in built]
        self.rupiah = array("q", [amount for amount, _ in built])
        self.next = 0
        self.latencies = array("d")
        self.statuses: Counter[bytes] = Counter()
        #: heads of answers that were met → status, length of the body: they repeat, but for a date each second
        self.heads: dict[bytes, tuple[bytes, int]] = {}
        self.accepted_rupiah = 0
        self.broken = 0
        self.samples: list[tuple[int, int]] = []
        self.idle: list[Connection] = []
        self.open = 0
        self.waiting = 0
        self.stop_at = 0.0
        self.finished = asyncio.Event()

    def answered(self, connection: "Connection", status: bytes, data: bytes) -> None:
        """Count one answer, and let the connection go on."""
        now = time.monotonic()
        self.latencies.append(now - connection.due)
        self.statuses[status] += 1
        if status == b"200":
            self.accepted_rupiah += self.rupiah[connection.number]
            if self.plan.sampling and not connection.number % _SAMPLE_EVERY and (found := _CALLBACK_ID.search(data)):
                self.samples.append((int(found[1]), int(now * 1e9)))
        self.waiting -= 1
        if self.plan.rate is None and now < self.stop_at and self.next < len(self.requests):
            self.send(connection, now)
        else:
            self.idle.append(connection)
            self.check_finished(now)

    def read_head(self, head: bytes) -> tuple[bytes, int] | None:
        """Status and length of the body of an answer with this head, which is kept; None for what is no answer."""
        read = _HEAD.match(head)
        if read is None:
            return None
        known = self.heads[head] = read[1], int(read[2])
        return known

    def send(self, connection: "Connection", due: float) -> None:
        """Send the next request; its latency counts from `due`."""
        number = self.next
        self.next = number + 1
        self.waiting += 1
        connection.number = number
        connection.due = due
        connection.transport.write(self.requests[number])

    def lost(self, connection: "Connection") -> None:
        """A connection ended, and is not opened anew; a request that was under way counts as broken."""
        self.open -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        else:
            self.broken += 1
            self.waiting -= 1
        self.check_finished(time.monotonic())

    def check_finished(self, now: float) -> None:
        """End the load when nothing is under way and nothing will be sent."""
        over = now >= self.stop_at or self.next >= len(self.requests) or not self.open
        if over and not self.waiting:
            self.finished.set()

    def give_up(self) -> None:
        """End the load although answers are missing."""
        self.broken += self.waiting
        self.finished.set()

    async def open_loop(self, rate: int, started: float) -> None:
        """Send what is due at every tick on whatever connection is idle; what finds none keeps its due time."""
        while (now := time.monotonic()) < self.stop_at and self.next < len(self.requests) and self.open:
            due_count = min(int((now - started) * rate), len(self.requests))
            while self.idle and self.next < due_count:
                self.send(self.idle.pop(), started + (self.next + 1) / rate)
            await asyncio.sleep(_TICK_SECONDS)
        self.stop_at = min(self.stop_at, now)
        self.check_finished(now)


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("buffer", "due", "load", "number", "transport")

    def __init__(self, load: Load) -> None:
        self.load = load
        self.buffer = b""
        self.number = 0
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for requests."""
        self.transport = cast("asyncio.Transport", transport)
        self.load.open += 1
        self.load.idle.append(self)

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one."""
        if self.buffer:
            data = self.buffer + data
        end = data.find(_END)
        known = self.load.heads.get(data[:end]) or self.load.read_head(data[:end]) if end >= 0 else None
        if known is None or len(data) < end + len(_END) + known[1]:
            self.buffer = data
            return
        self.buffer = b""
        self.load.answered(self, known[0], data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The server, or the network, ended it."""
        self.load.lost(self)


async def run(load: Load) -> Result:
    """Open the connections, wait for `go`, send, and count."""
    plan = load.plan
    loop = asyncio.get_running_loop()
    for _ in range(plan.connections):
        await loop.create_connection(lambda: Connection(load), "127.0.0.1", plan.port)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    cpu = time.process_time()
    started_ns = time.monotonic_ns()
    started = started_ns / 1e9
    load.stop_at = started + plan.seconds
    loop.call_later(plan.seconds + _PATIENCE_SECONDS, load.give_up)
    if plan.rate is None:
        for connection in [load.idle.pop() for _ in range(plan.connections)]:
            load.send(connection, time.monotonic())
    else:
        await load.open_loop(plan.rate, started)
    await load.finished.wait()
    ended_ns, cpu_seconds = time.monotonic_ns(), time.process_time() - cpu
    for connection in load.idle:
        connection.transport.close()
    return result_of(load, started_ns, ended_ns, cpu_seconds)


def result_of(load: Load, started_ns: int, ended_ns: int, cpu_seconds: float) -> Result:
    """The figures of a load that has ended."""
    latencies = sorted(load.latencies) or [0.0]
    return Result(
        statuses={status.decode(): count for status, count in load.statuses.items()},
        accepted=load.statuses[b"200"],
        accepted_rupiah=load.accepted_rupiah,
        broken=load.broken,
        started_ns=started_ns,
        ended_ns=ended_ns,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1000,
        max_ms=latencies[-1] * 1000,
        cpu_seconds=cpu_seconds,
        samples=load.samples,
    )


async def main() -> None:
    """Read the plan, run it, print the result."""
    plan = msgspec.json.decode(sys.stdin.readline(), type=Plan)
    load = Load(plan)
    gc.disable()  # a million requests in memory: a collection would stop the load for tens of milliseconds
    result = await run(load)
    print(msgspec.json.encode(result).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
