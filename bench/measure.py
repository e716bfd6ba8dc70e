"""One measurement: start a system, send it a load, wait until the effects are there, count everything."""

import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from bench.load import Plan, Result
from bench.orders import Shape
from bench.processes import Generator, Usage, machine_cpu_seconds, share_mib, usage
from bench.systems import Progress, Running, System

_DRAIN_SECONDS = 120.0
_WATCH_SECONDS = 0.002


class Load(msgspec.Struct, frozen=True):
    """What is sent: the orders' shape, how many are announced, for how long, and a rate or as fast as answers come."""

    shape: Shape
    announced: int
    seconds: float
    connections: int
    rate: int | None = None
    count_max: int | None = None
    first: int = 0

    def __str__(self) -> str:
        """For people."""
        pace = f"{self.rate}/s" if self.rate else "as fast as answered"
        return f"{pace}, {self.shape}"


class Row(msgspec.Struct, frozen=True):
    """One line of the table. `None`: does not apply."""

    system: str
    does: str
    load: str
    announced: int
    connections: int
    accepted: int
    accepted_per_second: float
    applied_per_second: float | None
    p50_ms: float
    p99_ms: float
    max_ms: float
    backlog: int  # callbacks that were answered and not yet applied when the load ended
    drain_seconds: float
    applied_p99_ms: float | None  # from reading the 200 to the committed effect, sampled
    cpu_us: dict[str, float]  # a callback, by process
    generator_us: float
    idle_mib: float  # of all processes before the load; shared pages once
    rss_mib: dict[str, float]  # the most that each ever held
    statuses: dict[str, int]
    others_cores: float  # how much of the machine was busy with other work meanwhile
    wrong: list[str]  # what a check found; empty: every 200 is in the log and in the ledger exactly once


class Watched(msgspec.Struct):
    """How far the effects were, and when."""

    times_ns: list[int] = []
    offsets: list[int] = []
    at_end: int = 0
    drain_seconds: float = 0.0
    machine_cpu_seconds: float = 0.0  # of whomever, until the effects were there


def measure(system: System, folder: Path, load: Load) -> Row:
    """Run `load` against `system` on the databases in `folder`."""
    with ExitStack() as stack:
        running = system.start(folder)
        stack.callback(running.stop)
        generator = stack.enter_context(closing(Generator(_plan(system, running, load))))
        progress = system.progress(folder)
        if progress is not None:
            stack.callback(progress.close)
        before = {name: usage(pid) for name, pid in running.pids.items()}
        idle_mib = sum(map(share_mib, running.pids.values()))
        busy = machine_cpu_seconds()
        generator.go()
        watched = _watch(generator, progress, sampling=load.rate is not None)
        result = generator.result()
        if progress is not None:
            _drain(progress, watched, result)
        watched.machine_cpu_seconds = machine_cpu_seconds() - busy
        used = {name: _since(before[name], usage(pid)) for name, pid in running.pids.items()}
    return _row(system, folder, load, result, watched, used, idle_mib=idle_mib)


def _plan(system: System, running: Running, load: Load) -> Plan:
    return Plan(
        port=running.port,
        path=system.path,
        ids=load.shape.ids,
        arrival=load.shape.arrival,
        announced=load.announced,
        count_max=load.count_max or int((load.rate or system.max_rate) * load.seconds),
        seconds=load.seconds,
        first=load.first,
        connections=load.connections,
        rate=load.rate,
        sampling=load.rate is not None,
    )


def _watch(generator: Generator, progress: Progress | None, *, sampling: bool) -> Watched:
    """Until the load ends. Only a load of a given rate is sampled: at full load nothing else shall run beside it."""
    watched = Watched()
    while generator.running(_WATCH_SECONDS if sampling else None):
        if sampling and progress is not None:
            watched.offsets.append(progress.read())
            watched.times_ns.append(time.monotonic_ns())
    if progress is not None:
        watched.at_end = progress.read()
    return watched


def _drain(progress: Progress, watched: Watched, result: Result) -> None:
    """Wait until everything that was answered is applied."""
    last = progress.last()
    deadline = time.monotonic() + _DRAIN_SECONDS
    while (offset := progress.read()) < last and time.monotonic() < deadline:
        time.sleep(_WATCH_SECONDS)
    now = time.monotonic_ns()
    watched.offsets.append(offset)
    watched.times_ns.append(now)
    watched.drain_seconds = (now - result.ended_ns) / 1e9


def _since(before: Usage, after: Usage) -> Usage:
    return Usage(after.cpu_seconds - before.cpu_seconds, after.rss_mib)


def _row(
    system: System,
    folder: Path,
    load: Load,
    result: Result,
    watched: Watched,
    used: dict[str, Usage],
    *,
    idle_mib: float,
) -> Row:
    accepted = max(result.accepted, 1)
    later = bool(watched.offsets)
    backlog = system.backlog(folder, watched.at_end) if later else 0
    return Row(
        system=system.name,
        does=system.does,
        load=str(load),
        announced=load.announced,
        connections=load.connections,
        accepted=result.accepted,
        accepted_per_second=result.accepted / result.seconds,
        applied_per_second=(result.accepted - backlog) / result.seconds if system.effects else None,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        max_ms=result.max_ms,
        backlog=backlog,
        drain_seconds=watched.drain_seconds,
        applied_p99_ms=applied_p99_ms(result.samples, watched) if later and result.samples else None,
        cpu_us={name: one.cpu_seconds / accepted * 1e6 for name, one in used.items()},
        generator_us=result.cpu_seconds / accepted * 1e6,
        idle_mib=idle_mib,
        rss_mib={name: one.rss_mib for name, one in used.items()},
        statuses=result.statuses,
        others_cores=_others_cores(result, watched, used),
        wrong=[*_refused(result), *system.check(folder, result)],
    )


def _others_cores(result: Result, watched: Watched, used: dict[str, Usage]) -> float:
    measured = result.cpu_seconds + sum(one.cpu_seconds for one in used.values())
    return max(0.0, (watched.machine_cpu_seconds - measured) / (result.seconds + watched.drain_seconds))


def _refused(result: Result) -> list[str]:
    others = [f"{count} answers with {status}" for status, count in result.statuses.items() if status != "200"]
    return [*others, *([f"{result.broken} requests without an answer"] if result.broken else [])]


def applied_p99_ms(samples: Sequence[tuple[int, int]], watched: Watched) -> float:
    """From reading a 200 to the first look at the state that found its effect; 0 where it was there before."""
    waits = sorted(
        max(0, watched.times_ns[min(bisect_left(watched.offsets, callback_id), len(watched.offsets) - 1)] - answered_ns)
        for callback_id, answered_ns in samples
    )
    return waits[int(len(waits) * 0.99)] / 1e6
