"""Calls that block: their results come back, those that hang are counted, nobody waits for them at the end."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.providers.blocking import Threads


def join_all() -> None:
    for thread in threading.enumerate():
        if thread.name == "channel":
            thread.join(10)


async def test_what_a_call_returns_or_raises_comes_back() -> None:
    threads: Threads[str] = Threads(1)

    def fails() -> str:
        raise ValueError("no")

    assert await threads.call(lambda: threading.current_thread().name, "busy") == "channel"
    with pytest.raises(ValueError, match="no"):
        await threads.call(fails, "busy")
    assert await threads.call(lambda: "again", "busy") == "again"


async def test_a_call_whose_caller_has_gone_holds_its_place_until_it_ends() -> None:
    threads: Threads[str] = Threads(1)
    begun, go_on = threading.Event(), threading.Event()

    def hangs() -> str:
        begun.set()
        go_on.wait()
        return "late"

    calling = asyncio.create_task(threads.call(hangs, "busy"))
    await asyncio.to_thread(begun.wait)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    assert await threads.call(lambda: "new", "busy") == "busy"
    go_on.set()
    await asyncio.to_thread(join_all)
    assert await threads.call(lambda: "new", "busy") == "new"


def test_a_process_ends_while_a_call_hangs(root: Path) -> None:
    script = (
        "import asyncio, threading\n"
        "from app.providers.blocking import Threads\n"
        "async def main():\n"
        "    calling = asyncio.create_task(Threads(1).call(threading.Event().wait, False))\n"
        "    await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, timeout=20, check=False)  # noqa: S603 - our own words
    assert ended.returncode == 0
