"""The specification is kept heading by heading: each has one test here beside, named after it."""

import ast
from collections import Counter
from pathlib import Path

from tests.spec.specification import names, sections


def test_every_heading_of_the_specification_has_a_test_named_after_it() -> None:
    written = Counter(
        each.name
        for path in Path(__file__).parent.glob("test_*.py")
        for each in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert {name: written[name] for name in names()} == dict.fromkeys(names(), 1)


def test_the_headings_are_read_as_they_stand() -> None:
    assert len(names()) == len(set(names())) == 33 + 7 + 4
    assert list(sections())[3:5] == ["Base Handlers", "Payment Callbacks"]
    assert {"test_custom_routing", "test_best_practice_idempotency", "test_file_event"} < set(names())
