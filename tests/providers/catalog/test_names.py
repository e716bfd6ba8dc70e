"""No provider's name stands in code outside its own file: a provider is data."""

import ast
import re
from pathlib import Path

from app.providers.catalog import Catalog

#: Four senders have code of their own, and rooms where it stands or is spoken of.
WITH_CODE = {"midtrans", "digiflazz", "discord", "telegram"}
#: Names that are also words of the language, of Python, or of somebody else's: only a whole text of them counts.
WORDS = {
    "adyen", "box", "checkout", "clerk", "flip", "kick", "line", "linear", "meta", "mux", "notion", "polar", "square",
    "standard-webhooks", "standard-webhooks-v1a", "stripe", "whatsapp", "wise", "zoom",
}  # fmt: skip

#: Words that code uses for something else, and a name that is one of Midtrans' own products (`midtrans_snap`).
COMMON = {"box", "line", "meta", "midtrans-snap"}


def texts(path: Path) -> list[str]:
    """Identifiers and texts of a file, without its docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            found.append(node.value)
        found.extend(
            value for name in ("id", "name", "attr", "arg") if isinstance(value := getattr(node, name, None), str)
        )
    return found


def test_no_providers_name_stands_in_code_outside_its_own_file(root: Path) -> None:
    names = set(Catalog(installed=False).names()) - WITH_CODE - COMMON
    files = [path for path in (root / "app").rglob("*.py") if not any(name in path.stem for name in WITH_CODE)]
    spoken = {path: texts(path) for path in files}
    told = [
        f"{path.relative_to(root)}: {name}"
        for path, found in spoken.items()
        for name in names
        for text in found
        if stands(name, text)
    ]
    assert sorted(set(told)) == []


def stands(name: str, text: str) -> bool:
    """Whether a text names the provider: as a whole for those that are words of their own."""
    if name in WORDS:
        return text.lower() == name
    spellings = {name, name.replace("-", "_"), name.replace("-", "")}
    return any(re.search(rf"(?<![a-z0-9]){re.escape(each)}(?![a-z0-9])", text.lower()) for each in spellings)


def test_the_schemes_know_nobody(root: Path) -> None:
    room = root / "app" / "providers"
    for file in ("schemes", "proofs", "proving", "templates", "message", "rewriting", "signing", "set_up"):
        text = (room / f"{file}.py").read_text(encoding="utf-8").lower()
        assert [name for name in WITH_CODE if name in text] == [], file
