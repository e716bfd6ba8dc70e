"""Both front pages, as a newcomer would follow them: commands and snippets are run, and say what the page says."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from app.cli.processes import try_line
from app.core.config import Settings
from docs.generate import every_command
from tests.chaos.shop import until
from tests.cli.shell import environment, run, running

PAGES = {"en": "README.md", "id": "README.id.md"}
ADDRESS = "http://127.0.0.1:8000"
SHOP = """
from starlette.testclient import TestClient
with TestClient(shop) as client:
    print(client.post("/callbacks/webhook/midtrans", json={"order_id": "A", "transaction_status": "settlement"}).json())
"""


class Page(NamedTuple):
    """A front page, with the parts that a newcomer copies."""

    text: str
    first: str  # the first callback
    shown: str  # what comes of it
    log: str  # what `callbacks log` says then
    courier: str  # the callback for a handler of one's own
    handler: str
    embedded: str


def page(root: Path, lang: str) -> Page:
    text = (root / PAGES[lang]).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    python = [block for language, block in blocks if language == "python"]
    _drawing, _make, first, shown, log, courier = [block for language, block in blocks if not language]
    return Page(text, first, shown, log, courier, *python)


def without_what_differs(text: str) -> str:
    """The text without numbers of callbacks and times, and with one space between columns."""
    times = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r" +", " ", re.sub(r"\b\d{16}\b", "ID", times)).strip()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages are for people who have curl")
def test_a_newcomer_gets_what_the_pages_show(root: Path, tmp_path: Path) -> None:
    here = page(root, "en")
    (tmp_path / "myshop.py").write_text(here.handler)
    with running("up", CALLBACK_APP="myshop:setup") as up:
        address = up.line("All addresses: ").split()[-1].removesuffix("/docs")
        until(lambda: "worker.started" in up.err, lambda: up.err)  # a newcomer reads for longer

        def typed(line: str) -> str:
            ran = subprocess.run(  # noqa: S602 - the page's own line
                line.replace(ADDRESS, address), shell=True, capture_output=True, text=True, check=True, timeout=20
            )
            return without_what_differs(ran.stdout)

        for _ in range(2):
            assert typed(here.first) == without_what_differs(here.shown)
        for lang in PAGES:
            said = run("log", CALLBACK_LANG=lang).out
            assert without_what_differs(said) == without_what_differs(page(root, lang).log)
        assert json.loads(typed(here.courier))["success"] is True
        assert up.line("courier says") == "courier says delivered"
        assert up.stop() == 0


@pytest.mark.parametrize("lang", PAGES)
def test_the_snippet_of_an_application_of_ones_own_takes_a_callback(root: Path, lang: str) -> None:
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", page(root, lang).embedded + SHOP],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert "callback received" in ran.stdout


def test_what_up_prints_to_try_is_the_line_of_the_page(root: Path) -> None:
    assert page(root, "en").first.strip() == try_line(ADDRESS, Settings())


def test_both_languages_show_the_same(root: Path) -> None:
    english, indonesian = page(root, "en"), page(root, "id")
    for name in ("first", "shown", "courier", "handler"):
        assert getattr(english, name) == getattr(indonesian, name)
    for pattern in (r"\]\((docs/[^)]*)\)", r"^\| (`[^|]+) \|", r"^(##) "):
        found = [re.findall(pattern, each.text, re.MULTILINE) for each in (english, indonesian)]
        assert found[0] == found[1]
        assert found[0]


@pytest.mark.parametrize("lang", PAGES)
def test_every_command_stands_on_the_page_and_no_other(root: Path, lang: str) -> None:
    table = page(root, lang).text.partition("docs/commands.md)")[2].partition("\n## ")[0]
    named = set()
    for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE):
        group, *more = [word.split() for word in re.findall("`([^`]+)`", row)]
        path = [word for word in group if word.islower()]
        named |= {" ".join(path)} | {
            " ".join([*path[:-1], *[word for word in each if word.islower()]]) for each in more
        }
    assert named == {command.name.removeprefix("callbacks ") for command in every_command()}


def linked(path: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")) if "://" not in link]


def test_every_link_of_every_page_leads_somewhere(root: Path) -> None:
    lost = []
    for path in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for link in linked(path):
            target, _, anchor = link.partition("#")
            there = (path.parent / target).resolve() if target else path
            if not there.exists() or (anchor and anchor not in anchors(there)):
                lost.append(f"{path.name}: {link}")
    assert lost == []


def anchors(path: Path) -> set[str]:
    """How GitHub names the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
