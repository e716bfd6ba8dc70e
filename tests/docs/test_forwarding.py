"""The pages about forwarding and events, as somebody would follow them."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.shop import free_port, until
from tests.cli.shell import run, running


def code(root: Path, page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (root / "docs" / page).read_text(), re.DOTALL)


def steps(root: Path, page: str) -> list[list[str]]:
    """The page's commands, as words."""
    return [shlex.split(line) for block in code(root, page, "sh") for line in block.splitlines()]


def do(words: list[str], **settings: str) -> None:
    """One line of the page."""
    if words[0] == "echo":
        Path(words[-1]).write_text(words[1])
        return
    ran = run(*words[1:], **settings)
    assert ran.code == 0, (words, ran)


@contextmanager
def the_receiver(script: str, secret: str, port: int) -> Iterator[Path]:
    """The page's receiver → the file it prints to."""
    Path("receiver.py").write_text(script)
    said = Path("receiver.out")
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "receiver.py"], stdout=out, env={**os.environ, "HOOK_SECRET": secret, "PORT": str(port)}
        )
    try:
        yield said
    finally:
        process.kill()
        process.wait()


def test_the_page_s_receiver_hears_of_a_payment(root: Path) -> None:
    (script,) = code(root, "forwarding.md", "python")
    typed = steps(root, "forwarding.md")
    port, here = free_port(), free_port()
    settings = {"CALLBACK_PORT": str(here), "CALLBACK_LANG": "en"}
    add, test, create, write, send = (
        next(words for words in typed if words[: len(begins)] == begins)
        for begins in (
            ["callbacks", "endpoints", "add"],
            ["callbacks", "endpoints", "test"],
            ["callbacks", "transactions", "create"],
            ["echo"],
            ["callbacks", "send"],
        )
    )
    with running("up", **settings) as up:
        up.line("All addresses: ")
        until(lambda: "worker.started" in up.err, lambda: up.err)
        added = run(*(word.replace(":3000", f":{port}") for word in add[1:]), **settings)
        secret = next(word for word in added.out.split() if word.startswith("whsec_"))
        with the_receiver(script, secret, port) as said:
            until(
                lambda: run(*test[1:], **settings).out.startswith("shop: answers 204"),
                lambda: run(*test[1:], **settings),
            )
            for words in (create, write, send):
                do(words, **settings)
            until(lambda: "transaction.settled TU-1 100000.00\n" in said.read_text(), said.read_text)
            assert "endpoint.test" in said.read_text()
        until(
            lambda: "forward to shop: done, 1 tries" in run("show", "TU-1", **settings).out,
            lambda: run("show", "TU-1", **settings),
        )
        for words in typed:
            if words[:2] == ["callbacks", "endpoints"] and words[2] not in {"add", "test"}:
                do(words, **settings)


def test_the_page_s_function_hears_of_a_payment(root: Path, tmp_path: Path) -> None:
    (script,) = code(root, "events.md", "python")
    (tmp_path / "listening.py").write_text(script)
    settings = {"CALLBACK_PORT": str(free_port()), "CALLBACK_APP": "listening:setup", "PYTHONUNBUFFERED": "1"}
    typed = steps(root, "events.md")
    with running("up", **settings) as up:
        up.line("All addresses: ")
        until(lambda: "worker.started" in up.err, lambda: up.err)
        for words in typed[1:]:
            do(words, **settings)
        up.line("transaction.settled TU-1 100000.00")
