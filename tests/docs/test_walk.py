"""The walk of a callback names functions and files that there are, each in the file that its line links to."""

import ast
import re
from pathlib import Path


def rows(root: Path) -> list[list[str]]:
    """The cells of each line that has a number and names functions of a file."""
    text = (root / "docs" / "walk.md").read_text(encoding="utf-8")
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


def test_every_function_stands_in_the_file_that_its_line_links_to(root: Path) -> None:
    lost, here = [], Path()
    for _number, functions, files, *_rest in rows(root):
        links = re.findall(r"\]\(\.\./([^)]+)\)", files)
        here = root / links[0] if links else here  # "same file"
        lost += [f"{name} in {here}" for name in re.findall("`([^`]+)`", functions) if name not in defined(here)]
    assert lost == []
    assert len(rows(root)) > 15
