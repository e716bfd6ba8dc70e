"""`callbacks tail` as a process: what it prints while callbacks come, and how it ends."""

import json
import os
import signal
import subprocess
from pathlib import Path

from tests.cli.shell import COMMAND, environment, running
from tests.operate.arrivals import Arrivals
from tests.operate.conftest import arrivals as arrivals  # noqa: PLC0414 - a fixture of that room


def settings(tmp_path: Path) -> dict[str, str]:
    url = f"sqlite:///{tmp_path}"
    return {"DATABASE_URL": f"{url}/state.db", "CALLBACK_LOG_URL": f"{url}/log.db", "CALLBACK_LANG": "en"}


def test_a_tail_prints_an_object_a_line_and_is_stopped_by_an_interrupt(arrivals: Arrivals, tmp_path: Path) -> None:
    arrivals.shop.announce("TU-1")
    first = arrivals.receive("TU-1")
    arrivals.decide()
    with running("tail", "--since", "0", "--json", **settings(tmp_path)) as tail:
        told = json.loads(tail.line("{"))
        assert (told["callback_id"], told["outcome"]) == (str(first), "applied")
        second = arrivals.receive("TU-1", hostile="\x1b[31m")
        arrivals.decide()
        assert json.loads(tail.line("{"))["callback_id"] == str(second)
        assert tail.stop(signal.SIGINT) == 130
    # A line that was on its way out in that very moment comes again for who goes on; none is missed.
    assert tail.err.strip() in {f"to go on: callbacks tail --since {each}" for each in (first, second)}


def test_a_tail_ends_quietly_when_its_reader_leaves(arrivals: Arrivals, tmp_path: Path) -> None:
    arrivals.shop.announce("TU-1")
    arrivals.receive("TU-1")
    arrivals.decide()
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "tail", "--since", "0"], stdout=write, stderr=subprocess.PIPE, env=environment(**settings(tmp_path))
    )
    os.close(write)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, b"")
