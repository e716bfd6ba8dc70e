"""The files of a page in an empty folder, and the system that runs them."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.cli.shell import running


def python_of(root: Path, page: str) -> list[str]:
    """The Python blocks of a page, in their order."""
    return re.findall(r"```python\n(.*?)```", (root / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)


class Shop:
    """A running system with handlers of one's own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def send(self, sender: str, body: Any) -> httpx2.Response:
        return httpx2.post(f"{self.address}/callbacks/webhook/{sender}", json=body)

    def ask(self, path: str, **query: str) -> Any:
        return httpx2.get(self.address + path, params=query).json()

    def callback(self, callback_id: str) -> Any:
        return self.ask(f"/callbacks/log/{callback_id}")

    def until(self, path: str, **more: Any) -> Any:
        """Ask until these fields are so."""
        deadline = time.monotonic() + 20
        while True:
            told = self.ask(path)
            if all(told.get(name) == value for name, value in more.items()):
                return told
            assert time.monotonic() < deadline, told
            time.sleep(0.05)


@contextmanager
def shop_with(folder: Path, name: str, code: str, **settings: str) -> Iterator[Shop]:
    """`callbacks up` in this folder with `name.py` as CALLBACK_APP."""
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    with running("up", CALLBACK_APP=f"{name}:setup", **settings) as up:
        line = up.line("Callbacks are received at")
        yield Shop(re.findall(r"http://[^/ ]+", line)[0])
        assert up.stop() == 0, up.err


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What stands in the state."""
    with closing(sqlite3.connect(folder / "data" / "state.db")) as state:
        return state.execute(query).fetchall()
