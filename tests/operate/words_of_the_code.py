"""Collects the stable words that the application's code gives to people: reasons, alerts, statuses; from its syntax."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

#: Calls by their last name → positions and keywords of arguments that are words.
_REASONS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "Outcome": ((2,), ("reason",)),
    "Told": ((), ("refused", "ignored")),
    "Judgement": ((1,), ("reason",)),
    "CsvOutcome": ((0,), ("reason",)),
    "GiveUp": ((0,), ("reason",)),
    "Failure": ((), ("reason",)),
    "Look": ((0,), ()),
    "_rejected": ((2,), ()),
    "_reject": ((1,), ()),
    "FileRefused": ((0,), ("reason",)),
    "Kept": ((0,), ("reason",)),
}
_REFUSALS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "Verification": ((2,), ("reason",)),
    "Verdict": ((1,), ("reason",)),
    "refusal": ((1,), ("reason",)),
    "refusal_text": ((0,), ("reason",)),
}
_ALERTS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "Alert": ((0,), ("kind",)),
    "Told": ((), ("alert",)),
    "Judgement": ((), ("alert",)),
    "alert": ((1,), ()),
}
#: Functions whose returned texts are reasons.
_GIVE_REASONS = ("_doubt", "_why_not", "_hopeless", "_why_unopened")
#: The same for reasons that a dead letter may have.
_BURY: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "Told": ((), ("refused",)),
    "Said": ((), ("refused",)),
    "GiveUp": ((0,), ("reason",)),
    "Failure": ((), ("reason",)),
    "_rejected": ((2,), ()),
    "_reject": ((1,), ()),
    "FileRefused": ((0,), ("reason",)),
}
_RETURN_WHAT_IS_BURIED = ("_why_not", "_hopeless", "_why_unopened")
_BURIED_OUTCOMES = ("OutcomeWord.REJECTED", "OutcomeWord.SET_ASIDE")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _from_calls(tree: ast.AST, table: dict[str, tuple[tuple[int, ...], tuple[str, ...]]]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (row := table.get(_name(node))):
            places, keywords = row
            for place in places:
                if place < len(node.args):
                    yield from _texts(node.args[place])
            for keyword in node.keywords:
                if keyword.arg in keywords:
                    yield from _texts(keyword.value)


def _from_returns(tree: ast.AST, functions: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from _texts(inner.value)


def _alerts_of_facts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "alerts.add":
            yield from _texts(node.args[0])


def _trees(app: Path) -> Iterator[ast.AST]:
    for path in app.rglob("*.py"):
        if "migrations" not in path.parts:
            yield ast.parse(path.read_text(encoding="utf-8"))


def reasons(app: Path) -> set[str]:
    """Every reason of an outcome, or of a task that was given up."""
    return {
        word
        for tree in _trees(app)
        for word in (*_from_calls(tree, _REASONS), *_from_returns(tree, _GIVE_REASONS))
        if word != "alert"
    }


def buried(app: Path) -> set[str]:
    """Every reason that a dead letter may have."""
    return {
        word
        for tree in _trees(app)
        for word in (
            *_from_calls(tree, _BURY),
            *_from_returns(tree, _RETURN_WHAT_IS_BURIED),
            *_from_buried_outcomes(tree),
        )
    }


def _from_buried_outcomes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) in {"Outcome", "Judgement"}:
            words = [place for place, word in enumerate(node.args) if ast.unparse(word) in _BURIED_OUTCOMES]
            for place in words:
                yield from (word for reason in node.args[place + 1 : place + 2] for word in _texts(reason))


def refusals(app: Path) -> set[str]:
    """Every reason why a request is refused at the door."""
    return {word for tree in _trees(app) for word in _from_calls(tree, _REFUSALS)}


def alerts(app: Path) -> set[str]:
    """Every kind of alert."""
    return {word for tree in _trees(app) for word in (*_from_calls(tree, _ALERTS), *_alerts_of_facts(tree))}
