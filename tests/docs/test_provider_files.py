"""The page about a provider of one's own, as somebody would follow it; and all that a file may hold stands there."""

import re
import shlex
import tomllib
from pathlib import Path

import msgspec
import pytest

from app.providers.catalog import Catalog, model, read_provider
from app.providers.templates import FUNCTIONS, NAMED, ROOMS
from docs.catalogue import TABLES, fields, functions, providers
from tests.chaos.shop import free_port, until
from tests.cli.shell import Ran, run, running


@pytest.fixture
def page(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return (root / "docs" / "provider-files.md").read_text(encoding="utf-8")


def typed(page: str) -> list[list[str]]:
    """The page's commands, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def do(words: list[str], **settings: str) -> Ran:
    if words[0] == "echo":
        with Path(words[-1]).open("a", encoding="utf-8") as file:
            file.write(words[1] + "\n")
        return Ran(0, "", "")
    assert words[0] == "callbacks"
    ran = run(*words[1:], **settings)
    assert ran.code == 0, (words, ran)
    return ran


def test_a_provider_is_added_tried_and_credits_an_order_as_the_page_says(page: str) -> None:
    steps = typed(page)
    up = steps.index(["callbacks", "up"])
    settings = {"CALLBACK_PORT": str(free_port()), "CALLBACK_LANG": "en"}
    do(steps[0], **settings)
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    written = Path("providers/warung.toml").read_text(encoding="utf-8")
    assert written.startswith(shown)
    assert written.count("[[vectors]]") == 5
    for words in steps[1:up]:
        ran = do(words, **settings)
    assert "WRONG" not in ran.out
    assert ran.out.count("ok ") == 17
    assert "orders, after_expiry: every wallet is as it must be" in ran.out
    with running("up", **settings) as system:
        system.line("All addresses: ")
        until(lambda: "worker.started" in system.err, lambda: system.err)
        told = [do(words, **settings).out for words in steps[up + 1 : -2]]
        assert '{"ok": true}' in told[-1]
        until(lambda: "applied" in do(steps[-2], **settings).out, lambda: do(steps[-2], **settings).out)
        assert "25000.00" in do(steps[-1], **settings).out
        assert system.stop() == 0, system.err


def test_the_file_on_the_page_is_what_it_says(page: str) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    provider = read_provider(shown, "warung.toml")
    assert provider.payment is not None
    assert [says.word for says in provider.payment.says] == ["paid", "pending", "expired"]
    assert tomllib.loads(shown)["answers"] == [{"body": '{"ok": true}'}]


def test_every_table_and_field_of_a_file_is_explained() -> None:
    structs = {each for each in vars(model).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)} - {
        msgspec.Struct
    }
    assert {struct for _, struct in TABLES} == {struct for struct in structs if not struct.__name__.startswith("_")}
    text = fields()
    for title, struct in TABLES:
        section = text.partition(f"### {title}\n")[2].partition("\n### ")[0]
        rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        assert [row[0].strip("| `") for row in rows] == [f.encode_name for f in msgspec.structs.fields(struct)]
        for row in rows:
            assert all(cell.strip(" |") for cell in (row[0], row[1], row[3])), row


def test_every_function_and_every_kind_of_place_is_explained(page: str) -> None:
    table = functions()
    assert [line.split("`")[1].partition("(")[0] for line in table.splitlines()[2:]] == list(FUNCTIONS)
    places = page.partition("A **place** is")[2].partition("A **text**")[0]
    assert [name for name in NAMED if f"`{name}`" not in places] == []
    assert [room for room in ROOMS if f"`{room}:" not in places] == []


def test_every_provider_stands_in_the_table_with_its_secret_and_what_is_not_proved() -> None:
    catalog, lines = Catalog(installed=False), providers().splitlines()[2:]
    assert {line.split("`")[1] for line in lines} == set(catalog.names())
    for line in lines:
        provider = catalog.get(line.split("`")[1])
        assert provider.secret is not None
        assert f"`{provider.secret.variable}`" in line
        assert provider.payment is None or provider.payment.unproved in line
