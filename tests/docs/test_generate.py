import re
import shlex
from pathlib import Path

import pytest

from app.callbacks.ppob import ppob_callbacks
from app.core.config import Settings
from app.core.errors import TREATMENTS
from app.core.telemetry import METRICS
from docs.generate import (
    SECTIONS,
    Command,
    Section,
    command_help,
    errors,
    every_command,
    metrics,
    pages,
    render,
    response_codes,
    settings,
)
from tests.callbacks.web import application


def test_no_page_is_stale() -> None:
    assert [path.name for path, (before, after) in pages().items() if before != after] == []


def test_every_setting_stands_in_the_table_with_its_meaning() -> None:
    lines = settings().splitlines()
    assert len(lines) == len(Settings.model_fields) + 2
    assert all(cell.strip() for line in lines for cell in line.strip("|").split(" | "))


def test_a_secret_is_marked_and_shows_no_value() -> None:
    line = next(line for line in settings().splitlines() if "MIDTRANS_SERVER_KEY" in line)
    assert "| not set |" in line
    assert "**Secret**" in line


def test_every_error_stands_in_the_table_below_its_parent() -> None:
    names = [line.split("`")[1] for line in errors().splitlines()[2:]]
    assert sorted(names) == sorted(error.__name__ for error in TREATMENTS)
    for error in TREATMENTS:
        if error.__base__ in TREATMENTS:
            assert names.index(error.__base__.__name__) < names.index(error.__name__)


def test_only_the_text_between_the_marks_is_written() -> None:
    page = "before\n<!-- generated: x -->\nold\n<!-- end -->\nafter\n"
    assert render(page, "x", "new") == "before\n<!-- generated: x -->\n\nnew\n\n<!-- end -->\nafter\n"


def test_what_is_written_may_hold_backslashes_and_group_references() -> None:
    assert "\\1 \\g<0>" in render("<!-- generated: x -->\n<!-- end -->\n", "x", "\\1 \\g<0>")


def test_a_page_without_the_marks_is_told() -> None:
    with pytest.raises(LookupError, match="'x' stands 0 times"):
        render("nothing here\n", "x", "new")


def test_a_page_may_have_several_sections(tmp_path: Path) -> None:
    mark = "<!-- generated: {} -->\n<!-- end -->\n"
    (tmp_path / "page.md").write_text(mark.format("a") + mark.format("b"))
    sections = [Section("page.md", "a", lambda: "AAA"), Section("page.md", "b", lambda: "BBB")]
    ((_, after),) = pages(sections, tmp_path).values()
    assert "AAA" in after
    assert "BBB" in after


def test_every_section_has_a_name_of_its_own_on_its_page() -> None:
    keys = [(section.page, section.name) for section in SECTIONS]
    assert len(keys) == len(set(keys))


def test_every_response_code_of_digiflazz_has_a_line_and_a_known_class() -> None:
    lines = response_codes().splitlines()[2:]
    assert len(lines) == len(ppob_callbacks.response_codes())
    assert not any("`unknown`" in line for line in lines)


def test_every_metric_stands_in_the_table_under_the_name_that_is_scraped() -> None:
    with application() as web:
        scraped = re.findall(r"# TYPE (\w+) (\w+)", web.get("/metrics").text)
    lines = metrics().splitlines()[2:]
    assert len(lines) == len(METRICS)
    assert [tuple(cell.strip(" `") for cell in line.split("|")[1:3]) for line in lines] == scraped


def test_every_command_prints_its_help_on_the_page() -> None:
    text = command_help()
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [c.name for c in every_command()]
    assert text.count("Usage: ") == len(every_command())


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command.name)
def test_the_example_of_a_command_can_be_typed(command: Command) -> None:
    words = [word for word in shlex.split(command.said()[1]) if not re.match("[A-Z_]+=", word)]
    name = command.name.split()
    assert words[: len(name)] == name
    command.parsed.make_context(command.name, words[len(name) :])  # raises where an argument does not fit
