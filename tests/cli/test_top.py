import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from fcntl import ioctl
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from app.cli.picture import duration, picture, rate, spark
from app.cli.top import address
from app.core.config import Settings
from app.core.errors import FieldError
from app.operate.alerts_shown import AlertShown
from app.operate.stats_shown import LagShown
from app.operate.traffic_shown import (
    BehindShown,
    EachSecondShown,
    LatencyShown,
    PaceShown,
    ProviderShown,
    TrafficShown,
)
from tests.chaos.shop import Shop, a_shop, notice, until
from tests.cli.shell import COMMAND, environment, run

HOSTILE = "evil\x1b[2J\u202e\nname"
PACE = PaceShown(
    seconds=60,
    accepted_per_second=33_333.33,
    refused_per_second=0.25,
    applied_per_second=28_000.5,
    answered=LatencyShown(p50_ms=1.0, p95_ms=4.0, p99_ms=104.4),
    applied=LatencyShown(p50_ms=20.0, p95_ms=40.0, p99_ms=99_000.0),
)


def a_provider(pace: PaceShown = PACE, dead: int = 0) -> ProviderShown:
    return ProviderShown(
        accepted=1,
        refused={},
        outcomes={},
        dead_letters={"final": dead} if dead else {},
        lag=BehindShown(callbacks=999, seconds=1234.5),
        last_minute=pace,
        last_hour=pace,
        each_second=EachSecondShown(accepted=list(range(60)), refused=[0] * 60, applied=[0] * 60),
    )


def the_traffic(*names: str) -> TrafficShown:
    return TrafficShown(
        accepted={},
        refused={},
        outcomes={},
        lag=LagShown(callbacks=1000, seconds=1234.5),
        waiting={"parked": 12},
        dead_letters={"callback": 1234},
        alerts={"mispaid": 7},
        tasks={},
        log_bytes={},
        providers={name: a_provider(dead=1234) for name in names},
        measured_since="2025-11-25T04:49:00.000000Z",
        last_minute=PACE,
        last_hour=PACE,
    )


def an_alert(text: str) -> AlertShown:
    return AlertShown(
        id="1",
        kind="mispaid",
        subject="order:X",
        text=text,
        what_to_do="",
        commands=[],
        detail={},
        since="2025-11-25T04:49:00.000000Z",
        last_at="",
        closed_at=None,
        closed_by=None,
        count=1,
    )


def drawn(
    found: TrafficShown, *alerts: AlertShown, columns: int = 80, lines: int | None = None, plain: bool = False
) -> list[str]:
    console = Console(width=columns, markup=False, highlight=False, emoji=False, force_terminal=False)
    with console.capture() as captured:
        console.print(
            picture(
                found,
                alerts,
                url="http://127.0.0.1:8000",
                at=datetime(2025, 11, 25, 5, tzinfo=UTC),
                columns=columns,
                lines=lines,
                plain=plain,
                trouble="nobody answers",
            )
        )
    return captured.get().splitlines()


def test_the_widest_figures_fit_eighty_columns_and_none_is_cut() -> None:
    lines = drawn(the_traffic("a-provider-with-a-long-name", "midtrans"), an_alert("An order was paid twice " * 9))
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("midtrans"))
    assert row.split()[2:] == ["33.3k", "28.0k", "0.25", "1234.5", "104ms", "99.0s", "1234"]
    assert any(line.startswith("a-provider-wi…") for line in lines)
    assert "1000+ behind by 1234.5 s   12 waiting   1234 dead letters   7 alerts" in lines[2]
    assert "nobody answers" in lines[1]


def test_a_wider_terminal_shows_a_longer_curve() -> None:
    rows = [
        next(line for line in drawn(the_traffic("midtrans"), columns=columns) if "█" in line) for columns in (80, 140)
    ]
    assert [sum(sign in "▁▂▃▄▅▆▇█" for sign in row) for row in rows] == [16, 60]


def test_hostile_names_and_texts_do_nothing_to_the_terminal() -> None:
    shown = "\n".join(drawn(the_traffic(HOSTILE), an_alert(HOSTILE)))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "evil\\x1b[2J" in shown


def test_more_senders_and_alerts_than_there_is_room_for_are_counted() -> None:
    lines = drawn(the_traffic(*(f"sender-{n:02}" for n in range(40))), *[an_alert("x")] * 9, lines=24)
    assert len(lines) <= 24
    assert any("and 32 more senders" in line for line in lines)
    assert any("and 4 more" in line for line in lines)


def test_a_terminal_without_block_signs_gets_a_curve_of_letters() -> None:
    assert all(line.isascii() or line.startswith(("…", "lag")) for line in drawn(the_traffic("midtrans"), plain=True))


@pytest.mark.parametrize(
    ("counts", "width", "curve"),
    [
        ([0] * 60, 6, "▁▁▁▁▁▁"),
        ([0, 0, 1, 8], 4, "▁▁▂█"),
        ([1, 1, 1, 1], 2, "██"),
        ([], 3, ""),
        ([5, 0], 4, "██▁▁"),
    ],
)
def test_a_curve_ends_at_its_own_top_and_shows_whatever_is_not_nothing(
    counts: list[int], width: int, curve: str
) -> None:
    assert spark(counts, width) == curve


def test_figures_are_short() -> None:
    assert [rate(each) for each in (0, 0.25, 7.5, 99.9, 1234.4, 33_333.3)] == [
        "0",
        "0.25",
        "7.5",
        "99.9",
        "1234",
        "33.3k",
    ]
    assert [duration(each) for each in (None, 0.8, 45.2, 1_200, 720_000)] == ["-", "0.8ms", "45ms", "1.2s", "12m"]


