"""The walks name functions and files that there are, each in the file that its line links to."""

import ast
import re
from pathlib import Path

import pytest

PAGES = {"walk.md": 15, "chats.md": 15, "files.md": 12, "uploads.md": 8}


def rows(root: Path, page: str) -> list[list[str]]:
    """The cells of each line that has a number and names functions of a file."""
    text = (root / "docs" / page).read_text(encoding="utf-8")
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines() if re.match(r"\| [\d–]", row)]


def defined(path: Path) -> set[str]:
    """Functions and classes of a file, methods as `Class.method`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{child.name}"
                for child in node.body
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            found |= {child.name for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)}
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_function_stands_in_the_file_that_its_line_links_to(root: Path, page: str) -> None:
    lost, here = [], Path()
    for _number, functions, files, *_rest in rows(root, page):
        links = re.findall(r"\]\(\.\./([^)]+)\)", files)
        here = root / links[0] if links else here  # "same file"
        lost += [f"{name} in {here}" for name in re.findall("`([^`]+)`", functions) if name not in defined(here)]
    assert lost == []
    assert len(rows(root, page)) > PAGES[page]
