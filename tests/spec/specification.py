"""The specification as data: its headings, what stands below them, and what their tests are called."""

import json
import re
from pathlib import Path
from typing import Any

SPECIFICATION = (Path(__file__).resolve().parent.parent / "data" / "callback-system.md").read_text(encoding="utf-8")
_HEADING = re.compile(r"^###? (?:\d+\. )?([^(`\n]+?)(?: \(`.*)?$", re.MULTILINE)
_ITEM = re.compile(r"^\d+\. \*\*(.+?)\*\*", re.MULTILINE)


def sections() -> dict[str, str]:
    """Each heading of the second and third level → the text from it to the next one."""
    found = list(_HEADING.finditer(SPECIFICATION))
    ends = [*(match.start() for match in found[1:]), len(SPECIFICATION)]
    return {match[1]: SPECIFICATION[match.start() : end] for match, end in zip(found, ends, strict=True)}


def items(heading: str) -> list[str]:
    """The numbered points below a heading."""
    return _ITEM.findall(sections()[heading])


def blocks(heading: str) -> list[str]:
    """The code below a heading."""
    return re.findall(r"```\w*\n(.*?)```", sections()[heading], re.DOTALL)


def example(heading: str) -> Any:
    """The JSON below a heading."""
    return json.loads(blocks(heading)[0])


def name_of(title: str, *, before: str = "") -> str:
    """What the test of a heading is called: `Setup Discord Handlers` → `test_setup_discord_handlers`."""
    return "test_" + re.sub(r"[^a-z0-9]+", "_", f"{before} {title}".lower()).strip("_")


def names() -> list[str]:
    """Of every heading's test, and of every numbered point's of the best practices and of what can be extended."""
    return [
        *(name_of(title) for title in sections()),
        *(name_of(title, before="best practice") for title in items("Best Practices")),
        *(name_of(title) for title in items("Extensibility")),
    ]
