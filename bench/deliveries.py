"""`make bench-deliveries`: how long messages take through the whole program, and what dead places cost the others.

Messages are asked for over HTTP, each with the time at which it was; its destination notes when it came. Channels have
no rate of their own: their messages come at a steady rate, and what is told is how long each took. Chats of Telegram's
have: all are asked for at once, and what is told is by how much they came later than the rates alone would have it.
"""

import argparse
import http.client
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2
import msgspec
from rich.console import Console
from rich.table import Table

from bench.machine import Machine, machine
from bench.ours import COMMAND
from bench.places import Arrival
from bench.processes import ROOT, Started, free_port

DEAD, SILENT = 5, 3
#: p99 of the others beside dead destinations, at most so many times what it is without.
RATIO_MAX = 1.5
_TOKEN = "12345:bench"  # noqa: S105 - of a bot that there is not
_ADMIN = "admin-token-of-the-benchmark"
_SENDERS = 4
_CHAT_SECONDS = 1.0
_CHATS_PER_SECOND = 30
_PATIENCE_SECONDS = 60.0


class _Load(msgspec.Struct, frozen=True):
    """What is asked for, and of whom."""

    count: int
    rate: float | None  # a second; None: at once
    destinations: int
    dead: int
    port: int  # where the places are
    settings: Mapping[str, str]

    @property
    def alive(self) -> int:
        """How many of the messages go to places that live."""
        return sum(number % self.destinations >= self.dead for number in range(self.count))


class Delays(msgspec.Struct, frozen=True):
    """What was found of one load, of the messages to destinations that live."""

    messages: int
    destinations: int
    dead: int
    seconds: float  # from the first that was asked for to the last that came
    p50_seconds: float
    p99_seconds: float
    most_seconds: float


class Deliveries(msgspec.Struct, frozen=True):
    """All four loads."""

    machine: Machine
    rate: float  # of the channels' messages, a second
    channels: Delays
    channels_beside_dead: Delays
    chats: Delays
    chats_beside_dead: Delays

    @property
    def ratio(self) -> float:
        """p99 of channels' messages beside dead ones, as a multiple of that without."""
        return self.channels_beside_dead.p99_seconds / self.channels.p99_seconds

    @property
    def good(self) -> bool:
        """Whether dead destinations delay nobody."""
        return self.ratio <= RATIO_MAX


def channels(folder: Path, *, count: int, rate: float, destinations: int, dead: int) -> Delays:
    """Notifications at a steady rate to channels of apprise, each a destination."""
    port, refusing = free_port(), free_port()
    names = {f"d{n}": f"json://127.0.0.1:{port}/d{n}/{{address}}" for n in range(destinations)}
    if dead > SILENT + 1:
        names[f"d{dead - 1}"] = f"json://127.0.0.1:{refusing}/{{address}}"
    settings = {"CALLBACK_CHANNELS": msgspec.json.encode(names).decode()}

    def body(number: int) -> bytes:
        data = {"address": "ani", "message": f"{number} {time.time_ns()}"}
        return _asked(number, f"d{number % destinations}", data)

    load = _Load(count, rate, destinations, dead, port, settings)
    came, seconds = _carried_out(folder, load, body)
    took = sorted(arrival.took for arrival in came)
    return _delays(took, destinations, dead, seconds)


def chats(folder: Path, *, each: int, destinations: int, dead: int) -> Delays:
    """So many notifications a chat of Telegram's, all at once."""
    port = free_port()
    settings = {"TELEGRAM_API_URL": f"http://127.0.0.1:{port}", "TELEGRAM_BOT_TOKEN": _TOKEN}

    def body(number: int) -> bytes:
        data = {"chat_id": number % destinations, "message": f"{number} {time.time_ns()}"}
        return _asked(number, "telegram", data)

    load = _Load(each * destinations, None, destinations, dead, port, settings)
    came, seconds = _carried_out(folder, load, body)
    at = sorted(arrival.at for arrival in came)
    # What the rates alone make of it: so many in all in each second, and each chat one.
    a_second = min(_CHATS_PER_SECOND, (destinations - dead) / _CHAT_SECONDS)
    late = sorted(time_ - at[0] - int(place / a_second) for place, time_ in enumerate(at))
    return _delays(late, destinations, dead, seconds)