def test_the_address_is_as_given_or_where_the_settings_listen() -> None:
    assert address("", Settings(CALLBACK_HOST="0.0.0.0", CALLBACK_PORT=9000)) == "http://127.0.0.1:9000"  # noqa: S104
    assert address("", Settings(CALLBACK_HOST="::1", CALLBACK_PORT=9000)) == "http://[::1]:9000"
    assert address("https://shop.example/", Settings()) == "https://shop.example"
    for wrong in ("shop.example", "ftp://shop", "http://", "http://a b"):
        with pytest.raises(FieldError):
            address(wrong, Settings())


def test_where_nobody_listens_it_says_so_and_what_to_do() -> None:
    ran = run("top", "--url", "http://127.0.0.1:9")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.startswith("error: nobody answers at http://127.0.0.1:9")
    assert "callbacks up" in ran.err
    assert ran.err.count("\n") == 1


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with a_shop(tmp_path, CALLBACK_ADMIN_TOKEN="letmein") as shop:
        shop.start("serve", "worker")
        shop.until_listening()
        yield shop


def test_in_a_pipe_it_is_one_picture_and_json_is_for_programs(shop: Shop) -> None:
    url = f"http://127.0.0.1:{shop.port}"
    shop.announce([("TU-1", "ani", "100000.00")])

    def send() -> None:
        httpx2.post(f"{url}/callbacks/webhook/midtrans", content=notice("TU-1", "100000.00")).raise_for_status()
        httpx2.post(f"{url}/callbacks/webhook/midtrans", content=b'{"order_id": "TU-1"}')

    def asked() -> dict[str, object]:
        ran = run("top", "--json", "--url", url, CALLBACK_ADMIN_TOKEN="letmein")
        assert ran.code == 0, ran.err
        found: dict[str, object] = json.loads(ran.out)
        return found

    def pace() -> dict[str, object]:
        found = asked()["providers"]["midtrans"]["last_minute"]  # type: ignore[index]
        assert isinstance(found, dict)
        return found

    def is_paced() -> bool:
        send()  # again and again: what was applied before the server first looked has no second of its own
        found = pace()
        return bool(found["applied_per_second"] and found["refused_per_second"])

    until(is_paced, asked)
    found = pace()
    assert found["accepted_per_second"] > 0  # type: ignore[operator]
    assert found["answered"]["p50_ms"] > 0  # type: ignore[index]
    assert found["applied"]["p99_ms"] > 0  # type: ignore[index]
    ran = run("top", "--url", url, CALLBACK_ADMIN_TOKEN="letmein")
    assert (ran.code, ran.err) == (0, "")
    assert "\x1b" not in ran.out
    assert re.search(r"^midtrans +\S+ +\d", ran.out, re.MULTILINE), ran.out
    assert ran.out.count("provider") == 1
    refused = run("top", "--url", url, CALLBACK_ADMIN_TOKEN="wrong")
    assert refused.code == 1
    assert "CALLBACK_ADMIN_TOKEN" in refused.err
    assert "wrong" not in refused.err


def test_another_program_at_the_address_is_told(shop: Shop) -> None:
    url = f"http://127.0.0.1:{shop.port}/callbacks/webhook"
    ran = run("top", "--url", url, CALLBACK_ADMIN_TOKEN="letmein")
    assert ran.code == 1
    assert re.search(r"answers 4\d\d|another program", ran.err)


class Terminal:
    """The command in a terminal of eighty columns; `shown` is everything that it wrote."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [*COMMAND, *arguments], {**environment(**settings), "TERM": "xterm-256color"})  # noqa: S606 - our own command
        ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.shown = ""

    def read(self, seconds: float = 0.2) -> bool:
        """Read what is there → False once it has ended."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.descriptor, 65_536)
        except OSError:  # what Linux says when the other end is gone
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def until(self, wanted: str, times: int = 1) -> None:
        deadline = time.monotonic() + 20
        while self.shown.count(wanted) < times:
            assert self.read(), self.shown
            assert time.monotonic() < deadline, self.shown

    def end(self, keys: bytes) -> int:
        os.write(self.descriptor, keys)
        return self.ended()

    def ended(self) -> int:
        deadline = time.monotonic() + 20
        while self.read():
            assert time.monotonic() < deadline, self.shown
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.parametrize("way", ["ctrl-c", "sigterm"])
def test_in_a_terminal_it_goes_on_waits_for_a_server_that_is_away_and_leaves_the_screen_as_it_was(
    shop: Shop, way: str
) -> None:
    terminal = Terminal(
        "top", "--every", "0.2", "--url", f"http://127.0.0.1:{shop.port}", CALLBACK_ADMIN_TOKEN="letmein"
    )
    terminal.until("provider", times=3)
    shop.kill("serve")
    terminal.until("nobody answers")
    shop.start("serve")
    shop.until_listening()
    before = terminal.shown.count("provider")
    terminal.until("provider", times=before + 5)
    if way == "ctrl-c":
        assert terminal.end(b"\x03") == 0
    else:
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.ended() == 0
    assert terminal.shown.count("\x1b[?1049h") == 1
    assert terminal.shown.rstrip().endswith("\x1b[?1049l")
    assert "\x1b[2J" not in terminal.shown  # clearing before drawing is what flickers
    assert "Traceback" not in terminal.shown
