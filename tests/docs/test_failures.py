"""Every line of the page of failures names what shows it, and every test that a page names exists."""

import ast
import re
from pathlib import Path

import pytest

NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def page(root: Path) -> str:
    return (root / "docs" / "failures.md").read_text(encoding="utf-8")


def lines(text: str) -> list[str]:
    """What happens, line by line of the table."""
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    return [row.split("|")[1].strip() for row in rows[1:]]


def shown(text: str) -> dict[str, list[tuple[str, str]]]:
    """What happens → the tests that show it."""
    entries = text.split("\n- **")[1:]
    return {entry.partition("**:")[0]: NAMED.findall(entry) for entry in entries}


def test_every_line_names_what_shows_it(root: Path) -> None:
    text = page(root)
    assert list(shown(text)) == lines(text)
    assert [line for line, tests in shown(text).items() if not tests] == []


@pytest.mark.parametrize("name", ["failures.md", "embedding.md"])
def test_every_test_that_a_page_names_exists(root: Path, name: str) -> None:
    for path, test in NAMED.findall((root / "docs" / name).read_text(encoding="utf-8")):
        tree = ast.parse((root / "tests" / path).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert test in names, f"{path}::{test}"