def _delays(took: Sequence[float], destinations: int, dead: int, seconds: float) -> Delays:
    return Delays(
        messages=len(took),
        destinations=destinations,
        dead=dead,
        seconds=seconds,
        p50_seconds=took[len(took) // 2],
        p99_seconds=took[int(len(took) * 0.99)],
        most_seconds=took[-1],
    )


def _asked(number: int, kind: str, data: Mapping[str, object]) -> bytes:
    return msgspec.json.encode({"webhook_type": kind, "id": f"m{number}", "data": data})


def _carried_out(folder: Path, load: _Load, body: Callable[[int], bytes]) -> tuple[list[Arrival], float]:
    """Ask the whole program for all of them, wait until those to the living have come → what came, and how long."""
    port = free_port()
    environment = {
        "CALLBACK_PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder}/state.db",
        "CALLBACK_LOG_URL": f"sqlite:///{folder}/log.db",
        "CALLBACK_ADMIN_TOKEN": _ADMIN,
        **load.settings,
    }
    told = map(str, (load.port, load.dead, min(SILENT, load.dead)))
    places = Started([sys.executable, "-m", "bench.places", *told], folder, {})
    system = Started([*COMMAND, "up"], folder, environment)
    try:
        places.until_listening(load.port)
        system.until_listening(port)
        began = time.monotonic()
        with ThreadPoolExecutor(_SENDERS) as threads:
            for sender in [threads.submit(_send, port, lane, load, began, body) for lane in range(_SENDERS)]:
                sender.result()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while len(came := _told(load.port)) < load.alive:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(came)} of {load.alive} messages came:\n{system.output.read_text()[-2000:]}")
            time.sleep(0.25)
    finally:
        system.stop()
        places.stop()
    if len({arrival.number for arrival in came}) != len(came):
        raise RuntimeError("a message came twice")
    asked_at = min(arrival.at - arrival.took for arrival in came)
    return came, max(arrival.at for arrival in came) - asked_at


def _send(port: int, lane: int, load: _Load, began: float, body: Callable[[int], bytes]) -> None:
    """Every so manieth message over one connection, at its time."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {_ADMIN}"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        for number in range(lane, load.count, _SENDERS):
            if load.rate is not None:
                time.sleep(max(0.0, began + number / load.rate - time.monotonic()))
            connection.request("POST", "/callbacks/webhook/notification", body(number), headers)
            reply = connection.getresponse()
            if reply.status != http.client.OK:
                raise RuntimeError(f"HTTP {reply.status}: {reply.read()!r}")
            reply.read()


def _told(port: int) -> list[Arrival]:
    reply = httpx2.get(f"http://127.0.0.1:{port}/told", trust_env=False)
    return msgspec.json.decode(reply.content, type=list[Arrival])


def run(folder: Path, *, count: int, rate: float, each: int, destinations: int = 50) -> Deliveries:
    """All four loads, one after the other."""

    def place(name: str) -> Path:
        made = folder / name
        made.mkdir()
        return made

    def of_channels(dead: int) -> Delays:
        return channels(place(f"channels{dead}"), count=count, rate=rate, destinations=destinations, dead=dead)

    def of_chats(dead: int) -> Delays:
        return chats(place(f"chats{dead}"), each=each, destinations=destinations, dead=dead)

    return Deliveries(machine(folder), rate, of_channels(0), of_channels(DEAD), of_chats(0), of_chats(DEAD))


def show(found: Deliveries, console: Console) -> None:
    """Print what was found."""
    table = Table("messages to those that live", "messages", "p50 ms", "p99 ms", "most ms")
    for words, one in (
        (f"channels, {found.rate:,.0f}/s", found.channels),
        (f"the same, {DEAD} of {found.channels.destinations} dead", found.channels_beside_dead),
        ("chats at their rates: later than the rates alone", found.chats),
        (f"the same, {DEAD} of {found.chats.destinations} dead", found.chats_beside_dead),
    ):
        times = (one.p50_seconds, one.p99_seconds, one.most_seconds)
        table.add_row(words, f"{one.messages:,}", *(f"{seconds * 1e3:,.0f}" for seconds in times))
    console.print(table)
    colour = "green" if found.good else "bold red"
    console.print(
        f"p99 beside dead channels: [{colour}]{found.ratio:.2f} x[/] (at most {RATIO_MAX} x)", highlight=False
    )


def main() -> int:
    """Run, print, write → exit code: 1 where dead destinations delay the others."""
    parser = argparse.ArgumentParser(prog="make bench-deliveries", description="Measure messages to dead and living.")
    parser.add_argument("--count", type=int, default=10_000, help="notifications to channels (10 000)")
    parser.add_argument("--rate", type=float, default=150.0, help="of them a second (150)")
    parser.add_argument("--each", type=int, default=10, help="notifications a chat (10)")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    parent = ROOT / "data" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        found = run(Path(folder), count=options.count, rate=options.rate, each=options.each)
    show(found, console)
    path = ROOT / "bench" / "results" / "deliveries.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    console.print(f"wrote {path.relative_to(ROOT)}")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
