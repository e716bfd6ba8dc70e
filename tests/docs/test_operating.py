"""docs/operating.md, typed as it stands: each situation is made, and every command says what the page says.

WRITE_DOCS=1 writes what the commands say into the page.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.shop import Shop
from tests.docs.situations import SCENES
from tests.fakes.preloading import needs_preloading

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CALLBACK_ID = re.compile(r"\b\d{16}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_EXAMPLE_ID = 1_764_046_140_000_000
_EXAMPLE_TIME = "2026-01-02T03:04:05.678901Z"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the page is for people who have curl")


def parts(root: Path) -> dict[str, str]:
    """The page's situations by heading."""
    text = (root / "docs/operating.md").read_text(encoding="utf-8")
    return dict(part.partition("\n")[::2] for part in text.split("\n## ")[1:])


def typed(shop: Shop, line: str) -> str:
    """What a line prints, in the shop's folder and with its settings."""
    command = line.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{shop.port}")
    bin_folder = shop.folder / "bin"
    if not bin_folder.exists():
        bin_folder.mkdir()
        script = bin_folder / "callbacks"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m app "$@"\n')
        script.chmod(0o755)
    spoiled = {"LD_PRELOAD"}  # the server's disk is broken, not that of whoever types
    environment = {name: value for name, value in shop.environment.items() if name not in spoiled}
    ran = subprocess.run(  # noqa: S602 - the page's own line
        command,
        shell=True,
        cwd=shop.folder,
        env={
            **environment,
            "CALLBACK_LANG": "en",
            "USER": "sari",
            "LOGNAME": "sari",
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.stdout + ran.stderr


class Page:
    """One situation's blocks, with ids and times as the page has them."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._shown: dict[str, str] = {}

    def shown(self, said: str) -> str:
        """What was said, with numbers and times that are the same in every run."""
        for found in _CALLBACK_ID.findall(said):
            self._shown.setdefault(found, str(_EXAMPLE_ID + len(self._shown)))
        text = _CALLBACK_ID.sub(lambda match: self._shown[match[0]], said)
        text = re.sub(r"\d+ seconds ago", "0 seconds ago", text)
        return _TIME.sub(_EXAMPLE_TIME, text).replace(self._folder, "data")

    def real(self, line: str) -> str:
        """A line to type, with the ids of this run."""
        back = {shown: real for real, shown in self._shown.items()}
        return _CALLBACK_ID.sub(lambda match: back.get(match[0], match[0]), line)


def run_block(page: Page, shop: Shop, block: str) -> Iterator[str]:
    """The block as it is when its commands are typed now."""
    for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        yield f"$ {line}\n"
        yield page.shown(typed(shop, page.real(line)))


@needs_preloading
@pytest.mark.parametrize("heading", SCENES)
def test_a_situation_goes_as_the_page_tells(heading: str, root: Path, tmp_path: Path) -> None:
    text = parts(root)[heading]
    page, found = Page(tmp_path), []
    blocks = _BLOCK.findall(text)
    scene = SCENES[heading](tmp_path)
    for block, shop in zip(blocks, scene, strict=True):
        found.append("".join(run_block(page, shop, block)))
    if os.environ.get("WRITE_DOCS"):
        path = root / "docs/operating.md"
        whole = path.read_text(encoding="utf-8")
        rest = iter(found)
        path.write_text(
            whole.replace(text, _BLOCK.sub(lambda _: f"```console\n{next(rest)}```", text)), encoding="utf-8"
        )
        return
    assert found == blocks


def test_every_situation_of_the_page_is_made(root: Path) -> None:
    assert list(parts(root)) == list(SCENES)
    assert len(SCENES) >= 10
